package ptpsrc

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/internal/testing/testbed"
	"github.com/epsilontime/epsilon/internal/wallclock"
)

// The wall clock is stepped to and fro at any moment of an exchange. The grandmaster serves the
// counter's own time, so the truth is known whatever the wall clock says: no sample, stamped by the
// kernel or not, may contradict it.
func TestStrobedWallClockFalsifiesNoSample(t *testing.T) {
	testbed.MaySetTime(t)
	b := newBed(t, func(g *fakeGM) { g.every = 500 * time.Microsecond })
	requireStamps(t, b.port)
	seed := rand.Uint64()
	stop := testbed.StrobeRealtime(t, seed)
	stamps := map[string]int{}
	source := b.source()
	for range 20_000 {
		s, err := source.Sample(t.Context(), b.counter)
		if err != nil {
			continue // what counts is what is used
		}
		stamps[s.Stamps]++
		if truth := trueTAI.Add(time.Duration(s.Sent)); truth > s.Latest {
			t.Errorf("seed %d: true time at Sent was %v after Latest (%s)", seed, truth.Sub(s.Latest), s.Stamps)
			break
		}
		if truth := trueTAI.Add(time.Duration(s.Received)); truth < s.Earliest {
			t.Errorf("seed %d: true time at Received was %v before Earliest (%s)", seed, s.Earliest.Sub(truth), s.Stamps)
			break
		}
	}
	stop()
	t.Log(stamps)
	require.Positive(t, stamps[wallclock.StampedUnsteadily], "nothing was stepped in an exchange")
	require.Positive(t, stamps[wallclock.StampedByKernel]+stamps[wallclock.StampedTransmit], "the kernel's stamps of what was sent were never used")
}
