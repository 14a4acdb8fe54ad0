package ntpserver_test

import (
	"context"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/cmd/epsilon/internal/ntpserver"
	"github.com/epsilontime/epsilon/internal/testing/testbed"
	"github.com/epsilontime/epsilon/internal/testing/wallclocksource"
	"github.com/epsilontime/epsilon/monotonic"
	"github.com/epsilontime/epsilon/ntpsrc"
	"github.com/epsilontime/epsilon/truetime"
)

// wallClock is a clock that takes the wall clock of this host for true time, as the followers do that
// are told not to set it.
func wallClock(t testing.TB) *truetime.Clock {
	t.Helper()
	clock, err := truetime.New([]truetime.Source{wallclocksource.Source{}})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, clock.Close()) })
	synchronize(t, clock)
	return clock
}

// asked is what a daemon says when it is asked for the time.
func asked(t testing.TB, address string) truetime.Sample {
	t.Helper()
	counter, err := monotonic.System()
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	s, err := ntpsrc.Server(address).Sample(ctx, counter)
	require.NoError(t, err)
	return s
}

func TestChronydFollows(t *testing.T) {
	testbed.RequireBinary(t, "chronyd")
	t.Parallel()
	server := start(t, ntpserver.Config{Reader: wallClock(t), Listen: anyPort(), Upstream: ntpserver.Fixed(3, [4]byte{192, 0, 2, 1}), Limit: ntpserver.DefaultLimit()})
	follower := testbed.StartFollower(t, server.Addr()[0].String(), -2)
	sample := asked(t, follower.Address())
	require.Equal(t, 4, sample.Stratum)
	require.Equal(t, truetime.LeapNone, sample.Leap)
	counted(t, server, func(c ntpserver.Counters) bool { return c.Answered > 0 })
}

func TestNTPsecFollows(t *testing.T) {
	t.Parallel()
	clock := wallClock(t)
	var server *ntpserver.Server
	follower := testbed.StartNTPsecFollower(t, 3, func(address string) {
		server = start(t, ntpserver.Config{
			Reader:   clock,
			Listen:   []netip.AddrPort{netip.MustParseAddrPort(address)},
			Upstream: ntpserver.Fixed(3, [4]byte{198, 51, 100, 1}),
			Limit:    ntpserver.DefaultLimit(),
		})
	})
	sample := asked(t, follower.Address())
	require.Equal(t, 4, sample.Stratum)
	require.Equal(t, truetime.LeapNone, sample.Leap)
	counted(t, server, func(c ntpserver.Counters) bool { return c.Answered > 0 })
}
