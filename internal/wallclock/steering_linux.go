package wallclock

import (
	"fmt"
	"sync"

	"golang.org/x/sys/unix"
)

// readSteering asks the kernel how its clock is steered, and for which second it is. It returns the zero value where that is
// forbidden.
func readSteering(k kernel) Steering {
	s := readLastSteering(k)
	if s.Tick == 0 {
		return Steering{}
	}
	coarse, err := k.clock(unix.CLOCK_REALTIME_COARSE)
	if err != nil {
		return Steering{}
	}
	s.Begun, s.Coarse, s.Since = int64(coarse.Sec), coarse.Nano(), coarse.Nano()
	return s
}

// readLastSteering asks what of it counts at the last look: how the clock is steered, and in which second of it that was. It returns
// the zero value where that is forbidden, and for kernels older than Linux 4.19, which put a new tick into force by and by
// (kernel/time/timekeeping.c, timekeeping_adjust).
func readLastSteering(k kernel) Steering {
	if !steersAtOnce() {
		return Steering{}
	}
	t, err := k.steered()
	if err != nil {
		return Steering{}
	}
	s := Steering{Read: int64(t.Time.Sec)}
	s.Told = Told{
		Tick: int64(t.Tick), Frequency: int64(t.Freq),
		Offset: int64(t.Offset), MaxError: int64(t.Maxerror), Status: int64(t.Status),
	}
	return s
}

var steersAtOnce = sync.OnceValue(func() bool {
	var u unix.Utsname
	if unix.Uname(&u) != nil {
		return false
	}
	return releasedSince419(unix.ByteSliceToString(u.Release[:]))
})

// releasedSince419 reads a release such as 6.18.44-generic.
func releasedSince419(release string) bool {
	var major, minor int
	if n, _ := fmt.Sscanf(release, "%d.%d", &major, &minor); n < 2 {
		return false
	}
	return major > 4 || major == 4 && minor >= 19
}
