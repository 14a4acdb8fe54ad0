package doctor

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/cmd/epsilon/internal/api"
	"github.com/epsilontime/epsilon/truetime"
)

const now = truetime.Time(1_800_000_000_000_000_000)

// healthy is a host with nothing wrong, five sources of five operators among them.
func healthy() *Case {
	r := &api.Report{Daemon: api.Daemon{Ready: true, ReadyWithin: 10 * time.Millisecond, DriftPPM: 200}}
	r.Clock = truetime.Status{
		State:       truetime.Synchronized,
		Interval:    truetime.Interval{Earliest: now - 1e6, Latest: now + 1e6},
		Uncertainty: time.Millisecond,
		Budget:      truetime.Budget{Delay: 500 * time.Microsecond, Claim: 500 * time.Microsecond},
		Epoch:       1, Voters: 5, Faulty: 2, Heard: 5, Answering: 5,
		LeapSeconds: truetime.LeapReport{Status: truetime.LeapStatusNone, TableExpiry: now.Add(300 * 24 * time.Hour), TableSource: "tzdata"},
	}
	for i := range 5 {
		r.Clock.Sources = append(r.Clock.Sources, truetime.SourceStatus{
			Name: fmt.Sprintf("ntp.operator%d.example", i), Verdict: truetime.Truechimer, Reach: 0xff,
			Interval: r.Clock.Interval, Delay: time.Millisecond, Claim: 500 * time.Microsecond,
		})
	}
	return &Case{Report: r, Now: now, System: fstest.MapFS{
		clocksources + "current_clocksource": {Data: []byte("tsc\n")},
		"proc/1/comm":                        {Data: []byte("systemd\n")},
		"proc/9/comm":                        {Data: []byte("chronyd\n")},
		"proc/cpuinfo":                       {Data: []byte("processor: 0\nflags\t\t: fpu tsc\n")},
	}}
}

func (c *Case) file(path, text string) {
	c.System.(fstest.MapFS)[path] = &fstest.MapFile{Data: []byte(text)}
}

func (c *Case) sources() []truetime.SourceStatus { return c.Report.Clock.Sources }

// silence makes sources fail with an error from the first.
func (c *Case) silence(n int, err error) {
	for i := range n {
		s := &c.sources()[i]
		s.Verdict, s.Reach, s.Err, s.Interval = truetime.Silent, 0, err, truetime.Interval{}
	}
	c.Report.Clock.Answering = 5 - n
}

func TestNothingIsWrongWithAHealthyHost(t *testing.T) {
	found := Examine(healthy())
	require.Empty(t, found)
	require.Equal(t, "Nothing is wrong with this host's timekeeping, as far as 13 checks can tell.\n", Text(found))
}

