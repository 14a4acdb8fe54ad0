package clockbound

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/monotonic"
	"github.com/epsilontime/epsilon/truetime"
)

// server is a source that is within a millisecond of the truth, by a host's clock that nobody moves.
type server struct {
	name string
	host *fakeHost
}

func (s server) Info() truetime.SourceInfo { return truetime.SourceInfo{Name: s.name} }

func (s server) Sample(_ context.Context, counter monotonic.Counter) (truetime.Sample, error) {
	at := counter.Now()
	now := wallStart.Add(time.Duration(s.host.counter.Now()))
	return truetime.Sample{Sent: at, Latest: now.Add(time.Millisecond), Received: at, Earliest: now.Add(-time.Millisecond), Claim: time.Millisecond}, nil
}

func (h *fakeHost) moveTo(d time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.moved = d
}

// The time of a bubble is the counter: see testing/synctest.
func bubble(t *testing.T, run func(t *testing.T, h *fakeHost, pass func(time.Duration))) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		h := newFakeHost()
		h.took = 0
		run(t, h, func(d time.Duration) {
			for range d / (100 * time.Millisecond) {
				time.Sleep(100 * time.Millisecond)
				synctest.Wait() // nobody polls while the script goes on
				h.counter.Advance(100 * time.Millisecond)
			}
		})
	})
}

func TestSegmentIsOneVoteAndOneThatLiesIsOutvoted(t *testing.T) {
	for _, lie := range []time.Duration{0, time.Second, -time.Minute} {
		bubble(t, func(t *testing.T, h *fakeHost, pass func(time.Duration)) {
			h.moveTo(lie) // of which the daemon knows nothing
			sources := []truetime.Source{h.source(), server{"a", h}, server{"b", h}}
			clock, err := truetime.New(sources, truetime.WithCounter(&h.counter), truetime.WithPoll(time.Second, time.Second))
			require.NoError(t, err)
			defer clock.Close()
			for range 300 {
				pass(100 * time.Millisecond)
				c := h.good()
				c.bound = 10 * time.Microsecond
				h.says(c)
				i, err := clock.Now()
				if err == nil {
					truth := wallStart.Add(time.Duration(h.counter.Now()))
					require.True(t, i.Contains(truth), "%v does not contain %v", i, truth)
				}
			}
			s := clock.Status()
			require.NoError(t, s.Err, s.Summary())
			require.Equal(t, 3, s.Heard)
			require.Equal(t, lie != 0, s.Sources[0].Verdict == truetime.Falseticker, "%v", s.Sources[0].Verdict)
			require.Equal(t, truetime.Truechimer, s.Sources[1].Verdict)
		})
	}
}

// Two segments, or a segment and chronyd, are about one clock.
func TestTwoSegmentsAreOneVote(t *testing.T) {
	bubble(t, func(t *testing.T, h *fakeHost, pass func(time.Duration)) {
		again := h.source()
		again.path = "another"
		clock, err := truetime.New([]truetime.Source{h.source(), again, server{"a", h}}, truetime.WithCounter(&h.counter))
		require.NoError(t, err)
		defer clock.Close()
		for range 20 {
			pass(time.Second)
			h.says(h.good())
		}
		require.Equal(t, 2, clock.Status().Heard)
	})
}
