package truetime

import (
	"bytes"
	"context"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/monotonic"
	"github.com/epsilontime/epsilon/truetime/internal/journal"
)

// ownTime is a source that takes the counter itself for true time.
type ownTime struct{ name string }

func (s ownTime) Info() SourceInfo { return SourceInfo{Name: s.name} }

func (s ownTime) Sample(ctx context.Context, counter monotonic.Counter) (Sample, error) {
	sent := counter.Now()
	select {
	case <-time.After(time.Duration(rand.Int64N(int64(time.Millisecond)))):
	case <-ctx.Done():
		return Sample{}, ctx.Err()
	}
	received := counter.Now()
	const epoch = 1_800_000_000_000_000_000
	return Sample{Sent: sent, Latest: epoch + Time(received), Received: received, Earliest: epoch + Time(sent), Peer: s.name}, nil
}

// A journal of this machine's own counter, whose rate is known better with every look, replays to the same
// intervals; and a clock may be closed in the middle of its polls while others use it.
func TestRecordingOfTheMachinesOwnCounterReplays(t *testing.T) {
	if _, err := monotonic.System(); err != nil {
		t.Skip(err)
	}
	for _, options := range [][]Option{
		{},
		{WithMaxWander(100), WithRateStability(20)},
		{WithTargetUncertainty(time.Microsecond), WithMaxWander(1000)},
	} {
		var journals bytes.Buffer
		sources := []Source{ownTime{"a"}, ownTime{"b \"\n= 1"}, ownTime{"c\xff"}, Group("g", ownTime{"d"})[0], Group("g", ownTime{"e"})[0]}
		c, err := New(sources, append(options, WithPoll(time.Millisecond, time.Second), WithRecorder(&journals))...)
		require.NoError(t, err)
		require.NoError(t, c.WaitSynchronized(t.Context(), time.Second))
		var readers sync.WaitGroup
		done := make(chan struct{})
		for range 4 {
			readers.Go(func() {
				last := Interval{}
				for {
					select {
					case <-done:
						return
					default:
					}
					i, err := c.Now()
					if err != nil {
						return // closed, or a machine too busy to trust its counter
					}
					if i.Earliest < last.Earliest && c.Status().Epoch == 1 {
						t.Errorf("Earliest went back by %v", last.Earliest.Sub(i.Earliest))
					}
					last = i
					c.Status()
				}
			})
		}
		for range 100 {
			select {
			case <-c.Changed():
			case <-time.After(10 * time.Second):
				t.Error("nothing was published")
			}
		}
		require.NoError(t, c.Close())
		close(done)
		readers.Wait()
		steps := 0
		require.NoError(t, journal.Replay(&journals, func(journal.Step) error { steps++; return nil }))
		require.Greater(t, steps, 100)
	}
}