func TestEachFinding(t *testing.T) {
	for name, c := range map[string]struct {
		break_ func(*Case)
		ids    string
		says   string
	}{
		"no daemon":  {func(c *Case) { c.Report, c.NoDaemon = nil, errors.New("no daemon runs here") }, "no-daemon", "Nobody keeps the time: no daemon runs here."},
		"pending":    {func(c *Case) { c.Report.Daemon.Pending = "0 of 1 voters heard" }, "configuration-pending", "0 of 1 voters heard"},
		"clockbound": {func(c *Case) { c.Report.Daemon.ClockBound = &api.ClockBound{Err: "another process writes it"} }, "clockbound-clients", "nothing is known: another process writes it."},
		"faulty": {func(c *Case) {
			c.Report.Clock.State, c.Report.Clock.Err = truetime.ClockFaulty, truetime.ErrClockFaulty
		},
			"clock-faulty", "refuses to answer"},
		"no answer": {func(c *Case) {
			c.Report.Clock.State, c.Report.Clock.Err = truetime.Unsynchronized, truetime.ErrNotSynchronized
			c.Report.Clock.Heard = 0
			c.silence(5, errors.New("read udp 127.0.0.1:1->127.0.0.1:123: i/o timeout"))
		}, "no-answer port-blocked", "All 5 sources never answer."},
		"holdover": {func(c *Case) {
			c.Report.Clock.State = truetime.Holdover
			c.silence(4, errors.New("dial: network is unreachable"))
		}, "holdover no-route", "1 of 5, and 3 are needed"},
		"no route at all": {func(c *Case) { c.silence(5, errors.New("network is unreachable")); c.Report.Clock.Answering = 5 }, "no-route",
			"There is no route to any of the 5 sources."},
		"too few": {func(c *Case) { c.silence(1, errors.New("i/o timeout")) }, "port-blocked too-few-answer", "Only 4 of 5 voters answer"},
		"no name": {func(c *Case) { c.silence(1, errors.New("lookup x: no such host")); c.Report.Clock.Answering = 5 }, "no-name",
			"ntp.operator0.example cannot be found"},
		"refused": {func(c *Case) { c.silence(1, errors.New("nothing listens at x")); c.Report.Clock.Answering = 5 }, "nothing-listens", "Nothing listens"},
		"firewall": {func(c *Case) {
			c.silence(2, errors.New("sendto: operation not permitted"))
			c.Report.Clock.Answering = 5
		}, "port-forbidden",
			"ask ntp.operator0.example and ntp.operator1.example."},
		"island": {func(c *Case) { c.silence(2, errors.New("it follows nobody")); c.Report.Clock.Answering = 5 }, "follows-nobody", "follow nobody but their own clock"},
		"other":  {func(c *Case) { c.silence(1, errors.New("a riddle.")); c.Report.Clock.Answering = 5 }, "source-silent", "does not answer: a riddle."},
		"too wide": {func(c *Case) {
			c.Report.Daemon.ReadyWithin = time.Microsecond
			c.Report.Clock.Budget.Drift = time.Second
		}, "too-wide",
			"Most of it is what the counter may have drifted"},
		"denied":    {func(c *Case) { c.sources()[0].Err = fmt.Errorf("DENY: %w", truetime.ErrDenied) }, "denied", "refuses to serve this host"},
		"held back": {func(c *Case) { c.sources()[0].HeldBack = true; c.sources()[0].Poll = time.Minute }, "held-back", "every 1m 0s by now"},
		"liar": {func(c *Case) {
			s := &c.sources()[0]
			s.Verdict, s.Interval = truetime.Falseticker, truetime.Interval{Earliest: now + 1e9, Latest: now + 1e9 + 2}
		}, "falseticker", "ntp.operator0.example is wrong by +1.00 s: it claims 500 µs."},
		"convicted": {func(c *Case) { c.sources()[0].Verdict = truetime.Convicted }, "convicted", "contradicts itself"},
		"unusable": {func(c *Case) {
			c.sources()[0].Verdict, c.sources()[0].Err = truetime.Unusable, errors.New("stratum 16")
		}, "unusable", "stratum 16"},
		"two":   {func(c *Case) { c.Report.Clock.Voters, c.Report.Clock.Faulty = 2, 0 }, "none-may-be-wrong", "with 2 voters nobody can tell"},
		"three": {func(c *Case) { s := &c.Report.Clock; s.Voters, s.Faulty, s.Answering = 3, 1, 3 }, "no-spare", "There are three sources"},
		"one operator": {func(c *Case) {
			for i := range 3 {
				c.sources()[i].Name = fmt.Sprintf("time%d.big.example", i)
			}
		}, "one-operator", "3 of 5 voters are of big.example, and no more than 2 may be wrong"},
		"one network": {func(c *Case) {
			for i := range 3 {
				c.sources()[i].Name = fmt.Sprintf("192.0.2.%d:123", i)
			}
		}, "one-operator", "of the network 192.0.2.0/24"},
		"grouped": {func(c *Case) {
			for i := range 3 {
				c.sources()[i].Name, c.sources()[i].Group = fmt.Sprintf("time%d.big.example", i), "big"
			}
		}, "", ""},
		"one machine": {func(c *Case) {
			c.sources()[0].SameAs = []string{c.sources()[1].Name}
			c.sources()[1].SameAs = []string{c.sources()[0].Name}
		}, "same-machine", "operator0.example and ntp.operator1.example seem to be one machine"},
		"far": {func(c *Case) {
			for i := range 5 {
				c.sources()[i].Delay = 30 * time.Millisecond
			}
		}, "far", "is 30.0 ms away and back, so ε cannot fall below 15.0 ms"},
		"expired": {func(c *Case) { c.Report.Clock.LeapSeconds.TableExpired = true }, "leap-table-expired", "expired on"},
		"expires": {func(c *Case) { c.Report.Clock.LeapSeconds.TableExpiry = now.Add(24 * time.Hour) }, "leap-table-expires", "expires on"},
		"refused table": {func(c *Case) { c.Report.Clock.LeapSeconds.TableRefused = "its hash is wrong" }, "leap-table-refused",
			"its hash is wrong."},
		"hpet":           {func(c *Case) { c.file(clocksources+"current_clocksource", "hpet\n") }, "slow-clocksource", "keeps time by hpet"},
		"VM":             {func(c *Case) { c.file("proc/cpuinfo", "flags : fpu hypervisor\n") }, "no-vmclock", "without a VMClock device"},
		"Xen":            {func(c *Case) { c.file("sys/hypervisor/type", "xen\n") }, "no-vmclock", "without a VMClock device"},
		"VM and VMClock": {func(c *Case) { c.file("proc/cpuinfo", "flags : hypervisor\n"); c.file("dev/vmclock0", "") }, "", ""},
		"VMClock closed": {func(c *Case) {
			c.file("sys/hypervisor/type", "kvm")
			c.file("dev/vmclock0", "")
			c.Report.Clock.Counter = "TSC; VMClock not watched: permission denied"
		}, "vmclock-unread", "does not watch it: permission denied."},
		"two daemons": {func(c *Case) { c.file("proc/12/comm", "systemd-timesyn\n") }, "two-steer", "chronyd (pid 9) and systemd-timesyncd (pid 12) steer"},
		"chronyd -x":  {func(c *Case) { c.file("proc/12/comm", "ntpd\n"); c.file("proc/9/cmdline", "chronyd\x00-x\x00") }, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			patient := healthy()
			c.break_(patient)
			found := Examine(patient)
			var ids []string
			for _, f := range found {
				ids = append(ids, f.ID)
				require.NotEmpty(t, f.Do)
				require.NotContains(t, f.Text, "%!")
				require.NotContains(t, f.Text, "..")
			}
			require.Equal(t, c.ids, strings.Join(ids, " "))
			text := Text(found)
			if c.says != "" {
				require.Contains(t, strings.Join(strings.Fields(text), " "), c.says)
			}
			for line := range strings.Lines(text) {
				require.LessOrEqual(t, len([]rune(strings.TrimSuffix(line, "\n"))), 80, line)
			}
		})
	}
}

