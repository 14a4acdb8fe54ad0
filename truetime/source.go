package truetime

import (
	"context"

	"github.com/epsilontime/epsilon/monotonic"
)

// Source is something that can be asked for the time.
//
// Sample performs one exchange and returns promptly with ctx's error when ctx ends. It reads the
// given counter; whatever another clock tells it becomes a reading of that one first. The clock calls it from one goroutine at a time. An error is
// [ErrUnusable], [ErrSlowDown] or [ErrDenied] if it wraps one of these; any other means that no
// answer came.
//
// Four more methods are optional. A source that serves another scale than UTC with steps has
// Scale() Scale, which always returns the same. One whose samples are authenticated, each of them, has
// Authenticated() bool, which is always true: see [WithRequireAuthenticated]. One that can be recognised
// as misconfigured before it is asked has Validate() error, which [New] calls. One that can ask somebody
// else has Judged(Verdict), which is called before each Sample, from the same goroutine, with what the
// clock thinks of it by then.
//
// The facts of one source are held against each other for as long as the same peer gives them
// (Sample.Peer). With another peer they begin anew.
type Source interface {
	// Name identifies the source in Status, in events and in errors. Two sources of a clock have
	// different names.
	Name() string
	Sample(ctx context.Context, counter monotonic.Counter) (Sample, error)
}
