package commitwait

// Waiting is how many wait.
func Waiting(w *Waiter) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.queue)
}

// Room is how many could wait in the memory that the queue has.
func Room(w *Waiter) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return cap(w.queue)
}

// What no caller branches on, and tests do.
var (
	ErrUnmade          = errUnmade
	ErrNoSource        = errNoSource
	ErrNoWork          = errNoWork
	ErrPast            = errPast
	ErrInvalidInterval = errInvalidInterval
)

const (
	DefaultSpin     = defaultSpin
	DefaultMaxWait  = defaultMaxWait
	DefaultMaxAhead = defaultMaxAhead
)
