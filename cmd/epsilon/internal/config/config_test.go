package config

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/cmd/epsilon/internal/ntpserver"
)

// everything is a file that uses each kind of source.
const everything = `
socket = "/run/epsilon/other"
user = "nobody"
segment = "/run/epsilon/other-clock"
[log]
format = "json"
level = "warn"
[ready]
within = "10ms"
[clock]
drift_ppm = 50
max_wander_ppb = 100
rate_stability_ppm = 20.5
faulty = 2
poll_min = "1s"
poll_max = "1m"
target_uncertainty = "1ms"
max_uncertainty = "20ms"
burst = 4
require_authenticated = false
plausible_since = 2026-01-01
vmclock = ""
[[source]]
server = "ntp1.example.net"
group = "example"
scale = "smeared"
max_delay = "100ms"
max_root_distance = "1s"
extra_error = "50us"
max_stratum = 3
max_reference_age = "1h"
local_reference = true
private = true
port_forwarding = true
fine_bounds = true
sharp_stamps = true
kernel_stamps = false
distance_km = 100.5
min_delay = "1us"
[[source]]
nts = "time.example.net"
server_name = "ntp"
[[source]]
pool = "pool.example.net"
count = 3
replace_after = "1h"
[[source]]
chrony = "127.0.0.1"
[[source]]
kernel = true
[[source]]
clockbound = "/var/run/clockbound/shm0"
scale = "smeared"
extra_error = "1us"
[[source]]
ptp = "192.0.2.7"
accuracy = "100ns"
tai = true
domain = 1
boundary_clock_error = "1us"
event_port = 1319
general_port = 1320
message_rate = 2
transparent_clocks = true
kernel_stamps = false
distance_km = 20
min_delay = "10us"
[[source]]
ptp4l = "/var/run/ptp4l"
[[source]]
phc = "eth0"
utc_offset = "0s"
[[source]]
phc = "/dev/ptp1"
ptp4l = "/var/run/ptp4l-1"
[[source]]
vmclock = "/dev/vmclock0"
[ntp]
scale = "smeared"
listen = ["127.0.0.1:1123", "[::1]:1123"]
limit_per_second = 2.5
limit_burst = 8
workers = 1
kernel_stamps = false
[http]
listen = ["127.0.0.1:9123", "[::1]:9123"]
`

func TestEveryKeyIsRead(t *testing.T) {
	c, err := Parse("f", []byte(everything))
	require.NoError(t, err)
	require.Equal(t, "/run/epsilon/other", c.Socket)
	require.Equal(t, "nobody", c.User)
	require.Equal(t, "/run/epsilon/other-clock", c.SegmentOr("x"))
	require.True(t, c.LogJSON)
	require.Equal(t, 10*time.Millisecond, c.ReadyWithin)
	require.Equal(t, 50.0, c.DriftPPM)
	require.Len(t, c.Options(), 10)
	require.Equal(t, &NTP{Listen: []netip.AddrPort{netip.MustParseAddrPort("127.0.0.1:1123"), netip.MustParseAddrPort("[::1]:1123")},
		Limit: &ntpserver.Limit{PerSecond: 2.5, Burst: 8, IPv4Bits: 32, IPv6Bits: 64}, Workers: 1, ProgramStamps: true}, c.NTP)
	require.Equal(t, []netip.AddrPort{netip.MustParseAddrPort("127.0.0.1:9123"), netip.MustParseAddrPort("[::1]:9123")}, c.HTTP)
	var names []string
	for _, s := range c.Sources {
		for _, source := range s.Make(nil) {
			require.NoError(t, source.Info().Err)
			names = append(names, source.Info().Name)
		}
	}
	require.Equal(t, []string{"ntp1.example.net", "nts://time.example.net", "pool.example.net#1", "pool.example.net#2", "pool.example.net#3",
		"chronyd 127.0.0.1:323", "kernel", "clockbound /var/run/clockbound/shm0", "ptp 192.0.2.7 port 1319 domain 1", "ptp4l /var/run/ptp4l", "phc eth0", "phc /dev/ptp1", "vmclock:/dev/vmclock0"}, names)
	require.Equal(t, "example", c.Sources[0].Make(nil)[0].Info().Group)
}

