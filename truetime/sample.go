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
// assumed: delay on either way can only widen what follows. Where each way is known to take m at
// least, Latest is T2 + E − m and Earliest is T3 − E + m.
//
// Latest and Earliest count in the scale that the source declares to serve (see [Scale]); the clock
// converts them.
type Sample struct {
	Sent     monotonic.Instant // the counter, read before the request left
	Latest   Time              // rounded up
	Received monotonic.Instant // the counter, read after the reply had come
	Earliest Time              // rounded down

	// Age is how long before Sent, by the counter, the measurement was made for which the source vouches with its
	// claim; of several, the oldest. It is 0 if everything was measured for this sample. See [Source].
	Age time.Duration

	// Peer says who has answered, in a form that is the same for the same server however it was
	// found: for a network protocol its address and port. Two sources of a clock with one peer are
	// one server under two names, and the second is not used. Empty if there is no such thing.
	Peer string

	// Identity is what the reply shows of which machine has answered: equal for two replies of one
	// machine, by whatever address, name or protocol version it was asked, unless it has changed
	// its own time in between; different for two machines. For NTP it is made of the reference id,
	// the reference time, the root delay, the stratum and the precision, for PTP it is the
	// grandmaster's clock identity. Empty if the reply shows nothing of the kind.
	//
	// Voters that have shown the same Identity lately may be one machine, and count once when they
	// are wrong: see [New]. Whoever copies what another shows can end an epoch by it, and gains nothing else.
	Identity string

	// MinPoll is the shortest interval at which whoever has answered likes to be asked; 0 if it
	// does not say. A clock that chooses its own pace heeds it: see [WithTargetUncertainty]. If it
	// is 4 s or more, no clock asks more often than every 4 s, whatever [WithPoll] says and in
	// bursts too. It counts beside an error as well, for whoever does not answer is asked again,
	// too.
	MinPoll time.Duration

	// Leap is what the source announces. It counts where no table says. At the end of June and
	// December f+1 voters that announce a leap second are believed, and at the end of other months
	// n−f that announce none.
	Leap Leap

	// TAIOffset is TAI−UTC as it is now according to a source of [ScaleTAI]; 0 if it does not say.
	// It is needed only where no leap second table is valid, and not used within a minute of a
	// possible leap second.
	TAIOffset time.Duration

	// The rest is for Status only and bounds nothing.

	Delay    time.Duration // round-trip delay δ, without the time spent inside the server
	MinDelay time.Duration // what each way is known to take at least; Latest and Earliest allow for it already
	Claim    time.Duration // E: the error that the source claims, all terms of it
	Stratum  int           // distance from a reference clock, 1 to 15; 0 where the protocol has none
	Stamps   string        // where Sent and Received came from, as in "kernel", and whether Claim has finer bounds (ntpsrc); empty where there is no choice
}

// Leap is what a source announces about the end of the current UTC day or month.
type Leap uint8

// What a source can announce.
const (
	LeapUnknown Leap = iota // nothing: it does not know, or its protocol cannot say
	LeapNone                // no leap second, as far as it knows
	LeapInsert              // the last minute has 61 seconds
	LeapDelete              // the last minute has 59 seconds
)

var leapNames = []string{"unknown", "none", "insert", "delete"}

// String returns "unknown", "none", "insert" or "delete".
func (l Leap) String() string { return name(l, leapNames) }

// MarshalText writes what String returns.
func (l Leap) MarshalText() ([]byte, error) { return []byte(l.String()), nil }

// UnmarshalText reads what MarshalText writes.
func (l *Leap) UnmarshalText(text []byte) error { return parseName(l, text, leapNames) }
