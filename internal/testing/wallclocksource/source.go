// Package wallclocksource provides a source for benchmarks that costs next to nothing.
package wallclocksource

import (
	"context"
	"time"

	"github.com/epsilontime/epsilon/monotonic"
	"github.com/epsilontime/epsilon/truetime"
)

// Source is the wall clock of this machine, taken for true time.
type Source struct{}

// Info implements truetime.Source.
func (Source) Info() truetime.SourceInfo { return truetime.SourceInfo{Name: "wall clock"} }

// Sample implements truetime.Source.
func (Source) Sample(_ context.Context, counter monotonic.Counter) (truetime.Sample, error) {
	sent := counter.Now()
	now := truetime.FromStd(time.Now())
	return truetime.Sample{Sent: sent, Latest: now, Received: counter.Now(), Earliest: now}, nil
}
