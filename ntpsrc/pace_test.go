package ntpsrc

import (
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/internal/ntpserver"
)

func TestPaceIsSixteenSecondsForPublicServersAndOneForOnesOwn(t *testing.T) {
	for address, want := range map[string]time.Duration{
		"192.0.2.1": 16 * time.Second, "8.8.8.8": 16 * time.Second, "2001:db8::1": 16 * time.Second, "::ffff:8.8.8.8": 16 * time.Second,
		"10.1.2.3": time.Second, "192.168.0.1": time.Second, "127.0.0.1": time.Second, "169.254.169.123": time.Second,
		"fd00::1": time.Second, "fe80::1%eth0": time.Second, "::1": time.Second, "::ffff:10.0.0.1": time.Second, "100.100.0.1": time.Second,
	} {
		require.Equal(t, want, pace(netip.MustParseAddr(address)), address)
	}
	s := startServer(t, ntpserver.Behavior{})
	sample, err := Server(s.Address()).Sample(t.Context(), system(t))
	require.NoError(t, err)
	require.Equal(t, time.Second, sample.MinPoll)
}
