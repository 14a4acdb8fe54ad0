package config

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/cmd/epsilon/internal/fleet"
	"github.com/epsilontime/epsilon/cmd/epsilon/internal/fleet/wire"
)

func fleetKeyFile(t testing.TB, digit string, mode os.FileMode) string {
	path := filepath.Join(t.TempDir(), "key")
	require.NoError(t, os.WriteFile(path, []byte(strings.Repeat(digit, 64)), mode))
	return path
}

const oneSource = "[[source]]\nserver = \"192.0.2.1\"\n"

func TestEveryKeyOfAFleetIsRead(t *testing.T) {
	path := fleetKeyFile(t, "a", 0o600)
	c, err := Parse("f", fmt.Appendf(nil, `[fleet]
name = "A.Example.net"
listen = ["127.0.0.1:1461", "[::1]:1461"]
peers = ["B.example.net:4461", "[2001:db8::1]:4461", "192.0.2.7:4462"]
key_file = %q
faulty = 1
interval = "2s"
`+oneSource, path))
	require.NoError(t, err)
	key, err := wire.ReadKey(path)
	require.NoError(t, err)
	require.Equal(t, &Fleet{Name: "a.example.net", Listen: []netip.AddrPort{netip.MustParseAddrPort("127.0.0.1:1461"), netip.MustParseAddrPort("[::1]:1461")},
		Peers: []string{"b.example.net:4461", "[2001:db8::1]:4461", "192.0.2.7:4462"}, Key: key, Faulty: 1, Interval: 2 * time.Second}, c.Fleet)

	c, err = Parse("f", fmt.Appendf(nil, "[fleet]\npeers = \"fleet.example.net:4461\"\nfaulty = 2\nname = \"a\"\nkey_file = %q\n"+oneSource, path))
	require.NoError(t, err)
	require.Equal(t, &Fleet{Name: "a", List: "fleet.example.net:4461", Key: key, Faulty: 2, Interval: time.Second}, c.Fleet)

	c, err = Parse("f", fmt.Appendf(nil, "[fleet]\npeers = [\"b:1\", \"c:1\"]\nname = \"a\"\nkey_file = %q\n"+oneSource, path))
	require.NoError(t, err)
	require.Equal(t, fleet.Minority, c.Fleet.Faulty)
	require.Nil(t, c.Fleet.Listen)
	require.NotContains(t, fmt.Sprintf("%v %+v %#v", c.Fleet, c.Fleet, c.Fleet.Key.String()), "170", "a key is not printed")
}

func TestMistakesInAFleetAreToldAtOnce(t *testing.T) {
	open := fleetKeyFile(t, "a", 0o600)
	require.NoError(t, os.Chmod(open, 0o644))
	require.Equal(t, []string{
		`line 2: name = "a b": it must be ` + mustBeName,
		`line 3: listen: "x" is no address with a port, as in "[::]:4461"`,
		`line 4: peers: "b" is no host with a port, as in "a.example.net:4461"`,
		`line 4: peers: c:1 is there twice: name each machine once`,
		`line 4: peers: "d:0": the port must be 1 to 65535`,
		`line 4: peers: "e f" is neither a host name nor an IP address`,
		`line 5: key_file: ` + open + ` has the mode 0644, by which others may use the key: chmod 0640 ` + open + `, and let the daemon's user or group own it`,
		`line 6: faulty = 2: it must be 0 to 0, fewer than half of the fleet`,
		`line 7: interval = 10ms: it must be 100ms to 1h0m0s`,
		`line 8: key is no key of [fleet]: is key_file meant?`,
	}, mistakesOf(t, fmt.Sprintf(`[fleet]
name = "a b"
listen = ["x"]
peers = ["b", "c:1", "C:1", "d:0", "e f:1"]
key_file = %q
faulty = 2
interval = "10ms"
key = "x"
`, open)+oneSource))
	for text, want := range map[string]string{
		"peers = [\"b:1\"]":                                                                  "line 1: key_file is missing: write a key with",
		"key_file = \"/nowhere\"\npeers = [\"b:1\"]":                                         "line 3: key_file: stat /nowhere: no such file",
		"key_file = \"KEY\"":                                                                 "line 1: peers is missing: it must be a list of all machines",
		"key_file = \"KEY\"\npeers = []":                                                     "line 4: peers = a list: it must be a list of all machines",
		"key_file = \"KEY\"\npeers = [1]":                                                    "line 4: peers = 1: it must be a list of all machines",
		"key_file = \"KEY\"\npeers = \"b\"":                                                  `line 4: peers: "b" is no host with a port`,
		"key_file = \"KEY\"\npeers = \"b:1\"":                                                "line 1: faulty is missing: where a name lists the peers",
		"key_file = \"KEY\"\npeers = [\"b:1\"]\nfaulty = -1":                                 "line 5: faulty = -1: it must be 0 to 0",
		"key_file = \"KEY\"\npeers = \"b:1\"\nfaulty = -1":                                   "line 5: faulty = -1: it must be 0 or more",
		"key_file = \"KEY\"\npeers = [\"224.0.0.1:1\"]":                                      "line 4: peers: 224.0.0.1 is not the address of one server",
		"key_file = \"KEY\"\npeers = [\"b:1\"]\nlisten = [\"127.0.0.1:1\", \"127.0.0.1:1\"]": "line 5: listen: listen at 127.0.0.1:1: it is there twice",
	} {
		text = strings.ReplaceAll(text, "KEY", fleetKeyFile(t, "a", 0o600))
		found := mistakesOf(t, "[fleet]\nname = \"a\"\n"+text+"\n"+oneSource)
		require.Len(t, found, 1, text)
		require.Contains(t, found[0], want)
	}
}

func TestAnotherFleetOrKeyTakesARestart(t *testing.T) {
	path := fleetKeyFile(t, "a", 0o600)
	parse := func(more string) *Config {
		c, err := Parse("f", fmt.Appendf(nil, "[fleet]\nname = \"a\"\npeers = [\"b:1\", \"c:1\"]\nkey_file = %q\n%s\n"+oneSource, path, more))
		require.NoError(t, err)
		return c
	}
	base := parse("")
	require.Empty(t, base.Fixed(parse("")))
	require.Equal(t, []string{"[fleet]"}, base.Fixed(parse("faulty = 1")))
	require.NoError(t, os.WriteFile(path, []byte(strings.Repeat("b", 64)), 0o600))
	require.Equal(t, []string{"[fleet]"}, base.Fixed(parse("")))
	require.True(t, base.SameClock(parse("")), "the clock stays")
}
