package main

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/ntpsrc/ntptest"
)

// configOf writes a configuration that asks servers every second, and returns its path.
func configOf(t testing.TB, servers ...string) string {
	path := filepath.Join(t.TempDir(), "epsilon.toml")
	rewrite(t, path, "", servers...)
	return path
}

func rewrite(t testing.TB, path, more string, servers ...string) {
	t.Helper()
	text := more + "\n[clock]\npoll_min = \"1s\"\npoll_max = \"8s\"\n"
	for _, server := range servers {
		text += fmt.Sprintf("[[source]]\nserver = %q\n", server)
	}
	require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
}

func ntpServer(t testing.TB) string {
	t.Helper()
	s, err := ntptest.Listen("127.0.0.1:0", ntptest.Behavior{Dispersion: 100 * time.Microsecond})
	require.NoError(t, err)
	t.Cleanup(func() { s.Close() })
	return s.Address()
}

func (s served) sources(t testing.TB) (names []string) {
	for _, source := range s.report(t).Clock.Sources {
		names = append(names, source.Name)
	}
	return names
}

func TestReloadNeverLeavesTheHostWithoutAnAnswer(t *testing.T) {
	a, b := ntpServer(t), ntpServer(t)
	path := configOf(t, a)
	s := serve(t, "--config", path)
	require.Equal(t, 0, s.ask(t, "wait").code, s.log)

	rewrite(t, path, "", b)
	require.Equal(t, 0, s.ask(t, "reload").code)
	for deadline := time.Now().Add(20 * time.Second); s.sources(t)[0] != b; {
		require.Equal(t, 0, s.ask(t, "now").code, "there is an answer at every moment")
		require.True(t, time.Now().Before(deadline), "%v", s.log)
	}
	require.Equal(t, 0, s.ask(t, "now").code)
	require.Equal(t, 1, s.report(t).Daemon.Reloads)
	require.Empty(t, s.report(t).Daemon.Pending)
}

func TestBadConfigurationLeavesTheOldOneInUse(t *testing.T) {
	a := ntpServer(t)
	path := configOf(t, a)
	s := serve(t, "--config", path)
	require.Equal(t, 0, s.ask(t, "wait").code, s.log)

	require.NoError(t, os.WriteFile(path, []byte("[clock]\ndrift = 3\n"), 0o644))
	bad := s.ask(t, "reload")
	require.Equal(t, 1, bad.code)
	require.Contains(t, bad.errors, "line 2: drift is no key of [clock]")
	require.Equal(t, []string{a}, s.sources(t))
	require.Equal(t, 0, s.ask(t, "now").code)

	rewrite(t, path, "", "127.0.0.1:9") // good, and of no use
	require.Equal(t, 0, s.ask(t, "reload").code)
	require.Equal(t, []string{a}, s.sources(t))
	require.Equal(t, 0, s.ask(t, "now").code)
	require.NotEmpty(t, s.report(t).Daemon.Pending)
	require.Contains(t, s.ask(t, "status").out, "a newer configuration is not in")

	rewrite(t, path, "", a) // back: what was on its way is abandoned
	require.Equal(t, 0, s.ask(t, "reload").code)
	require.Empty(t, s.report(t).Daemon.Pending)
}

func TestClockAndEpochStayWhereTheSourcesDo(t *testing.T) {
	path := configOf(t, ntpServer(t))
	s := serve(t, "--config", path)
	require.Equal(t, 0, s.ask(t, "wait").code, s.log)
	before := s.report(t)

	rewrite(t, path, "[ready]\nwithin = \"1ns\"", before.Clock.Sources[0].Name)
	require.Equal(t, 0, s.ask(t, "reload").code)
	after := s.report(t)
	require.Equal(t, time.Nanosecond, after.Daemon.ReadyWithin)
	require.False(t, after.Daemon.Ready)
	require.Equal(t, before.Clock.Epoch, after.Clock.Epoch)
	require.NotZero(t, after.Clock.Sources[0].Reach&before.Clock.Sources[0].Reach, "it is the same clock: it remembers its polls")
	require.Contains(t, s.log.String(), "the clock stays")
}

// A clock that is much wider than the old one waits until it is not, or for a minute, though it is good enough.
func TestAReloadDoesNotMakeTheAnswerMuchWider(t *testing.T) {
	a := ntpServer(t)
	vague, err := ntptest.Listen("127.0.0.1:0", ntptest.Behavior{Dispersion: 500 * time.Millisecond})
	require.NoError(t, err)
	defer vague.Close()
	path := configOf(t)
	rewrite(t, path, "[ready]\nwithin = \"1h\"", a)
	s := serve(t, "--config", path)
	require.Equal(t, 0, s.ask(t, "wait", "--within", "50ms").code, s.log)

	rewrite(t, path, "[ready]\nwithin = \"1h\"", vague.Address())
	require.Equal(t, 0, s.ask(t, "reload").code)
	require.Eventually(t, func() bool { return strings.Contains(s.report(t).Daemon.Pending, "1 of 1 voters heard") }, 20*time.Second, 20*time.Millisecond, "%v", s.log)
	require.Equal(t, []string{a}, s.sources(t))
	require.Equal(t, 0, s.ask(t, "wait", "--within", "100ms").code)
}

// What has been read last and can be used is what is on its way, whatever else has been tried since.
func TestAConfigurationThatCannotStartDoesNotStopTheOneOnItsWay(t *testing.T) {
	port, err := net.ListenPacket("udp", ":319")
	if err != nil {
		t.Skipf("UDP port 319 cannot be had: %v", err)
	}
	defer port.Close()
	a := ntpServer(t)
	reserved, err := net.ListenPacket("udp", "127.0.0.1:0")
	require.NoError(t, err)
	b := reserved.LocalAddr().String()
	path := configOf(t, a)
	s := serve(t, "--config", path)
	require.Equal(t, 0, s.ask(t, "wait").code, s.log)

	rewrite(t, path, "", b) // where nobody answers yet
	require.Equal(t, 0, s.ask(t, "reload").code)
	require.NoError(t, os.WriteFile(path, []byte("[[source]]\nptp = \"192.0.2.1\"\ntai = true\n"), 0o644))
	refused := s.ask(t, "reload")
	require.Equal(t, 1, refused.code)
	require.Contains(t, refused.errors, "UDP port 319 is in use")

	require.NoError(t, reserved.Close())
	var late *ntptest.Server // somebody's client may have been given the port, and will let go of it
	require.Eventually(t, func() bool {
		late, err = ntptest.Listen(b, ntptest.Behavior{Dispersion: 100 * time.Microsecond})
		return err == nil
	}, 40*time.Second, time.Millisecond)
	defer late.Close()
	require.Eventually(t, func() bool { return s.sources(t)[0] == b }, 40*time.Second, 50*time.Millisecond, "%v", s.log)
	require.Empty(t, s.report(t).Daemon.Pending)
}

func TestPortOfPTPInUseAtTheStart(t *testing.T) {
	port, err := net.ListenPacket("udp", ":319")
	if err != nil {
		t.Skipf("UDP port 319 cannot be had: %v", err)
	}
	defer port.Close()
	path := filepath.Join(t.TempDir(), "epsilon.toml")
	require.NoError(t, os.WriteFile(path, []byte("[[source]]\nptp = \"192.0.2.1\"\ntai = true\n"), 0o644))
	r := epsilon(t, "serve", "--config", path, "--socket", path+".socket")
	require.Equal(t, 1, r.code)
	require.Contains(t, r.errors, "UDP port 319 is in use")
	oneSentence(t, r.errors)
}
