package commitwait

import (
	"context"
	"errors"
)

// The queue is served by one of those who wait, the leader: it reads the timer, ends the waits that
// are over, and when its own is, makes another one the leader. So a goroutine that waits alone is
// woken by the kernel and not by another goroutine, which would cost another 10 µs and a thread to
// wake (D. Schmidt et al., "Leader/Followers", 2000).

// errLead is what a wait is told, once, when it becomes the leader.
var errLead = errors.New("lead")

// await returns when a wait has ended, by the clock or by its context. Its frame and that of its
// caller are what the stack of a goroutine that waits has room for before it must double, so the
// rest is elsewhere.
func (w *Waiter) await(ctx context.Context, e entry) error {
	select {
	case err := <-e.done:
		return err
	case <-ctx.Done():
		return w.giveUp(ctx, e)
	}
}

// giveUp ends a wait whose context has ended.
func (w *Waiter) giveUp(ctx context.Context, e entry) error {
	if w.leave(e) {
		w.handOver(e) // it may just have been made the leader
		return ctx.Err()
	}
	return <-e.done // it ended at the same moment
}

// serve is what the leader does until its own wait has ended.
func (w *Waiter) serve(ctx context.Context, e entry) error {
	defer w.handOver(e)
	if ctx.Done() != nil {
		defer context.AfterFunc(ctx, func() {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.wakeLeaderLocked()
		})()
	}
	for {
		spin := w.settle(true)
		// Before the spin, which is for whoever is next: where the waits end closely one behind the
		// other there is always a next one, and the leader would not get away.
		select {
		case err := <-e.done:
			return err
		default:
		}
		if ctx.Err() != nil && w.leave(e) {
			return ctx.Err()
		}
		if spin {
			w.spinUntilNext()
		} else {
			w.timer.Wait()
		}
	}
}

// handOver makes another wait the leader, if this one was.
func (w *Waiter) handOver(e entry) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.leader == e.wait {
		w.leader = nil
		w.appointLocked()
	}
}

// appointLocked makes one of those who wait the leader: the next one, which is then woken the most
// precisely, or in a crowd one from the end, so that not every wait begins with taking the lead.
func (w *Waiter) appointLocked() {
	if len(w.queue) == 0 {
		return
	}
	w.leader = w.queue[0].wait
	if len(w.queue) > crowd {
		w.leader = w.queue[len(w.queue)-1].wait
	}
	w.leader.done <- errLead
}

// wakeLeaderLocked makes the leader look up at once. It stays so until the leader has, whatever the
// timer is set to meanwhile.
func (w *Waiter) wakeLeaderLocked() {
	if !w.isClosed() {
		w.hurried = true
		w.timer.Set(0)
	}
}
