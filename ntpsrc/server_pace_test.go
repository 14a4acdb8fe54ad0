package ntpsrc

import (
	"context"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/ntpsrc/internal/ntstest"
	"github.com/epsilontime/epsilon/ntpsrc/ntptest"
)

func TestPaceIsSixteenSecondsForPublicServersAndOneForOnesOwn(t *testing.T) {
	for address, want := range map[string]time.Duration{
		"192.0.2.1": 16 * time.Second, "8.8.8.8": 16 * time.Second, "2001:db8::1": 16 * time.Second, "::ffff:8.8.8.8": 16 * time.Second,
		"10.1.2.3": time.Second, "192.168.0.1": time.Second, "127.0.0.1": time.Second, "169.254.169.123": time.Second,
		"fd00::1": time.Second, "fe80::1%eth0": time.Second, "::1": time.Second, "::ffff:10.0.0.1": time.Second, "100.100.0.1": time.Second,
	} {
		require.Equal(t, want, config{}.pace(netip.MustParseAddr(address)), address)
	}
	s := startServer(t, ntptest.Behavior{})
	sample, err := Server(s.Address()).Sample(t.Context(), system(t))
	require.NoError(t, err)
	require.Equal(t, time.Second, sample.MinPoll)
}

// Whoever asks for the time every second has to know that it is a server of his own.
func TestPrivateServerIsOneByItsAddressOrByDeclaration(t *testing.T) {
	c := configure([]ServerOption{WithPrivate()})
	require.Equal(t, privatePace, c.pace(netip.MustParseAddr("192.0.2.1")))
	require.GreaterOrEqual(t, defaults().pace(netip.MustParseAddr("192.0.2.1")), 4*time.Second)
}

// A server that says nothing, or nothing that can be used, is asked again, too: how often it likes
// that is told beside every error.
func TestHowOftenAServerLikesToBeAskedIsToldBesideAnError(t *testing.T) {
	t.Parallel()
	for name, b := range map[string]ntptest.Behavior{
		"unusable":    {Leap: 3},
		"RATE":        {Kiss: "RATE"},
		"impossible":  {Held: time.Hour},
		"too far":     {Dispersion: 2 * time.Second},
		"no neighbor": {Edit: func(_, _ []byte) [][]byte { return nil }},
	} {
		ctx, cancel := context.WithCancel(t.Context())
		if b.Edit != nil {
			b.Edit = func(_, _ []byte) [][]byte { cancel(); return nil }
		}
		sample, err := Server(startServer(t, b).Address()).Sample(ctx, system(t))
		cancel()
		require.Error(t, err, name)
		require.Equal(t, privatePace, sample.MinPoll, name)

		w := newWorld(t, ntstest.Behavior{NTP: b})
		ctx, cancel = context.WithTimeout(t.Context(), patience)
		if b.Edit != nil {
			w.server.Set(ntstest.Behavior{Edit: func(ntstest.Reply) [][]byte { cancel(); return nil }})
		}
		sample, err = w.source.Sample(ctx, w.counter)
		cancel()
		require.Error(t, err, name)
		require.Equal(t, privatePace, sample.MinPoll, name)
	}
}
