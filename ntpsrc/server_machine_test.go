package ntpsrc

import (
	"net"
	"net/netip"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAddressesOfOneMachineAreRecognised(t *testing.T) {
	for given, want := range map[string]string{
		"192.0.2.7":               "192.0.2.7",
		"::ffff:192.0.2.7":        "192.0.2.7",
		"64:ff9b::192.0.2.7":      "192.0.2.7", // NAT64
		"64:ff9b::c000:207":       "192.0.2.7",
		"2002:c000:207::1":        "192.0.2.7", // 6to4
		"2002:c000:207:5::7":      "192.0.2.7",
		"2001:db8::7":             "2001:db8::7",
		"2001:0db8:0:0::7":        "2001:db8::7",
		"2001:db8::192.0.2.7":     "2001:db8::192.0.2.7", // it may be a network's translator, or not
		"64:ff9b:1::192.0.2.7":    "64:ff9b:1::192.0.2.7",
		"fe80::1%nothing-of-ours": "fe80::1%nothing-of-ours",
		"::1":                     "::1",
	} {
		require.Equal(t, netip.MustParseAddr(want), machineAt(netip.MustParseAddr(given)), given)
	}
}

func TestAnInterfaceIsOneByItsNameAndByItsNumber(t *testing.T) {
	interfaces, err := net.Interfaces()
	if err != nil || len(interfaces) == 0 {
		t.Skip("no network interface can be seen here:", err)
	}
	link := netip.MustParseAddr("fe80::1")
	for _, i := range interfaces {
		require.Equal(t, machineAt(link.WithZone(i.Name)), machineAt(link.WithZone(strconv.Itoa(i.Index))))
	}
}

// The examples of RFC 6052 section 2.4, for a network's own translator.
func TestAddressesThatATranslatorMakesOfThoseOfTheNameAreRecognised(t *testing.T) {
	server := netip.MustParseAddr("192.0.2.33")
	other := netip.MustParseAddr("192.0.2.34")
	for _, translated := range []string{
		"2001:db8:c000:221::",
		"2001:db8:1c0:2:21::",
		"2001:db8:122:c000:2:2100::",
		"2001:db8:122:3c0:0:221::",
		"2001:db8:122:344:c0:2:2100::",
		"2001:db8:122:344::192.0.2.33",
	} {
		a := netip.MustParseAddr(translated)
		require.Equal(t, server, machineAmong([]netip.Addr{a, other, server}, a), translated)
		require.Equal(t, server, machineAmong([]netip.Addr{a, netip.AddrFrom16(server.As16())}, a), translated)
		require.Equal(t, a, machineAmong([]netip.Addr{a, other}, a), translated)
	}
}

func TestPortsOfOneAddressAreOnePeer(t *testing.T) {
	for given, want := range map[string][2]string{
		"192.0.2.7":          {"192.0.2.7", "192.0.2.7:1123"},
		"64:ff9b::192.0.2.7": {"192.0.2.7", "192.0.2.7:1123"},
		"2001:db8::7":        {"2001:db8::7", "[2001:db8::7]:1123"},
		"127.0.0.9":          {"127.0.0.9:1123", "127.0.0.9:1123"},
		"::1":                {"[::1]:1123", "[::1]:1123"},
	} {
		at := netip.AddrPortFrom(netip.MustParseAddr(given), 1123).String()
		require.Equal(t, want[0], Server(at).Info().Peer)
		require.Equal(t, want[1], Server(at, WithPortForwarding()).Info().Peer)
	}
}
