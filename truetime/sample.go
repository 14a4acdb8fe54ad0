package truetime

import (
	"time"

	"github.com/epsilontime/epsilon/monotonic"
)

// Sample is what one exchange with a source proves, provided the source is within the error that
// it claims. It is two one-sided facts at two different moments of the local counter:
//
//	true time at Sent     is at most  Latest     (the request cannot arrive before it was sent)
//	true time at Received is at least Earliest   (the reply cannot arrive before it was sent)
//
// For an NTP exchange with server stamps T2 and T3 and a claimed error E, Latest is T2 + E and
// Earliest is T3 − E. For a device that is read between two readings of the counter, Sent and
// Received are those readings and both ends come from the device. No symmetry of the path is
// assumed: delay on either way can only widen what follows.
type Sample struct {
	Sent     monotonic.Instant // the counter, read before the request left
	Latest   Time              // rounded up
	Received monotonic.Instant // the counter, read after the reply had come
	Earliest Time              // rounded down

	// Peer says who has answered, in a form that is the same for the same server however it was
	// found: for a network protocol its address and port. Two sources of a clock with one peer are
	// one server under two names, and the second is not used. Empty if there is no such thing.
	Peer string

	// MinPoll is the shortest interval at which whoever has answered likes to be asked; 0 if it does not
	// say. A clock that chooses its own pace heeds it: see [WithTargetUncertainty].
	MinPoll time.Duration

	// The rest is for Status only and bounds nothing.

	Delay   time.Duration // round-trip delay δ, without the time spent inside the server
	Error   time.Duration // E: the error that the source claims, all terms of it
	Stratum int           // distance from a reference clock, 1 to 15; 0 where the protocol has none
	Leap    Leap
	Stamps  string // who found Sent and Received, as in "kernel"; empty where there is no choice
}

// Leap is the leap indicator of a source (RFC 5905 figure 9).
type Leap uint8

// The leap indicators of a source that can be used.
const (
	LeapNone   Leap = iota // none announced
	LeapInsert             // the last minute of the month has 61 seconds
	LeapDelete             // the last minute of the month has 59 seconds
)

// String returns "none", "insert" or "delete".
func (l Leap) String() string { return name(l, "none", "insert", "delete") }
