package socketaddress

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

func TestAddressWithAZone(t *testing.T) {
	_, address, err := Of(netip.MustParseAddrPort("[fe80::1%7]:123"))
	require.NoError(t, err)
	require.EqualValues(t, 7, address.(*unix.SockaddrInet6).ZoneId)
	_, address, err = Of(netip.MustParseAddrPort("[fe80::1%lo]:123"))
	require.NoError(t, err)
	require.NotZero(t, address.(*unix.SockaddrInet6).ZoneId)
	_, _, err = Of(netip.MustParseAddrPort("[fe80::1%no-such-interface]:123"))
	require.ErrorContains(t, err, "the zone \"no-such-interface\"")
}