// mistakesOf returns what is wrong with a file, as lines.
func mistakesOf(t *testing.T, text string) []string {
	t.Helper()
	_, err := Parse("f", []byte(text))
	var e *Error
	require.ErrorAs(t, err, &e, text)
	var lines []string
	for _, m := range e.Mistakes {
		lines = append(lines, m.String())
	}
	return lines
}

func TestAllMistakesAreToldAtOnceWithTheirLines(t *testing.T) {
	require.Equal(t, []string{
		`line 1: sokcet is no key of the file: is socket meant?`,
		`line 3: drift is no key of [clock]: is drift_ppm meant?`,
		`line 4: poll_min = 16: it must be a duration with its unit, as in "16s", "1.5ms" or "250us"`,
		`line 5: max_uncertainty: maximum uncertainty of -1s: it must be above 0`,
		`line 6: max_wander_ppb = "100 ppb": it must be a number in parts per billion a second, without quotes`,
		`line 7: burst: burst of 99 polls: it must be 1 to 16`,
		`line 11: source 192.0.2.1 is already given on line 9: one server has one vote`,
		`line 12: this source does not say what it is: give one of ` + kindsText,
		`line 14: this source is said to be pool and server: a [[source]] has one of them`,
		`line 18: scale = "tai": it must be one of "smeared", "utc"`,
		`line 19: max_stratum = 3.5: it must be a whole number from 1 to 15`,
		`line 20: source not a host: address "not a host": "not a host" is neither a host name nor an IP address`,
	}, mistakesOf(t, `sokcet = "/x"
[clock]
drift = 50
poll_min = 16
max_uncertainty = "-1s"
max_wander_ppb = "100 ppb"
burst = 99
[[source]]
server = "192.0.2.1"
[[source]]
server = "192.0.2.1:123"
[[source]]
count = 2
[[source]]
server = "a"
pool = "b"
[[source]]
scale = "tai"
max_stratum = 3.5
server = "not a host"
`))
}

