package monotonic

import (
	"errors"
	"fmt"
	"time"
)

// ErrDisrupted is wrapped by what [Watch.Check] returns: the counter can no longer be compared with
// what it read before.
var ErrDisrupted = errors.New("the counter was disrupted")

// Watch looks for signs that a counter of this machine has been disrupted, and measures its rate on
// the way. Look often: what has happened since the last look is all that it can tell. It is not
// safe for concurrent use.
//
// What it cannot look at has not changed: a file that cannot be opened for a while, or a reading that is forbidden, is no
// disruption, and is looked at again later.
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

	suspended   suspension // up to the last look
	clocksource string     // as the kernel named it last; empty if it has not yet been seen
	named       int64      // when it was last asked, by the reference

	start, last pair    // where the measurement of the rate began, and the last look
	begun       bool    // there are such
	low, high   float64 // bounds of dc/dr − 1
}

const (
	// unmeasured bounds the rate of a hardware counter against the system's own before it has been
	// measured. A migration may change it, by tens of ppm.
	unmeasured = 1000e-6

	// clocksourceEvery is how often the name of the kernel's clocksource is read: from a file, which
	// costs more than everything else that is looked at.
	clocksourceEvery = time.Second
)

// Watch starts to watch the counter, from the moment at which it was chosen on.
func (c *SystemCounter) Watch() *Watch {
	w := &Watch{counter: c}
	w.begin()
	w.suspended = w.chosen.suspended
	if w.chosen.hardware != nil {
		w.start, w.last, w.begun = w.chosen.start, w.chosen.start, true
	}
	return w
}

// begin forgets what was measured and starts again with the counter as it is now.
func (w *Watch) begin() {
	w.chosen = w.counter.choice.Load()
	w.clocksource = w.chosen.clocksource
	w.low, w.high, w.begun = 0, 0, false
	w.suspended = w.counter.machine.suspension()
	if w.chosen.hardware != nil {
		w.low, w.high = -unmeasured, unmeasured
		w.beginRate(readPair(w.counter.machine))
	}
}

// beginRate begins to measure the rate, if there is a reading to begin with; else the next look does.
func (w *Watch) beginRate(from pair, err error) {
	if err == nil {
		w.start, w.last, w.begun = from, from, true
	}
}

// Rate returns bounds on the rate of the counter against the system's own unslewed counter, less
// one. They are what has to be added to a drift ρ that is claimed for the latter, and they become
// narrower with every look. Both are 0 where the counter is the system's own.
func (w *Watch) Rate() (low, high float64) { return w.low, w.high }

// Check returns an error that wraps ErrDisrupted and names the cause, if there was a disruption
// since the last look. The watch then begins again, and so must whoever extrapolates.
func (w *Watch) Check() error {
	replaced := w.counter.choice.Load() != w.chosen
	suspended := w.checkSuspension()
	compared := w.compare()
	changed := w.checkClocksource(suspended != nil || compared != nil)
	if !replaced && (changed != nil || compared != nil) {
		// The kernel trusts another counter now, or this one has another rate.
		w.counter.choice.Store(w.counter.chooseAgain())
	}
	var cause error
	switch {
	case replaced:
		cause = errors.New("another counter is read now: " + w.counter.String())
	case changed != nil:
		cause = changed
	case suspended != nil:
		cause = suspended
	case compared != nil:
		cause = compared
	default:
		return nil
	}
	w.begin()
	return fmt.Errorf("%w: %w", ErrDisrupted, cause)
}

// checkSuspension returns an error if the machine was suspended since the last look.
func (w *Watch) checkSuspension() error {
	now := w.counter.machine.suspension()
	switch {
	case !now.known:
		return nil // it cannot be seen, or not now
	case !w.suspended.known:
		w.suspended = now
		return nil
	}
	if now.least > w.suspended.most || now.most < w.suspended.least {
		return fmt.Errorf("the machine was suspended for about %v", (now.least - w.suspended.least).Round(time.Millisecond))
	}
	w.suspended.least, w.suspended.most = max(w.suspended.least, now.least), min(w.suspended.most, now.most)
	return nil
}

// checkClocksource returns an error if the kernel keeps time by something else than when the counter
// was chosen. It asks once in clocksourceEvery, and at once if something else is wrong: that is how
// a counter that the kernel has just given up shows.
func (w *Watch) checkClocksource(suspicious bool) error {
	now, err := w.counter.machine.raw()
	if since := time.Duration(now - w.named); err == nil && !suspicious && since.Abs() < clocksourceEvery {
		return nil
	}
	w.named = now
	name, err := w.counter.machine.clocksource()
	before := w.clocksource
	switch {
	case err != nil:
		return nil
	case before == "" && w.chosen.blind:
		return fmt.Errorf("what the kernel keeps time by can be seen again: %s", name)
	case before != "" && name != before:
		return fmt.Errorf("the kernel changed its clocksource from %s to %s", before, name)
	}
	w.clocksource = name
	return nil
}

// compare holds the hardware counter, if that is what is read, against the system's own, over the
// time since the last look and since the first, and narrows the bounds of its rate.
func (w *Watch) compare() error {
	if w.chosen.hardware == nil {
		return nil
	}
	now, err := readPair(w.counter.machine)
	switch {
	case err != nil:
		return nil
	case !w.begun:
		w.beginRate(now, nil)
		return nil
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
