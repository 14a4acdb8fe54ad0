package testbed

import (
	"math/rand/v2"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// MaySetTime skips a test that sets the machine's clock, which disturbs everything on it, unless
// that was asked for.
func MaySetTime(t testing.TB) {
	t.Helper()
	if os.Getenv("EPSILON_TEST_SETTIME") != "1" {
		t.Skip("sets the machine's clock; EPSILON_TEST_SETTIME=1 runs it")
	}
}

// StepRealtime moves CLOCK_REALTIME by an exact amount.
func StepRealtime(t testing.TB, by time.Duration) {
	t.Helper()
	d := unix.NsecToTimespec(int64(by)) // in fields of the widths that this architecture has
	step := unix.Timex{Modes: unix.ADJ_SETOFFSET | unix.ADJ_NANO, Time: unix.Timeval{Sec: d.Sec, Usec: d.Nsec}}
	_, err := unix.Adjtimex(&step)
	require.NoError(t, err)
}

// StrobeRealtime has two goroutines step CLOCK_REALTIME to and fro, by microseconds to
// milliseconds, until the function that it returns is called. Nothing is left of it then.
func StrobeRealtime(t testing.TB, seed uint64) (stop func()) {
	t.Helper()
	end := make(chan struct{})
	var strobes sync.WaitGroup
	for g := range uint64(2) {
		rng := rand.New(rand.NewPCG(seed, g))
		strobes.Go(func() {
			for {
				select {
				case <-end:
					return
				default:
				}
				by := time.Duration(1000 << rng.IntN(14)) // 1 µs to 8 ms
				if rng.IntN(2) == 0 {
					by = -by
				}
				StepRealtime(t, by)
				time.Sleep(time.Duration(rng.IntN(300)) * time.Microsecond)
				StepRealtime(t, -by)
				time.Sleep(time.Duration(rng.IntN(5000)) * time.Microsecond)
			}
		})
	}
	return func() { close(end); strobes.Wait() }
}
