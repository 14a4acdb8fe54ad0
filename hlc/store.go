package hlc

import "context"

// Store keeps the bound below which timestamps may have been issued, so that a restart issues none
// twice. One clock at a time may use it. [FileStore] is one. Package hlctest tests an implementation.
//
// A bound that Save has returned nil for, or that Load has returned, must survive whatever the
// store is meant to survive; otherwise timestamps are issued twice.
type Store interface {
	// Load returns the bound that was saved last, or zero if none ever was. It must return an
	// error, and not zero, if it cannot tell. An error that wraps [ErrCorrupt] says that there is
	// something which is not a bound.
	Load(ctx context.Context) (Timestamp, error)

	// Save replaces what was saved before, and returns nil once bound is certain to survive a crash
	// of the machine. After an error Load may return either. It should return when ctx ends, if it
	// can.
	//
	// No Save may take effect after a later one has returned, by this process or the next. A server
	// may carry a request out long after its client has given it up; so number the requests, and
	// have the server refuse a number that is not above the last, in one step with the write.
	//
	// The bound is always higher than the one before, but for the last Save when the clock is
	// closed.
	Save(ctx context.Context, bound Timestamp) error
}
