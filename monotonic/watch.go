package monotonic

import (
	"errors"
	"fmt"
)

// ErrDisrupted is wrapped by what [Watch.Check] returns: the counter can no longer be compared with
// what it read before.
var ErrDisrupted = errors.New("the counter was disrupted")

// Watch looks for signs that a counter of this machine has been disrupted, and measures its rate on
// the way. Look often: what has happened since the last look is all that it can tell. It is not
// safe for concurrent use.
//
// It sees
//   - a suspend: CLOCK_BOOTTIME has moved against CLOCK_MONOTONIC, which nothing else does;
//   - a change of the kernel's clocksource, as its own watchdog makes when it finds the TSC
//     unstable;
//   - the hardware counter and the system's own having run at another rate against each other than
//     was measured before, by 10 ppm over 50 ms, and by less over longer spans.
//
// It cannot see a virtual machine that was stopped and restored with both counters in step; that
// takes a VMClock device, or the next exchange with a time server.
type Watch struct {
	counter *SystemCounter
	chosen  *choice
	machine machine // what the kernel says about suspends and its clocksource

	start, last pair    // where the measurement of the rate began, and the last look
	low, high   float64 // bounds of dc/dr − 1
}

// unmeasured bounds the rate of a hardware counter against the system's own before it has been
// measured. A migration may change it, by tens of ppm.
const unmeasured = 1000e-6

// Watch starts to watch the counter.
func (c *SystemCounter) Watch() *Watch {
	w := &Watch{counter: c, machine: newMachine(c.sysfs)}
	w.begin()
	w.start, w.last = w.chosen.start, w.chosen.start // the calibration was the first look
	return w
}

// begin forgets what was measured and starts again with the counter as it is now.
func (w *Watch) begin() {
	w.chosen = w.counter.choice.Load()
	w.low, w.high = 0, 0
	if w.chosen.hardware != nil {
		w.low, w.high = -unmeasured, unmeasured
		w.start, _ = readPair() // if this fails the next comparison will
		w.last = w.start
	}
	w.machine.begin()
}

// Rate returns bounds on the rate of the counter against the system's own unslewed counter, less
// one. They are what has to be added to a drift ρ that is claimed for the latter, and they become
// narrower with every look. Both are 0 where the counter is the system's own.
func (w *Watch) Rate() (low, high float64) { return w.low, w.high }

// Check returns an error that wraps ErrDisrupted and names the cause, if there was a disruption
// since the last look. The watch then begins again, and so must whoever extrapolates.
func (w *Watch) Check() error {
	cause := w.machine.check()
	switch {
	case w.counter.choice.Load() != w.chosen:
		cause = errors.New("another counter is read now: " + w.counter.String())
	case errors.Is(cause, errClocksource):
		// The kernel has withdrawn its trust in the hardware counter, or given it back.
		w.counter.choice.Store(w.counter.choose())
	case cause == nil && w.chosen.hardware != nil:
		cause = w.compare()
	}
	if cause == nil {
		return nil
	}
	w.begin()
	return fmt.Errorf("%w: %w", ErrDisrupted, cause)
}

// compare holds the hardware counter against the system's own, over the time since the last look
// and since the first, and narrows the bounds of its rate.
func (w *Watch) compare() error {
	now, err := readPair()
	if err != nil {
		return fmt.Errorf("reading %s failed: %w", rawName, err)
	}
	if now.raw < w.last.raw || int64(now.before-w.last.after) < 0 {
		return errors.New("the counter went back")
	}
	for _, since := range []pair{w.last, w.start} {
		low, high := w.chosen.hardware.scale.rateBetween(since, now)
		if low > w.high || high < w.low {
			return fmt.Errorf("the processor's counter ran at %+.1f to %+.1f ppm against %s, after %+.1f to %+.1f ppm", low*1e6, high*1e6, rawName, w.low*1e6, w.high*1e6)
		}
		w.low, w.high = max(w.low, low), min(w.high, high)
	}
	w.last = now
	return nil
}
