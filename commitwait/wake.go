package commitwait

import (
	"math"
	"time"

	"github.com/epsilontime/epsilon/internal/alarm"
	"github.com/epsilontime/epsilon/internal/invariants"
	"github.com/epsilontime/epsilon/truetime"
)

// Two goroutines call settle: the leader (leader.go) whenever the timer has fired, and one of the
// Waiter's whenever a clock that tells has something new. It asks the clock and ends the waits
// whose timestamp is before Earliest, and no others: no timer is ever believed.

const (
	// maxUnread is the longest time for which the clock is not asked. A clock without Changed may
	// have jumped ahead, been closed, or found its answer again.
	maxUnread = 100 * time.Millisecond

	// batch is how many waits end under one lock, so that others can come and go in between.
	batch = 256

	// crowd is how many may wait before things are done for many at once: the leader is one who
	// stays for long, a spin begins at the earliest spinPause times its length after the last
	// wake-up, and wake-ups are at least wakeApart from each other. 100 000 waits a second would
	// otherwise be as many interrupts.
	crowd     = 4
	spinPause = 4
	wakeApart = 50 * time.Microsecond

	// A processor that has slept for long wakes up late: on a virtual machine by 100 µs and more,
	// once in a hundred times. One that was awake a moment ago does not. So the last part of a
	// sleep of more than longRest, wakeEarly, is a sleep of its own. That costs the processor time
	// of one more wake-up, which is less than a spin as long.
	longRest  = 300 * time.Microsecond
	wakeEarly = 200 * time.Microsecond

	// standstill is how often a spin reads the same Earliest before it gives up: a clock that does
	// not move while it is read 1000 times, 20 µs at least, is coarse, or moved by a test.
	standstill = 1000
)

// join adds a wait to the queue.
func (w *Waiter) join(e entry) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.isClosed() {
		e.index = absent
		e.done <- ErrClosed
		return
	}
	if w.timer == nil {
		w.startLocked()
	}
	if e.unjudged {
		w.unjudged++
	}
	w.queue.push(e)
	switch {
	case w.leader == nil:
		w.inVain = false
		w.appointLocked()
	case e.index == 0:
		now, err := read(w.clock)
		w.armLocked(now, err)
	}
}

// leave takes a wait out of the queue. It is false if the wait has ended meanwhile.
func (w *Waiter) leave(e entry) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if e.index == absent {
		return false
	}
	w.removeLocked(e.index)
	return true
}

// removeLocked takes an entry out of the queue.
func (w *Waiter) removeLocked(i int) entry {
	e := w.queue.remove(i)
	if e.unjudged {
		w.unjudged--
	}
	return e
}

// endAllLocked ends every wait with an error.
func (w *Waiter) endAllLocked(err error) {
	for len(w.queue) > 0 {
		w.removeLocked(len(w.queue) - 1).done <- err
	}
	w.next.Store(math.MinInt64)
}

// startLocked begins to serve the queue.
func (w *Waiter) startLocked() {
	w.timer = alarm.Open(w.sparing)
	n, ok := w.clock.(notifier)
	if !ok {
		return
	}
	w.running.Go(func() {
		for {
			changed := n.Changed() // before looking, so that nothing is missed
			w.settle(false)
			select {
			case <-changed:
			case <-w.closed:
				return
			}
		}
	})
}

// settle ends the waits whose timestamps have passed and sets the timer for the next. To the leader
// it returns true instead if the next is so near that it is worth a spin.
func (w *Waiter) settle(leader bool) (spin bool) {
	for {
		w.mu.Lock()
		if leader {
			w.hurried = false
		}
		now, err := read(w.clock)
		more := err == nil && w.wakeLocked(now)
		if !more {
			spin = w.spinOrArmLocked(now, err, leader)
		}
		w.mu.Unlock()
		if !more {
			return spin
		}
	}
}

// wakeLocked ends up to a batch of waits, and reports whether there may be more.
func (w *Waiter) wakeLocked(now truetime.Interval) (more bool) {
	w.judgeLocked(now)
	for i := range batch {
		if len(w.queue) == 0 || !now.After(w.queue[0].timestamp) {
			return false
		}
		if i == 0 {
			w.woke, w.inVain = time.Now(), false // to pace wake-ups and spins; whether a time has passed is the clock's to say
		}
		e := w.removeLocked(0)
		if invariants.Enabled {
			invariants.Check(now.Earliest > e.timestamp, "commitwait: %v is released at %v", e.timestamp, now)
			invariants.Check(len(w.queue) == 0 || w.queue[0].timestamp >= e.timestamp, "commitwait: %v is not the first", e.timestamp)
		}
		e.done <- nil
	}
	return true
}

