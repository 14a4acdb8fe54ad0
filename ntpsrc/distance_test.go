package ntpsrc

import (
	"math"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/internal/testing/testbed"
	"github.com/epsilontime/epsilon/monotonic"
	"github.com/epsilontime/epsilon/ntpsrc/internal/ntstest"
	"github.com/epsilontime/epsilon/ntpsrc/ntptest"
	"github.com/epsilontime/epsilon/truetime"
)

func TestDistanceHasLimits(t *testing.T) {
	for want, options := range map[string][]ServerOption{
		"distance of 0 km":          {WithDistance(0)},
		"distance of -3 km":         {WithDistance(-3)},
		"distance of NaN km":        {WithDistance(math.NaN())},
		"distance of +Inf km":       {WithDistance(math.Inf(1))},
		"half of the Earth's":       {WithDistance(20_039)},
		"minimum delay of 0s":       {WithMinDelay(0)},
		"minimum delay of -1ns":     {WithMinDelay(-1)},
		"minimum delay of 5s":       {WithMinDelay(5 * time.Second)},
		"takes 20ms at least, abov": {WithMinDelay(10 * time.Millisecond), WithMaxDelay(19 * time.Millisecond)},
	} {
		require.ErrorContains(t, Server("192.0.2.1", options...).Info().Err, want)
		require.ErrorContains(t, NTS("192.0.2.1", as[NTSOption](options)...).Info().Err, want)
	}
	err := Server("192.0.2.1", WithDistance(-1), WithMinDelay(-1)).Info().Err
	require.ErrorContains(t, err, "distance of -1 km")
	require.ErrorContains(t, err, "minimum delay of -1ns", "all at once")
	require.NoError(t, Server("192.0.2.1", WithDistance(20_038), WithMinDelay(500*time.Millisecond)).Info().Err)
}

// as returns options of one type as options of another, which they are.
func as[To, From any](options []From) (all []To) {
	for _, o := range options {
		all = append(all, any(o).(To))
	}
	return all
}

// inExchange is a reply of a true server, 5 ms there, 1 ms in the server, 3 ms back.
func inExchange() *conn {
	since1900 := func(at time.Duration) timestamp { return 1<<62 + timestamp(at)<<32/timestamp(time.Second) }
	return &conn{
		counter: &monotonic.Manual{}, driftPPM: 200, sent: 0, received: counterAt(9_000),
		reply: header{
			version: 4, mode: modeServer, stratum: 1, precision: -20, referenceID: [4]byte{'G', 'P', 'S'},
			received: since1900(5 * time.Millisecond), transmitted: since1900(6 * time.Millisecond),
		},
	}
}

func evaluated(t *testing.T, options ...ServerOption) (truetime.Sample, error) {
	t.Helper()
	s := Server("192.0.2.1", options...).(*server)
	require.NoError(t, s.config.Err())
	return s.evaluate(inExchange(), netip.MustParseAddrPort("192.0.2.1:123"))
}

func TestDistanceImprovesBothFactsByM(t *testing.T) {
	plain, err := evaluated(t)
	require.NoError(t, err)
	for _, c := range []struct {
		options []ServerOption
		m       time.Duration
	}{
		{nil, 0},
		{[]ServerOption{WithMinDelay(3 * time.Millisecond)}, 3 * time.Millisecond},
		{[]ServerOption{WithDistance(300)}, 1_000_692},
		{[]ServerOption{WithDistance(300), WithMinDelay(2 * time.Millisecond)}, 2 * time.Millisecond},
		{[]ServerOption{WithMinDelay(time.Millisecond), WithDistance(300)}, 1_000_692},
		{[]ServerOption{WithDistance(600), WithDistance(300)}, 1_000_692},
		{[]ServerOption{WithDistance(300), WithScale(truetime.ScaleUTCSmeared)}, 1_000_692 - 12},
	} {
		s, err := evaluated(t, c.options...)
		require.NoError(t, err)
		require.Equal(t, c.m, s.MinDelay)
		require.Equal(t, plain.Latest.Add(-c.m), s.Latest)
		require.Equal(t, plain.Earliest.Add(c.m), s.Earliest)
		require.Equal(t, plain.Delay, s.Delay, "δ is as it was measured")
		require.Equal(t, plain.Claim, s.Claim)
		width := s.Latest.Sub(s.Earliest) + s.Received.Sub(s.Sent)
		require.Equal(t, s.Delay/2-c.m+s.Claim, width/2, "ε is δ/2 − m + E")
	}
}