func TestHostThatShowsNothingIsNotHeldAgainst(t *testing.T) {
	c := healthy()
	c.System = fstest.MapFS{}
	require.Empty(t, Examine(c))
}

func TestTheWorstComesFirst(t *testing.T) {
	c := healthy()
	c.sources()[0].HeldBack = true
	c.sources()[1].Verdict = truetime.Convicted
	c.Report.Daemon.ReadyWithin = 1
	found := Examine(c)
	require.Equal(t, []Severity{Bad, Warning, Advice}, []Severity{found[0].Severity, found[1].Severity, found[2].Severity})
	require.True(t, strings.HasPrefix(Text(found), "3 findings by 13 checks, the worst first.\n"))
	require.True(t, strings.HasPrefix(Text(found[:1]), "1 finding by 13 checks"))
}

func TestOperators(t *testing.T) {
	for name, want := range map[string]string{
		"ntp1.example.net": "example.net", "nts://time.example.net:4460": "example.net", "a.b.example.co.uk": "example.co.uk", "x.example.de": "example.de",
		"2.debian.pool.ntp.org#3": "", "time.example.net#2": "example.net", "127.0.0.1:3": "", "192.0.2.7": "the network 192.0.2.0/24",
		"[2001:db8::1]:123": "the network 2001:db8::/48", "fe80::1%eth0": "", "localhost": "", "chronyd /run/chrony/chronyd.sock": "", "kernel": "",
	} {
		require.Equal(t, want, operatorOf(name), name)
	}
}
