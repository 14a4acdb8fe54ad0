package main

import (
	"fmt"
	"math"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// steering is what somebody may have told the kernel to do with CLOCK_REALTIME, which all servers serve here.
type steering struct {
	Frequency, Tick int64 // timex's units
	Offset          int64 // that the kernel's loop still has to correct
	Adjustment      int64 // the same of adjtime(3)
	Ahead           int64 // of CLOCK_MONOTONIC, which is slewed alike and never stepped, in nanoseconds
	err             error
}

const (
	offsetLeft = 0xa001    // ADJ_OFFSET_SS_READ of adjtimex(2): only reads
	stepMin    = 1_000_000 // ns: daemons slew what is less
)

// readSteering asks the kernel, and changes nothing.
func readSteering() (s steering) {
	var kernel unix.Timex
	adjust := unix.Timex{Modes: offsetLeft}
	if _, s.err = unix.Adjtimex(&kernel); s.err == nil {
		_, s.err = unix.Adjtimex(&adjust)
	}
	if s.err != nil {
		s.err = os.NewSyscallError("adjtimex", s.err)
		return s
	}
	s.Frequency, s.Tick, s.Offset, s.Adjustment = int64(kernel.Freq), int64(kernel.Tick), int64(kernel.Offset), int64(adjust.Offset)
	narrowest := int64(math.MaxInt64)
	for range 10 { // of which one is not interrupted
		var before, realtime, after unix.Timespec
		_ = unix.ClockGettime(unix.CLOCK_MONOTONIC, &before)
		_ = unix.ClockGettime(unix.CLOCK_REALTIME, &realtime)
		_ = unix.ClockGettime(unix.CLOCK_MONOTONIC, &after)
		if width := after.Nano() - before.Nano(); width < narrowest {
			narrowest, s.Ahead = width, realtime.Nano()-before.Nano()
		}
	}
	return s
}

// until says what was done to the clock from one moment to a later one, or nothing.
func (s steering) until(later steering) string {
	if later.err != nil {
		return fmt.Sprintf("it is not known: %v", later.err)
	}
	var what []string
	if s.Frequency != later.Frequency || s.Tick != later.Tick {
		what = append(what, fmt.Sprintf("its frequency changed by %.3f ppm", float64(later.Frequency-s.Frequency)/(1<<16)+float64(later.Tick-s.Tick)*100))
	}
	if s.Offset != 0 || later.Offset != 0 || s.Adjustment != 0 || later.Adjustment != 0 {
		what = append(what, "an offset was being corrected")
	}
	if step := later.Ahead - s.Ahead; step >= stepMin || step <= -stepMin {
		what = append(what, fmt.Sprintf("it was stepped by %.1f ms", float64(step)/1e6))
	}
	return strings.Join(what, ", ")
}
