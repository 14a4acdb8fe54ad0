package truetime

import (
	"context"
	"sync"
	"time"
)

// deadline is a context as [context.WithTimeout] returns it, but for when its timer starts: only when
// somebody waits for its end. Nobody does in an exchange that is over in microseconds, and a timer wakes
// an idle process even if it has been stopped. It has a [PollInfo].
type deadline struct {
	parent context.Context
	at     time.Time // Go's clock will do: no bound follows from it
	info   PollInfo

	mu    sync.Mutex
	inner context.Context // nil until somebody waits, or it has ended
	stop  context.CancelFunc
}

func withDeadline(parent context.Context, after time.Duration, info PollInfo) *deadline {
	return &deadline{parent: parent, at: time.Now().Add(after), info: info}
}

// cancel releases what the context holds.
func (d *deadline) cancel() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.inner == nil && !d.over() {
		d.inner, d.stop = context.WithCancel(d.parent)
	}
	d.stop()
}

func (d *deadline) Deadline() (time.Time, bool) {
	if at, limited := d.parent.Deadline(); limited && at.Before(d.at) {
		return at, true
	}
	return d.at, true
}

func (d *deadline) Done() <-chan struct{} {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.inner == nil {
		d.inner, d.stop = context.WithDeadline(d.parent, d.at)
	}
	return d.inner.Done()
}

func (d *deadline) Err() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.inner != nil || d.over() {
		return d.inner.Err()
	}
	return d.parent.Err()
}

// over reports whether it has run out, and if so makes it one of the library's, which stays so whatever comes
// after. The lock is held.
func (d *deadline) over() bool {
	if time.Now().Before(d.at) {
		return false
	}
	d.inner, d.stop = context.WithDeadline(d.parent, d.at)
	return true
}

func (d *deadline) Value(key any) any {
	if key == (pollInfoKey{}) {
		return &d.info
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.inner != nil {
		return d.inner.Value(key) // by which the context package finds its own
	}
	return d.parent.Value(key)
}
