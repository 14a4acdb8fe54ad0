package truetime

import (
	"context"
	"errors"

	"github.com/epsilontime/epsilon/internal/unset"
	"github.com/epsilontime/epsilon/monotonic"
)

// Source is something that can be asked for the time.
//
// All that a clock has to know about a source is in what these two methods return. So a wrapper
// such as struct{ truetime.Source } loses nothing, whatever it adds.
type Source interface {
	// Info describes the source. It always returns the same; [New] calls it once and keeps the
	// result.
	Info() SourceInfo

	// Sample performs one exchange and returns promptly with ctx's error when ctx ends. It reads the given
	// counter; what it learns by any other clock it must first turn into a reading of that one. The context
	// tells what the clock lets the source know: see [PollInfoOf].
	//
	// A sample counts by when it was taken, not by when it arrives: the counter may have stood
	// still in between, and whoever has kept a sample does not know. So both instants, Sent
	// and Received, are read during this call; a sample that is older is refused. What follows from
	// a measurement made before the call, by somebody else, says so in Sample.Age, and is refused
	// where that was before the last disruption that the clock has noticed, if there was one. No more is needed: if a
	// disruption is noticed during the call, every sample of it is refused, and while nobody has noticed one nothing
	// is promised.
	//
	// A clock calls it from one goroutine at a time. A source may be given to several clocks, which
	// then call it at the same time, each with a counter of its own: every source of this module
	// bears that, and gives each clock what is true by its counter. An error is [ErrUnusable],
	// [ErrSlowDown] or [ErrDenied] if it wraps one of these; any other means that no answer came.
	//
	// The facts of one source are held against each other for as long as the same peer gives them
	// (Sample.Peer). With another peer they begin anew.
	Sample(ctx context.Context, counter monotonic.Counter) (Sample, error)
}

// SourceInfo describes a [Source]. What is false here makes answers wrong, so a wrapper that does
// not know better returns what the source that it wraps says.
type SourceInfo struct {
	// Name identifies the source in Status, in events and in errors. Two sources of a clock have
	// different names, and none is empty.
	Name string

	// Group names those with whom the source shares one vote; empty if it has a vote of its own.
	// [Group] sets it.
	Group string

	// Peer is who answers, if that is always the same and known beforehand, as for an address that
	// is no name: then every sample has it for its Peer. Sources that can choose whom to ask leave
	// that peer to this source.
	Peer string

	// Scale is what the source counts in. The zero value is [ScaleUTC].
	Scale Scale

	// Authenticated is true if every sample is: see [WithRequireAuthenticated].
	Authenticated bool

	// Err says what is wrong with how the source is configured; nil if nothing is. [New] reports it
	// and starts no clock.
	Err error
}

// info returns what New keeps of a source.
func info(s Source) SourceInfo {
	if unset.Nil(s) {
		return SourceInfo{Err: errNilSource}
	}
	return s.Info()
}

// errNilSource is the mistake of a source that is nil.
var errNilSource = errors.New("it is nil")
