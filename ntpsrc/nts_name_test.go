package ntpsrc

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/monotonic"
)

// A name server answers so for a name that it blocks, and whoever forges its answers can at any time.
func TestANameThatLeadsToNoServerIsAnError(t *testing.T) {
	for _, only := range []string{"0.0.0.0", "::", "::ffff:0.0.0.0", "224.0.1.1", "ff02::101"} {
		secured, plain := NTS("ntp.example.net").(*secured), Server("ntp.example.net").(*server)
		require.NoError(t, secured.Info().Err)
		good, bad := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr(only)
		for _, r := range []*roster{secured.keys.own.roster, plain.place.roster} {
			answer := good
			r.lookup = func(context.Context, string, string) ([]netip.Addr, error) { return []netip.Addr{answer}, nil }
			_, err := r.order(t.Context())
			require.NoError(t, err)
			answer, r.wait = bad, 0
			known, err := r.order(t.Context())
			require.NoError(t, err)
			require.Equal(t, []netip.Addr{good}, known, "it stays where it was")
			r.known, r.wait = nil, 0
		}
		counter := new(monotonic.Manual)
		_, err := secured.Sample(t.Context(), counter)
		require.ErrorContains(t, err, "where no server can be")
		_, err = plain.Sample(t.Context(), counter)
		require.ErrorContains(t, err, "where no server can be")
	}
}

func TestNobodyIsDialedWhereThereIsNoAddress(t *testing.T) {
	_, err := dialFirst(t.Context(), nil, func(context.Context, string, string) (net.Conn, error) {
		t.Error("there is nobody to dial")
		return nil, net.ErrClosed
	})
	require.ErrorContains(t, err, "no address")
}

// Two machines have the name. Both exchange keys, and one of them serves no NTP.
func TestAPlaceThatIsSettledElsewhereGivesBackTheServerThatItHad(t *testing.T) {
	a, b := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2")
	parsed, err := parseAddress("ntp.example.net")
	require.NoError(t, err)
	p := provenPlace(parsed, false)
	p.roster.lookup = func(context.Context, string, string) ([]netip.Addr, error) { return []netip.Addr{a, b}, nil }
	_, err = p.roster.order(t.Context()) // a key exchange looks the name up, …
	require.NoError(t, err)
	next := func() candidate {
		t.Helper()
		s, err := p.take(t.Context())
		require.NoError(t, err)
		return s
	}
	silent := func() { _ = p.failed(next(), errors.New("no answer")) }
	p.settle(a) // … and reaches a
	silent()
	s := next()
	require.Equal(t, b, s.at)
	p.answered(s)
	p.settle(a) // as the next one does
	silent()
	require.Equal(t, b, next().at)
}