func TestEachMistake(t *testing.T) {
	const good = "[[source]]\nserver = \"192.0.2.1\"\n"
	for text, want := range map[string]string{
		"":                                  "it has no [[source]]: name at least one server, and four to stay right while one is wrong and another is down",
		"a = ":                              "line 1: this is not TOML: ",
		good + "server = \"192.0.2.2\"\n":   "line 3: server is already given on line 2",
		"[clock]\n[clock]\n" + good:         "line 2: clock is already given on line 1",
		"[ready]\nwithin = \"0s\"\n" + good: "line 2: within = 0s: it must be above 0",
		"segment = \"here\"\n" + good:       `line 1: segment = "here": it must be the absolute path of a file`,
		"socket = \"here\"\n" + good:        `line 1: socket = "here": it must be an absolute path`,
		"source = 3\n":                      "line 1: source = 3: it must be a table of its own for each source, as in [[source]]",
		"clock = 3\n" + good:                "line 1: clock = 3: it must be a table, as in [clock]",
		"[clock]\nfaulty = 1\n" + good:      "line 2: 1 faulty of 1 voters",
		"[clock]\nleap_seconds = \"/nowhere\"\n" + good:                                    "line 2: leap_seconds: stat /nowhere: no such file or directory",
		"[clock]\nplausible_since = \"2026-01-01\"\n" + good:                               `line 2: plausible_since = "2026-01-01": it must be a date`,
		"[clock]\ntarget_uncertainty = \"2ms\"\nmax_uncertainty = \"1ms\"\n" + good:        "line 1: target uncertainty of 2ms",
		"[clock]\nrequire_authenticated = true\n" + good:                                   "line 1: none of the sources is authenticated",
		"[ntp]\nscale = \"smeared\"\nlisten = []\n" + good:                                 "line 3: listen = a list: it must be a list of addresses with their ports",
		"[ntp]\nscale = \"smeared\"\nlisten = [\"x\"]\n" + good:                            `line 3: listen: "x" is no address with a port`,
		"[ntp]\nscale = \"smeared\"\nunlimited = true\nlimit_burst = 2\n" + good:           "line 3: unlimited excludes limit_burst",
		"[clockbound]\n" + good:                                                            "line 1: max_slew_ppm is missing: clients read the system clock, so say by how much it is slewed at most: 100000 for chronyd as it comes",
		"[clockbound]\nmax_slew_ppm = 1\nperiod = \"1s\"\n" + good:                         "line 3: period = 1s: it must be 1ms to 100ms",
		"[ntp]\nscale = \"smeared\"\nworkers = 65\n" + good:                                "line 3: workers: 65 workers: they must be 1 to 64",
		"[ntp]\nscale = \"smeared\"\nlimit_per_second = 0.0005\n" + good:                   "line 3: limit_per_second: limit of 0.0005 requests per second: it must be 0.001 to",
		"[ntp]\nscale = \"smeared\"\nlimit_burst = 0\n" + good:                             "line 3: limit_burst: limit with a burst of 0",
		"[ntp]\nscale = \"smeared\"\nlisten = [\"127.0.0.1:1\", \"127.0.0.1:1\"]\n" + good: "line 3: listen: listen at 127.0.0.1:1: it is there twice",
		"[ntp]\nscale = \"smeared\"\nlisten = [\"224.0.1.1:123\"]\n" + good:                "line 3: listen: listen at 224.0.1.1:123: it is not the address of one host",
		"[ntp]\n" + good:                  "line 1: scale is missing: write scale = \"smeared\"",
		"[ntp]\nscale = \"utc\"\n" + good: "line 2: scale = \"utc\": it must be one of \"smeared\"",
		"[clockbound]\nmax_slew_ppm = 1\nlongest_pause = \"6s\"\n" + good: "line 3: longest_pause = 6s: it must be 0s to 5s",
		"[http]\n" + good: "line 1: listen is missing: write listen = [\"127.0.0.1:9123\"]",
		"[http]\nlisten = \"127.0.0.1:9123\"\n" + good:                 "line 2: listen = \"127.0.0.1:9123\": it must be a list of addresses with their ports",
		"[http]\nlisten = [\"localhost:9123\"]\n" + good:               "line 2: listen: \"localhost:9123\" is no address with a port",
		"[http]\nlisten = [\"127.0.0.1:1\", \"127.0.0.1:1\"]\n" + good: "line 2: listen: listen at 127.0.0.1:1: it is there twice",
		"[http]\nlisten = [\"[ff02::1]:9123\"]\n" + good:               "line 2: listen: listen at [ff02::1]:9123: it is not the address of one host",
		"[http]\nlisten = [\"127.0.0.1:1\"]\nport = 3\n" + good:        "line 3: port is no key of [http]",
		"[clockbound]\nmax_slew_ppm = 1\npath = \"here\"\n" + good:     "line 3: path = \"here\": it must be an absolute path",
		"[clock]\nleap_seconds = \"/dev/null\"\n" + good:               "line 2: leap_seconds: /dev/null is no regular file",
		"[[source]]\nnts = \"a\"\nca = \"/dev/null\"\n":                "line 3: ca: /dev/null is no regular file",
		"[[source]]\nkernel = false\n":                                 "line 2: kernel = false: it must be true",
		"[[source]]\nnts = \"a\"\nca = \"/nowhere\"\n":                 "line 3: ca: stat /nowhere",
		"[[source]]\npool = \"a.example\"\ncount = 99\n":               `line 2: source a.example: pool "a.example" of 99 servers: it must be 1 to 64`,
		"[[source]]\nphc = \"eth0\"\n":                                 "line 2: source eth0: phc eth0 does not say what it counts",
	} {
		found := mistakesOf(t, text)
		require.Len(t, found, 1, text)
		require.Contains(t, found[0], want)
	}
}

