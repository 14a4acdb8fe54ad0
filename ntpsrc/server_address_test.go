package ntpsrc

import (
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/truetime"
)

func TestAddressHasOneNameHoweverItIsSpelled(t *testing.T) {
	for given, want := range map[string]string{
		"ntp1.example.net":       "ntp1.example.net",
		"NTP1.Example.NET.":      "ntp1.example.net",
		"ntp1.example.net:123":   "ntp1.example.net",
		"ntp1.example.net:1123":  "ntp1.example.net:1123",
		"localhost":              "localhost",
		"192.0.2.7":              "192.0.2.7",
		"192.0.2.7:123":          "192.0.2.7",
		"192.0.2.7:1123":         "192.0.2.7:1123",
		"2001:db8::7":            "2001:db8::7",
		"2001:0db8:0:0::7":       "2001:db8::7",
		"[2001:db8::7]":          "2001:db8::7",
		"[2001:db8::7]:1123":     "[2001:db8::7]:1123",
		"::ffff:192.0.2.7":       "192.0.2.7",
		"fe80::1%eth0":           "fe80::1%eth0",
		"[fe80::1%eth0]:1123":    "[fe80::1%eth0]:1123",
		"_ntp._udp.example.net":  "_ntp._udp.example.net",
		"[::ffff:192.0.2.7]:123": "192.0.2.7",
	} {
		s := Server(given)
		require.NoError(t, s.Info().Err, given)
		require.Equal(t, want, s.Info().Name, given)
	}
}

func TestBadAddressIsNamedInOneError(t *testing.T) {
	for given, want := range map[string]string{
		"":                           "the address is empty",
		"time.example.net:":          `port "" is not a number`,
		"time.example.net:0":         `port "0" is not a number`,
		"time.example.net:65536":     "is not a number from 1 to 65535",
		"time.example.net:ntp":       `port "ntp" is not a number`,
		"https://time.example.net":   "is a URL: give the host alone",
		"time example net":           "neither a host name nor an IP address",
		":123":                       "neither a host name nor an IP address",
		"a..b":                       "neither a host name nor an IP address",
		"2001:db8::7:zz":             "neither host, host:port nor [IPv6]:port",
		"[2001:db8::7":               "neither host, host:port nor [IPv6]:port",
		"0.0.0.0":                    "is not the address of one server",
		"[::]:123":                   "is not the address of one server",
		"224.0.1.1":                  "is not the address of one server",
		"ff80::1%a\nb":               "is not the zone of an address",
		strings.Repeat("a", 64):      "neither a host name nor an IP address",
		strings.Repeat("a.", 200):    "neither a host name nor an IP address",
		"bücher.example":             "neither a host name nor an IP address",
		"host/../../etc/passwd:1234": "neither a host name nor an IP address",
	} {
		_, err := truetime.New([]truetime.Source{Server(given)})
		require.ErrorContains(t, err, want, given)
		require.Less(t, len(err.Error()), 500)
	}
}

func TestMistakesInOptionsAreReportedTogether(t *testing.T) {
	_, err := truetime.New([]truetime.Source{
		Server("", WithMaxDelay(0), WithMaxRootDistance(-1), WithMaxStratum(16), WithExtraError(-1), WithExtraError(math.MaxInt64), nil),
	})
	for _, want := range []string{"the address is empty", "maximum delay of 0s", "maximum root distance of -1ns", "maximum stratum of 16", "extra error of -1ns", "extra error of 2562047h", "an option is nil"} {
		require.ErrorContains(t, err, want)
	}
}

// A resolver takes an IP address with a dot at the end for the address, so it is one here too: not
// a name that nothing is known of.
func TestIPAddressWithADotAtItsEndIsAnIPAddress(t *testing.T) {
	for _, text := range []string{"192.0.2.7.", "192.0.2.7.:123", "[2001:db8::7.]:123", "[::ffff:192.0.2.7.]:123"} {
		a, err := parseAddress(text)
		require.NoError(t, err, text)
		require.True(t, a.ip.IsValid(), text)
		require.Empty(t, a.host, text)
	}
	for _, text := range []string{"0.0.0.0.", "224.0.1.1.", "[::.]:123", "0.0.0.0.:123"} {
		_, err := parseAddress(text)
		require.ErrorContains(t, err, "is not the address of one server", text)
	}
}

func TestZoneIsWhatAnInterfaceCanBeCalled(t *testing.T) {
	for _, text := range []string{"fe80::1%eth0", "fe80::1%2", "[fe80::1%br-0.7]:123", "fe80::1%Ethernet 2"} {
		a, err := parseAddress(text)
		require.NoError(t, err, text)
		again, err := parseAddress(a.String())
		require.NoError(t, err, text)
		require.Equal(t, a, again)
	}
	for _, text := range []string{"fe80::1%]:123", "fe80::1%a%b", "fe80::1%a:b", "fe80::1%\n", "fe80::1%\xff", "fe80::1%" + strings.Repeat("x", 65)} {
		_, err := parseAddress(text)
		require.ErrorContains(t, err, "is not the zone of an address", text)
	}
}
