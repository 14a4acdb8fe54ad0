package hlchttp

import (
	"sync/atomic"

	"github.com/epsilontime/epsilon/hlc"
)

// Clock is what is needed of a hybrid logical clock here: an [hlc.Clock], something that wraps one,
// or a [Relay]. It is used by several goroutines.
type Clock interface {
	// Now returns a timestamp for a message about to be sent. Zero without an error means that
	// there is nothing to say: the message has no header.
	Now() (hlc.Timestamp, error)

	// Update merges the timestamp of a message and returns one for its reception, or refuses it.
	// [Handler] answers according to the error.
	Update(remote hlc.Timestamp, from string) (hlc.Timestamp, error)

	// Last returns the greatest timestamp returned or merged so far, or zero: what a response
	// carries when Now fails and it is too late for an error.
	Last() hlc.Timestamp
}

// Relay is a [Clock] for a client that has none. It hands on the greatest timestamp that it has
// received, so that whatever a server does for the client comes after all that the client has seen,
// of whatever server. The zero value is ready for use; one that is shared orders what its users do
// after what any of them has seen.
//
// It gives the client's own events no order, and it cannot tell what is from the future. A
// timestamp of a server whose clock is wrong is handed on, and refused by every other server, until
// that time has come: begin with another Relay then.
type Relay struct{ last atomic.Int64 }

// Now returns the greatest timestamp received, or zero. It never fails.
func (r *Relay) Now() (hlc.Timestamp, error) { return r.Last(), nil }

// Update returns the greatest timestamp received, this one included. It never fails.
func (r *Relay) Update(remote hlc.Timestamp, _ string) (hlc.Timestamp, error) {
	for {
		last := r.last.Load()
		if int64(remote) <= last || r.last.CompareAndSwap(last, int64(remote)) {
			return max(remote, hlc.Timestamp(last)), nil
		}
	}
}

// Last returns the greatest timestamp received, or zero.
func (r *Relay) Last() hlc.Timestamp { return hlc.Timestamp(r.last.Load()) }