func TestOneMistakeIsOneSentence(t *testing.T) {
	_, err := Parse("/etc/e.toml", []byte("[[source]]\nserver = \"\"\n"))
	require.EqualError(t, err, `/etc/e.toml: line 2: server = "": it must be `+mustBeServer)
}

func TestFileThatCannotBeRead(t *testing.T) {
	_, err := Load(filepath.Join(t.TempDir(), "none"))
	require.ErrorIs(t, err, os.ErrNotExist)
	require.ErrorContains(t, err, "there is no file")
	_, err = Load(t.TempDir())
	require.ErrorContains(t, err, "is no file with a configuration")
	require.Len(t, mistakesOf(t, strings.Repeat("#\n", maxFile)), 1)
}

func TestOnlyWhatMattersToTheClockMakesItAnother(t *testing.T) {
	parse := func(text string) *Config {
		c, err := Parse("f", []byte(text))
		require.NoError(t, err)
		return c
	}
	base := parse("[clock]\nburst = 2\nfaulty = 0\n[[source]]\nserver = \"a\"\n")
	require.True(t, base.SameClock(parse("\n[ready]\nwithin = \"1s\"\n[clock]\nfaulty = 0\nburst = 2\n[[source]]\nserver = 'a' # same\n")))
	require.False(t, base.SameClock(parse("[clock]\nburst = 3\nfaulty = 0\n[[source]]\nserver = \"a\"\n")))
	require.False(t, base.SameClock(parse("[clock]\nburst = 2\nfaulty = 0\n[[source]]\nserver = \"b\"\n")))
}

// An authority that is replaced in its file is another one.
func TestWhatTheFilesHaveMattersToTheClock(t *testing.T) {
	ca := filepath.Join(t.TempDir(), "ca.pem")
	parse := func() *Config {
		c, err := Parse("f", fmt.Appendf(nil, "[[source]]\nnts = \"a\"\nca = %q\n", ca))
		require.NoError(t, err)
		return c
	}
	authority := func() {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		require.NoError(t, err)
		template := &x509.Certificate{SerialNumber: big.NewInt(1)}
		der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o644))
	}
	authority()
	before := parse()
	require.True(t, before.SameClock(parse()))
	authority()
	require.False(t, before.SameClock(parse()))
}

func TestWhatTakesARestartIsNamed(t *testing.T) {
	parse := func(text string) *Config {
		c, err := Parse("f", []byte(text+"[[source]]\nserver = \"a\"\n"))
		require.NoError(t, err)
		return c
	}
	base := parse("")
	require.Empty(t, base.Fixed(parse("[ready]\nwithin = \"1s\"\n")))
	require.Equal(t, []string{"socket", "segment", "user", "log.format", "[ntp]", "[clockbound]", "[http]"}, base.Fixed(parse(
		"socket = \"/a\"\nsegment = \"\"\nuser = \"b\"\n[log]\nformat = \"json\"\n[ntp]\nscale = \"smeared\"\n[clockbound]\nmax_slew_ppm = 1\n"+
			"[http]\nlisten = [\"127.0.0.1:9123\"]\n")))
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(everything))
	f.Add([]byte("[[source]]\nserver = \"a\"\n[source.x]\ny = [1, {a = 2}]\n"))
	f.Add([]byte("a.b.c = {d.e = 1}\n[a.b]\n[[a.b]]\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := Parse("f", data)
		var e *Error
		if err != nil && (!errors.As(err, &e) || len(e.Mistakes) == 0) {
			t.Fatalf("an error without a mistake: %v", err)
		}
		if err == nil && len(c.Sources) == 0 {
			t.Fatal("good without a source")
		}
	})
}
