package ntpsrc

import (
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/internal/testing/wallclocktest"
	"github.com/epsilontime/epsilon/monotonic"
	"github.com/epsilontime/epsilon/ntpsrc/ntptest"
	"github.com/epsilontime/epsilon/truetime"
)

// The kernel's stamps come by way of the wall clock, which may be slewed by 22.6 % against a clock
// that may itself differ from the counter by twice what is assumed of each.
func TestKernelStampsAreTrueForWhateverDriftTheClockAssumes(t *testing.T) {
	for _, ppm := range []float64{200, 60_000, truetime.MaxDriftPPM} {
		for _, slewed := range []float64{0.774, 1, 1.226} {
			for _, off := range []float64{-ppm, 0, ppm} {
				// The host's clock is as much fast as the counter is slow.
				rate := slewed * (1 - off/1e6) / (1 + off/1e6)
				const sent, received = 8_001, 110_001
				w := &stampedWire{clock: wallclocktest.Scripted{Starts: []int64{0}, Rates: []float64{rate}}, sent: sent, received: received}
				c := exchangeOverBy(t, w, ppm)
				require.Equal(t, "kernel", c.stamps)
				require.LessOrEqual(t, c.sent, monotonic.Instant(sent), "%v of %v ppm, slewed by %v", off, ppm, slewed)
				require.GreaterOrEqual(t, c.received, monotonic.Instant(received), "%v of %v ppm, slewed by %v", off, ppm, slewed)
			}
		}
	}
}

// The kernel lets maxerror grow by 500 ppm. A host that is off by 60 000 has run off by 120 times
// as much.
func TestKernelsBoundGrowsByTheDriftThatTheClockAssumes(t *testing.T) {
	for _, ppm := range []float64{100, 500, 501, 2000, 60_000, truetime.MaxDriftPPM} {
		var counter monotonic.Manual
		const since, atFirst = 5 * time.Second, time.Millisecond // since the daemon has set it
		off := time.Duration(float64(since) * ppm / (1e6 - ppm))
		clock := kernelClock{time: wallStart.Add(off), maxError: atFirst + since/2000}
		s, err := scriptedKernel(&counter, 1, clock, nil, WithMaxRootDistance(time.Minute)).Sample(assuming(t.Context(), ppm), &counter)
		require.NoError(t, err)
		require.LessOrEqual(t, s.Earliest, wallStart.Add(atFirst), "%v ppm", ppm)
		if ppm <= 500 {
			require.Equal(t, clock.maxError+maxErrorStep, s.Claim)
		}
	}
	var counter monotonic.Manual
	clock := kernelClock{time: wallStart, maxError: 40 * time.Millisecond}
	_, err := scriptedKernel(&counter, 1, clock, nil).Sample(t.Context(), &counter)
	require.ErrorIs(t, err, truetime.ErrUnusable, "of a counter of which nothing is known")
}

// Since chronyd has heard from its sources, the host's oscillator may have run off by what the
// clock assumes.
func TestChronysClaimCountsTheDriftThatTheClockAssumes(t *testing.T) {
	claim := func(ppm float64) time.Duration {
		m := &machine{took: 100 * time.Microsecond}
		k := synchronized()
		k.reference = wallStart.Add(-time.Second)
		m.says(k)
		s, err := m.source().Sample(assuming(t.Context(), ppm), &m.counter)
		require.NoError(t, err)
		return s.Claim
	}
	require.Equal(t, claim(200), claim(1), "not less than by default")
	for _, ppm := range []float64{1000, 60_000, truetime.MaxDriftPPM} {
		more := time.Duration(float64(time.Second) * (ppm/(1-ppm/1e6) - 201) / 1e6)
		require.GreaterOrEqual(t, claim(ppm)-claim(200), more, "%v ppm", ppm)
	}
}

func exchangeOverBy(t *testing.T, w *stampedWire, driftPPM float64) *conn {
	t.Helper()
	var counter monotonic.Manual
	counter.Set(1)
	w.wire = wire{
		reply:   ntptest.Behavior{}.Reply(make([]byte, headerSize), time.Unix(1_700_000_000, 0))[0],
		match:   true,
		counter: &counter,
		took:    100 * time.Microsecond,
	}
	c, err := Server("192.0.2.1").(*server).ask(assuming(t.Context(), driftPPM), &counter, netip.MustParseAddrPort("192.0.2.1:123"),
		func(netip.AddrPort) (socket, error) { return w, nil }, nil)
	require.NoError(t, err)
	return c
}
