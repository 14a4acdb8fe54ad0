package ntpsrc

import (
	"time"

	"golang.org/x/sys/unix"

	"github.com/epsilontime/epsilon/truetime"
)

func kernelSupported() error { return nil }

// readKernelClock reads and changes nothing: modes is 0.
func readKernelClock() (kernelClock, error) {
	var t unix.Timex
	state, err := unix.Adjtimex(&t)
	if err != nil {
		return kernelClock{}, err
	}
	return decodeTimex(state, &t), nil
}

func decodeTimex(state int, t *unix.Timex) kernelClock {
	c := kernelClock{
		resolution: time.Microsecond,
		// The kernel keeps it below 16 s; a number that would overflow is none of its.
		maxError:       time.Duration(min(max(int64(t.Maxerror), -1), int64(time.Hour/time.Microsecond))) * time.Microsecond,
		unsynchronized: t.Status&unix.STA_UNSYNC != 0 || state == unix.TIME_ERROR,
		inLeapSecond:   state == unix.TIME_OOP,
		slew:           float64(t.Freq) * ppmPerUnit,
	}
	if t.Tick != 0 {
		c.slew += float64(t.Tick-usualTick) * ppmPerTick
	}
	fraction := time.Duration(t.Time.Usec) * time.Microsecond
	if t.Status&unix.STA_NANO != 0 { // then the field holds nanoseconds
		fraction, c.resolution = time.Duration(t.Time.Usec), time.Nanosecond
	}
	c.time = truetime.FromStd(time.Unix(int64(t.Time.Sec), int64(fraction)))
	switch {
	case t.Status&unix.STA_INS != 0:
		c.leap = truetime.LeapInsert
	case t.Status&unix.STA_DEL != 0:
		c.leap = truetime.LeapDelete
	}
	return c
}
