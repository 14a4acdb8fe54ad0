package truetime

import (
	"errors"

	"github.com/epsilontime/epsilon/truetime/internal/engine"
)

// Errors of [Clock.Now] and of what stands on it. Compare with errors.Is.
var (
	// ErrNotSynchronized: not enough sources have answered yet, or not since the last disruption.
	ErrNotSynchronized = engine.ErrNotSynchronized

	// ErrUncertaintyTooLarge: the interval is wider than WithMaxUncertainty allows.
	ErrUncertaintyTooLarge = engine.ErrUncertaintyTooLarge

	// ErrClockFaulty: epoch after epoch ends soon because more sources contradict each other or
	// themselves than may be wrong. Either the local counter runs outside the declared drift, or that
	// many sources are wrong. It lasts until an epoch has lasted five minutes and more than f voters have
	// confirmed it by a sample after that: with polls of more than five minutes, until the second one.
	// Where all but f voters agree on a rate of the counter outside the drift, the error says which, and
	// which [WithDrift] would admit it.
	ErrClockFaulty = engine.ErrClockFaulty

	// ErrTAIUnknown: the leap second table has expired, and it is not known whether there has been a leap
	// second since. UTC is known all the same. Install a newer table, or see WithLeapSeconds.
	ErrTAIUnknown = engine.ErrTAIUnknown

	// ErrClosed: the clock has been closed.
	ErrClosed = engine.ErrClosed
)

// Errors that a [Source] wraps to say what kind of failure it was. A source that fails keeps its
// vote: it goes on voting with its last interval, which widens.
var (
	// ErrUnusable: the source answered, and what it said cannot bound time: it is not synchronized
	// itself, claims too large an error, or broke the protocol.
	ErrUnusable = engine.ErrUnusable

	// ErrRetracted is an ErrUnusable by which it has turned out that what the source said before follows from
	// something false, such as a distance that it was declared to have. Everything that it has said is dropped, and it
	// counts as one of those that are wrong until it has answered four times. If more than f are so, or have been in this
	// epoch, the epoch ends. The next one begins with nothing held against anybody, so a source goes on returning this
	// until it can be believed again.
	ErrRetracted = engine.ErrRetracted

	// ErrSlowDown: the source wants to be asked less often. Each time that it says so the interval between its polls
	// doubles, up to 1024 s or the longest interval of [WithPoll], whichever is longer. It is halved again after every 16
	// answers in a row without another such wish, until it is what it would be anyway; from a source that says so once more
	// it then takes twice as many answers, up to 1024.
	ErrSlowDown = engine.ErrSlowDown

	// ErrDenied: the source refuses service. It is asked again a day later, then after two days, four, and every
	// eight, until it answers.
	ErrDenied = engine.ErrDenied
)

var errRecorderSlow = errors.New("recording ended: its writer is too slow, and a journal with a gap could not be replayed")