func TestRoundTripThatIsTooShortForTheDistanceIsRefused(t *testing.T) {
	// Of the 9 ms the server had the request for 1, less what its two stamps may be wrong by, 2E.
	plain, err := evaluated(t)
	require.NoError(t, err)
	most := 8*time.Millisecond + 2*plain.Claim
	_, err = evaluated(t, WithMinDelay(most/2+800)) // 200 ppm of 9 ms are 1.8 µs
	require.NoError(t, err)
	_, err = evaluated(t, WithMinDelay(most/2+time.Microsecond))
	require.ErrorIs(t, err, truetime.ErrRetracted)
	require.ErrorContains(t, err, "is disproved: by it the round trip takes")
	_, err = evaluated(t, WithDistance(1300))
	require.ErrorIs(t, err, truetime.ErrUnusable)
	require.ErrorContains(t, err, "WithDistance(1300) is disproved: by it the round trip takes 8.672666ms at least")
	require.ErrorContains(t, err, "WithDistance(1206.5) or")
}

// Each way through the relay takes 2 ms or more. Declared are 1.9, as the host's clock, by which the
// relay measures, may be slewed.
func TestDistanceIsTrueOverRealSockets(t *testing.T) {
	const m, delay = 1900 * time.Microsecond, 2 * time.Millisecond
	for name, options := range map[string][]ServerOption{
		"stamps of the kernel":  {WithMinDelay(m)},
		"stamps of the program": {WithMinDelay(m), WithoutKernelStamps()},
		"as a distance":         {WithDistance(m.Seconds() * 299_792.458)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := startServer(t, ntptest.Behavior{})
			relay := testbed.StartRelay(t, 1, server.Address(), testbed.Path{Delay: delay}, testbed.Path{Delay: delay})
			source, counter := Server(relay.Address(), options...), system(t)
			for range 100 {
				before := truetime.Time(testbed.Realtime())
				s, err := source.Sample(t.Context(), counter)
				after := truetime.Time(testbed.Realtime())
				require.NoError(t, err)
				require.GreaterOrEqual(t, s.Latest, before, "%+v", s)
				require.LessOrEqual(t, s.Earliest, after, "%+v", s)
				half := (s.Latest.Sub(s.Earliest) + s.Received.Sub(s.Sent)) / 2
				require.Less(t, half, s.Delay/2, "below half the round trip: %+v", s)
				require.InDelta(t, s.Delay/2-m+s.Claim, half, 2)
			}
		})
	}
}

// A server next door that is declared to be 150 000 km away is noticed in the first exchange that
// takes less than a second.
func TestServerNextDoorIsNotFarAway(t *testing.T) {
	server := startServer(t, ntptest.Behavior{})
	source := Server(server.Address(), WithMinDelay(500*time.Millisecond), WithMaxDelay(time.Minute))
	var err error
	for range 100 {
		if _, err = source.Sample(t.Context(), system(t)); err != nil {
			break
		}
	}
	require.ErrorIs(t, err, truetime.ErrUnusable)
	require.ErrorContains(t, err, "WithMinDelay(500ms) is disproved: by it the round trip takes 1s at least")
}

// What a key exchange names is what is far away.
func TestDistanceIsForNTSToo(t *testing.T) {
	w := newWorld(t, ntstest.Behavior{})
	require.NoError(t, w.source.config.distance.SetMinDelay(100*time.Nanosecond))
	s, err := w.ask()
	require.NoError(t, err)
	require.EqualValues(t, 100, s.MinDelay)
	require.Equal(t, 2*(s.Delay/2+s.Claim-100)+s.Delay%2, s.Latest.Sub(s.Earliest)+s.Received.Sub(s.Sent))

	require.NoError(t, w.source.config.distance.SetMinDelay(time.Second))
	for range 100 {
		if _, err = w.ask(); err != nil {
			break
		}
	}
	require.ErrorIs(t, err, truetime.ErrUnusable)
	require.ErrorContains(t, err, "WithMinDelay(1s) is disproved")
}

// A clock goes on with the others, and says what is wrong.
func TestStatusNamesTheDistanceThatIsWrong(t *testing.T) {
	far := WithMinDelay(500 * time.Millisecond)
	var sources []truetime.Source
	for _, options := range [][]ServerOption{{far, WithMaxDelay(time.Minute)}, nil, {WithMinDelay(100)}} {
		sources = append(sources, Server(startServer(t, ntptest.Behavior{}).Address(), options...))
	}
	clock, err := truetime.New(sources, truetime.WithPoll(10*time.Millisecond, 50*time.Millisecond))
	require.NoError(t, err)
	defer clock.Close()
	var s truetime.Status
	require.Eventually(t, func() bool {
		s = clock.Status()
		return s.Interval.Valid() && s.Sources[0].Verdict == truetime.Unusable && s.Sources[2].Verdict == truetime.Truechimer
	}, patience, time.Millisecond)
	require.ErrorContains(t, s.Sources[0].Err, "WithMinDelay(500ms) is disproved")
	require.Contains(t, s.String(), "WithMinDelay(500ms) is disproved")
	require.EqualValues(t, 100, s.Sources[2].MinDelay)
	require.Contains(t, s.Sources[2].String(), "declared to take 100ns at least each way")
	require.NotContains(t, s.Sources[1].String(), "declared")
	require.Equal(t, s.Uncertainty, s.Budget.Uncertainty())
	testbed.RequireTruth(t, clock)
}