// judgeLocked applies the limit to those who came while the clock refused.
func (w *Waiter) judgeLocked(now truetime.Interval) {
	if w.unjudged == 0 {
		return
	}
	var refused []entry
	for _, e := range w.queue {
		if e.unjudged && tooLong(e.timestamp, now, w.maxWait) != nil {
			refused = append(refused, e)
		}
		e.unjudged = false
	}
	w.unjudged = 0
	for _, e := range refused {
		w.queue.remove(e.index)
		e.done <- tooLong(e.timestamp, now, w.maxWait)
	}
}

// spinOrArmLocked sees to it that the head of the queue is served in time: it sets the timer, unless
// the leader asks and a spin is what is called for.
func (w *Waiter) spinOrArmLocked(now truetime.Interval, err error, leader bool) (spin bool) {
	if err != nil && w.final(err) {
		w.endAllLocked(err)
	}
	if !leader && w.leader != nil && w.leader.index == absent {
		w.wakeLeaderLocked() // its wait has ended, and it does not know yet
	}
	if len(w.queue) == 0 || w.isClosed() {
		w.next.Store(math.MinInt64)
		return false
	}
	if err == nil && leader {
		left := w.leftLocked(now)
		if left <= w.spin && w.maySpinLocked(left) {
			w.next.Store(int64(w.queue[0].timestamp))
			return true
		}
	}
	w.armLocked(now, err)
	return false
}

// leftLocked is how far Earliest has to go for the head of the queue.
func (w *Waiter) leftLocked(now truetime.Interval) time.Duration {
	return w.queue[0].timestamp.Sub(now.Earliest.Add(-1))
}

// armLocked sets the timer for the head of the queue, or for when its spin begins. The
// queue is not empty.
//
// Earliest runs at almost the rate of the timer, slower by the clock's drift. What is missing is
// slept again.
func (w *Waiter) armLocked(now truetime.Interval, err error) {
	w.next.Store(int64(w.queue[0].timestamp))
	switch left := w.leftLocked(now); {
	case w.hurried:
		w.timer.Set(0)
	case err != nil:
		w.timer.Set(maxUnread)
	case w.maySpinLocked(left):
		w.timer.Set(min(w.firstPart(max(left-w.spin, 0)), maxUnread))
	case len(w.queue) > crowd:
		w.timer.Set(min(max(left, wakeApart-time.Since(w.woke)), maxUnread))
	default:
		w.timer.Set(min(w.firstPart(left), maxUnread))
	}
}

// firstPart is how long to sleep before looking again, where d is to be slept. Who does without the
// spin wants to spare the processor, and so does a Waiter for one call: to close its descriptor
// costs as much as a wake-up already.
func (w *Waiter) firstPart(d time.Duration) time.Duration {
	if d > longRest && !w.sparing && w.spin > 0 {
		return d - wakeEarly
	}
	return d
}

// maySpinLocked reports whether there may be a spin for something that has so far to go.
func (w *Waiter) maySpinLocked(left time.Duration) bool {
	if w.spin == 0 || w.inVain {
		return false
	}
	return len(w.queue) <= crowd || time.Since(w.woke)+max(left-w.spin, 0) >= spinPause*w.spin
}

// spinUntilNext reads the clock until the timestamp at the head of the queue has passed, for as
// long as allowed. Without the lock: an earlier one may come, or the last one go.
func (w *Waiter) spinUntilNext() {
	// The spin began when no more than its length was left, of a time that may be slower than ours.
	// Go's clock only limits what the spin costs.
	enough := time.Now().Add(w.spin + time.Microsecond)
	passed := false
	var last truetime.Time
	for same := 0; same < standstill && !passed; same++ {
		now, err := read(w.clock)
		passed = err == nil && now.After(truetime.Time(w.next.Load()))
		if err != nil || !time.Now().Before(enough) {
			break
		}
		if now.Earliest != last {
			last, same = now.Earliest, 0
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.inVain = !passed
}
