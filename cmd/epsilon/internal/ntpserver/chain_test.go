package ntpserver_test

import (
	"context"
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/cmd/epsilon/internal/ntpserver"
	"github.com/epsilontime/epsilon/monotonic"
	"github.com/epsilontime/epsilon/ntpsrc"
	"github.com/epsilontime/epsilon/ntpsrc/ntptest"
	"github.com/epsilontime/epsilon/truetime"
)

// truth is true time in these tests: the kernel's unslewed counter, which nobody can set.
type truth struct {
	raw   monotonic.Counter
	began monotonic.Instant
	epoch truetime.Time
}

func newTruth(t testing.TB) truth {
	t.Helper()
	raw, err := monotonic.Raw()
	require.NoError(t, err)
	return truth{raw, raw.Now(), truetime.FromStd(time.Now())}
}

func (w truth) now() truetime.Time { return w.epoch.Add(w.raw.Now().Sub(w.began)) }

// requireTruth reads a clock between two readings of the truth.
func (w truth) requireTruth(t testing.TB, name string, r truetime.Reader) {
	t.Helper()
	before := w.now()
	i, err := r.Now()
	after := w.now()
	require.NoError(t, err, name)
	if i.Earliest > after || i.Latest < before {
		t.Fatalf("%s: true time was in [%v, %v], and the answer is %v", name, before, after, i)
	}
}

// start serves a configuration until the test ends.
func start(t testing.TB, config ntpserver.Config) *ntpserver.Server {
	t.Helper()
	s, err := ntpserver.New(config)
	require.NoError(t, err)
	serve(t, s)
	return s
}

func serve(t testing.TB, s *ntpserver.Server) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(ctx) }()
	t.Cleanup(func() {
		cancel()
		require.NoError(t, <-ended)
	})
}

func anyPort() []netip.AddrPort { return []netip.AddrPort{netip.MustParseAddrPort("127.0.0.1:0")} }

// follow returns a clock that follows one server.
func follow(t testing.TB, address string, options ...ntpsrc.ServerOption) *truetime.Clock {
	t.Helper()
	clock, err := truetime.New([]truetime.Source{ntpsrc.Server(address, options...)},
		truetime.WithPoll(20*time.Millisecond, 50*time.Millisecond))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, clock.Close()) })
	return clock
}

// synchronize waits for an answer.
func synchronize(t testing.TB, clock *truetime.Clock) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := clock.WaitSynchronized(ctx, 100*time.Millisecond); err != nil {
		t.Fatalf("%v: %s", err, clock.Status().Summary())
	}
}

// A clock follows a server that is wrong by nearly all that it claims, and is served; a second clock
// follows that and is served, and a third one follows the second. Each of them contains true time at
// every read, by the header's bounds and by the finer ones.
func TestTruthIsInEveryIntervalTwoStrataDown(t *testing.T) {
	for _, offset := range []time.Duration{450 * time.Microsecond, 0, -450 * time.Microsecond} {
		t.Run(fmt.Sprint(offset), func(t *testing.T) { testTwoStrataDown(t, offset) })
		t.Run(fmt.Sprint(offset, ", fine bounds"), func(t *testing.T) { testTwoStrataDown(t, offset, ntpsrc.WithFineBounds()) })
	}
}

func testTwoStrataDown(t *testing.T, offset time.Duration, options ...ntpsrc.ServerOption) {
	t.Parallel()
	w := newTruth(t)
	first, err := ntptest.Listen("127.0.0.1:0", ntptest.Behavior{
		Clock:      func() time.Time { return w.now().Std() },
		Offset:     offset,
		Dispersion: 455 * time.Microsecond,
	})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, first.Close()) })
	address := first.Address()
	var clocks []*truetime.Clock
	for range 3 {
		clock := follow(t, address, options...)
		synchronize(t, clock)
		server := start(t, ntpserver.Config{
			Reader:   clock,
			Listen:   anyPort(),
			Upstream: func() ntpserver.Upstream { return ntpserver.UpstreamOf(clock.Status()) },
			Workers:  1,
		})
		clocks, address = append(clocks, clock), server.Addr()[0].String()
	}
	polled := func() bool {
		s := clocks[2].Status().Sources[0]
		return s.Reach == 0xff
	}
	for reads := 0; reads < 1000 || !polled(); reads++ {
		for i, clock := range clocks {
			w.requireTruth(t, fmt.Sprint("clock ", i+1), clock)
		}
		time.Sleep(200 * time.Microsecond)
	}
	for i, clock := range clocks {
		s := clock.Status()
		require.EqualValues(t, 1, s.Epoch)
		require.Equal(t, i+1, s.Sources[0].Stratum)
		t.Logf("clock %d: ε %v, δ %v, E %v", i+1, s.Uncertainty, s.Sources[0].Delay, s.Sources[0].Claim)
	}
}
