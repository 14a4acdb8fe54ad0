package ptpsrc_test

import (
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/internal/testbed"
	"github.com/epsilontime/epsilon/ptpsrc"
	"github.com/epsilontime/epsilon/truetime"
)

// The servers in these tests are ptp4l, in network namespaces of their own, serving this host's clock. So
// the truth is known: it is CLOCK_REALTIME, read before and after each answer.

func openPort(t *testing.T, p *testbed.PTP) *ptpsrc.Port {
	t.Helper()
	port, err := ptpsrc.NewPort(ptpsrc.WithLocalAddress(netip.MustParseAddr(p.LocalAddress())))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, port.Close()) })
	return port
}

func startClock(t *testing.T, sources ...truetime.Source) *truetime.Clock {
	t.Helper()
	clock, err := truetime.New(sources, truetime.WithPoll(50*time.Millisecond, 125*time.Millisecond))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, clock.Close()) })
	return clock
}

// requireTruth reads the clock between two readings of the truth.
func requireTruth(t *testing.T, clock *truetime.Clock) truetime.Interval {
	t.Helper()
	before := truetime.Time(testbed.Realtime())
	i, err := clock.Now()
	after := truetime.Time(testbed.Realtime())
	require.NoError(t, err)
	require.LessOrEqual(t, i.Earliest, after, "Earliest is %v too late: %+v", i.Earliest.Sub(after), clock.Status())
	require.GreaterOrEqual(t, i.Latest, before, "Latest is %v too early: %+v", before.Sub(i.Latest), clock.Status())
	return i
}

// readFor reads the clock until so many polls' worth of time has passed and returns the uncertainties.
func readFor(t *testing.T, clock *truetime.Clock, span time.Duration) []time.Duration {
	t.Helper()
	var epsilon []time.Duration
	for end := time.Now().Add(span); time.Now().Before(end); time.Sleep(200 * time.Microsecond) {
		epsilon = append(epsilon, requireTruth(t, clock).Uncertainty())
	}
	slices.Sort(epsilon)
	return epsilon
}

func TestHostClockIsInEveryIntervalWithRealDaemons(t *testing.T) {
	p := testbed.StartPTP(t, 0, 3, testbed.GoodPTPTime())
	port := openPort(t, p)
	for name, sources := range map[string]func() []truetime.Source{
		"unicast": func() []truetime.Source { return []truetime.Source{port.Unicast(p.Address())} },
		"ptp4l":   func() []truetime.Source { return []truetime.Source{ptpsrc.PTP4L(p.Socket())} },
		"both": func() []truetime.Source {
			return []truetime.Source{port.Unicast(p.Address()), ptpsrc.PTP4L(p.Socket())}
		},
	} {
		t.Run(name, func(t *testing.T) {
			clock := startClock(t, sources()...)
			require.NoError(t, clock.WaitSynchronized(t.Context(), 10*time.Millisecond))
			epsilon := readFor(t, clock, 3*time.Second)
			t.Logf("%d answers, ε least %v, median %v, largest %v", len(epsilon), epsilon[0], epsilon[len(epsilon)/2], epsilon[len(epsilon)-1])
			for _, s := range clock.Status().Sources {
				t.Logf("%s: delay %v, E %v", s.Name, s.Delay, s.Error)
			}
			require.EqualValues(t, 1, clock.Status().Epoch)
		})
	}
}
