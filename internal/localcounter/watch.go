package localcounter

import (
	"errors"
	"fmt"
	"time"
)

// Watch notices that a counter of this machine has been disrupted, and measures its rate meanwhile.
// Check often: each Check sees only what has happened since the one before. A Watch is not safe for
// concurrent use.
//
// What cannot be read counts as unchanged: a file that cannot be opened for a while, or a reading
// that a sandbox forbids, is no disruption, and the next Check tries again. Only the counter itself has to be read.
//
// It notices
//   - a suspend: CLOCK_BOOTTIME has moved against CLOCK_MONOTONIC, which nothing else does;
//   - a change of the kernel's clocksource, as its own watchdog makes when it finds the TSC
//     unstable;
//   - the hardware counter and the system's own having run at another rate against each other than
//     was measured before, by 10 ppm over 50 ms, and by less over longer spans.
//
// It does not notice that a virtual machine was stopped and restored with both counters in step.
// That takes a VMClock device, or the next exchange with a time server.
type Watch struct {
	counter *Counter
	chosen  *choice

	suspended     suspension // up to the last Check
	clocksource   string     // as last read; empty if it could not yet be read
	clocksourceAt int64      // when it was last read, by the reference

	start, last pair    // where the measurement of the rate began, and the last Check
	begun       bool    // start and last are set
	low, high   float64 // bounds of dc/dr − 1
}

const (
	// unmeasured bounds the rate of a hardware counter against the system's own before it has been
	// measured. A migration may change it, by tens of ppm.
	unmeasured = 1000e-6

	// clocksourceEvery is how often the name of the kernel's clocksource is read. It is in a file,
	// and to read it costs more than the rest of Check.
	clocksourceEvery = time.Second
)

// Watch returns a Watch that notices disruptions since the counter was chosen.
func (c *Counter) Watch() *Watch {
	w := &Watch{counter: c}
	w.begin()
	w.suspended = w.chosen.suspended
	if w.chosen.hardware != nil {
		w.start, w.last, w.begun = w.chosen.start, w.chosen.start, true
	}
	return w
}

// begin discards what was measured and starts again with the counter as it is now.
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

// beginRate begins to measure the rate, if there was a reading to begin with. Otherwise the next
// Check does.
func (w *Watch) beginRate(from pair, err error) {
	if err == nil {
		w.start, w.last, w.begun = from, from, true
	}
}

// Rate returns bounds of dc/dr − 1, where c is the counter and r the system's own unslewed counter.
// They are what has to be added to a drift ρ that is claimed for r, and they become narrower with
// every Check. Both are 0 where the counter is the system's own.
func (w *Watch) Rate() (low, high float64) { return w.low, w.high }

// Check returns an error that names the cause if the counter was disrupted since the last Check, so
// that its readings can no longer be compared with earlier ones. The Watch then begins again, and
// so must whoever extrapolates.
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
	switch _, mute := w.counter.machine.raw(); {
	case mute != nil && w.chosen.hardware == nil:
		cause = fmt.Errorf("%s cannot be read any more: %w", rawName, mute)
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
	return fmt.Errorf("the counter was disrupted: %w", cause)
}

// checkSuspension returns an error if the machine was suspended since the last Check.
func (w *Watch) checkSuspension() error {
	now := w.counter.machine.suspension()
	switch {
	case !now.known:
		return nil // it cannot be read, or not now
	case !w.suspended.known:
		w.suspended = now
		return nil
	}
	if now.least > w.suspended.most || now.most < w.suspended.least {
		suspended := (now.least - w.suspended.least).Round(time.Millisecond)
		return fmt.Errorf("the machine was suspended for about %v", suspended)
	}
	w.suspended.least, w.suspended.most = max(w.suspended.least, now.least), min(w.suspended.most, now.most)
	return nil
}

// checkClocksource returns an error if the kernel's clocksource is not the one by which the counter
// was chosen. It reads the name once in clocksourceEvery, and at once if something else is wrong:
// a counter that the kernel has just given up first shows by that.
func (w *Watch) checkClocksource(suspicious bool) error {
	now, err := w.counter.machine.raw()
	if since := time.Duration(now - w.clocksourceAt); err == nil && !suspicious && since.Abs() < clocksourceEvery {
		return nil
	}
	w.clocksourceAt = now
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

// compare compares the hardware counter, if that is what is read, with the system's own counter,
// over the time since the last Check and since the first, and narrows the bounds of its rate.
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
			return fmt.Errorf("the processor's counter ran at %+.1f to %+.1f ppm against %s, after %+.1f to %+.1f ppm",
				low*1e6, high*1e6, rawName, w.low*1e6, w.high*1e6)
		}
		w.low, w.high = max(w.low, low), min(w.high, high)
	}
	w.last = now
	return nil
}
