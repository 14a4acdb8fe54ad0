package lease

import "errors"

// Errors of this package. Compare with errors.Is.
var (
	// ErrClock: the clock refused to answer, or its interval is upside down or wider than
	// [WithMaxUncertainty] allows. Nobody acts on such an answer.
	ErrClock = errors.New("lease: no usable answer from the clock")

	// ErrTaken: somebody else holds the lease, or may still hold it.
	ErrTaken = errors.New("lease: taken")

	// ErrFromFuture: the record expires later than any correct clock can have written. Either the
	// clock that wrote it was wrong or ours is, so waiting for the expiry may last for years and
	// taking the lease over is not safe. An operator has to look, and may call Revoke. From
	// TryAcquire it may only mean that this machine was suspended a moment ago, and its clock has
	// not noticed yet.
	ErrFromFuture = errors.New("lease: the record is from the future")

	// ErrUncertain: true time may be past the expiry, and may not.
	ErrUncertain = errors.New("lease: expiry uncertain")

	// ErrBeyondExpiry: the timestamp, or the floor, would not be before the expiry, so that the
	// next holder could not know of it. The lease is Held and nothing has changed. A lower floor,
	// or the same after the next renewal, may do.
	ErrBeyondExpiry = errors.New("lease: timestamp beyond the expiry")

	// ErrExpired: the lease has certainly expired.
	ErrExpired = errors.New("lease: expired")

	// ErrExpiring: the cause of the end of a context that ran into the margin before the expiry.
	ErrExpiring = errors.New("lease: about to expire")

	// ErrLost: the record in the store is not ours any more.
	ErrLost = errors.New("lease: lost")

	// ErrReleased: Release was called.
	ErrReleased = errors.New("lease: released")

	// ErrClosed: Close was called.
	ErrClosed = errors.New("lease: closed")

	// ErrStaleToken: a holder with a higher token has been here before, or no token was sent. It is
	// not worth a retry.
	ErrStaleToken = errors.New("lease: stale token")
)

var errUnmade = errors.New("lease: a Candidate is made with NewCandidate, a Lease by acquiring it, " +
	"and a FileStore with OpenFileStore")

// Errors of a [Store].
var (
	// ErrConflict: the record has another version than the one to be replaced, and this request has
	// changed nothing and never will. Any other error of CompareAndSwap leaves open whether it has.
	ErrConflict = errors.New("lease: version conflict")

	// ErrPermanent: the store cannot do what was asked, and waiting will not change that; somebody
	// has to see to it. A [Store] wraps it in such an error, so that Acquire and Release return it
	// at once and do not go on trying: a table that is missing, a password that is refused, a
	// client that has been closed.
	ErrPermanent = errors.New("lease: the store will not recover by itself")

	// ErrCorrupt: what is stored, or was to be, is not a record. It does not go away by itself.
	ErrCorrupt = errors.New("lease: corrupt record")
)

// permanent reports whether an error of the store stays however long one waits.
func permanent(err error) bool { return errors.Is(err, ErrPermanent) || errors.Is(err, ErrCorrupt) }
