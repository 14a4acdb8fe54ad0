package main

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/beevik/ntp"
	"github.com/stretchr/testify/require"
)

func TestOtherHostsAreToldTheTimeIfItIsConfigured(t *testing.T) {
	path := filepath.Join(t.TempDir(), "epsilon.toml")
	rewrite(t, path, "[ntp]\nscale = \"smeared\"\nlisten = [\"127.0.0.1:0\"]", ntpServer(t))
	s := serve(t, "--config", path)
	require.Equal(t, 0, s.ask(t, "wait").code, s.log)
	at := s.report(t).Daemon.NTP.Listen
	require.Len(t, at, 1)
	var response *ntp.Response
	require.Eventually(t, func() bool { // it looks whom the clock follows about once a second
		var err error
		response, err = ntp.Query(at[0])
		return err == nil && response.Validate() == nil
	}, 20*time.Second, 50*time.Millisecond)
	require.EqualValues(t, 2, response.Stratum)
	// A reply is counted after it has been sent, and may have come before.
	require.Eventually(t, func() bool { return s.report(t).Daemon.NTP.Answered > 0 }, 20*time.Second, time.Millisecond)
	require.Contains(t, s.ask(t, "status").out, fmt.Sprintf("at %s: ", at[0]))
	require.Contains(t, s.log.String(), "smeared from noon to noon", "whoever serves it is told")
	require.Equal(t, 0, s.stop())
}

func TestPortOfTheNTPServerInUse(t *testing.T) {
	taken, err := net.ListenPacket("udp", "127.0.0.1:0")
	require.NoError(t, err)
	defer taken.Close()
	dir := t.TempDir()
	path := filepath.Join(dir, "epsilon.toml")
	text := fmt.Sprintf("[ntp]\nscale = \"smeared\"\nlisten = [%q]\n[[source]]\nserver = \"127.0.0.1:9\"\n", taken.LocalAddr())
	require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
	r := epsilon(t, "serve", "--config", path, "--socket", dir+"/s")
	require.Equal(t, 1, r.code)
	require.Contains(t, r.errors, taken.LocalAddr().String())
	require.Contains(t, r.errors, "in use")
	oneSentence(t, r.errors[strings.LastIndex(r.errors, "epsilon: "):])
}

// What starts after the service is ready may ask it.
func TestNTPIsServedOnceSystemdHearsOfReadiness(t *testing.T) {
	systemd := supervise(t)
	server := ntpServer(t)
	path := configOf(t, server)
	rewrite(t, path, "[ntp]\nscale = \"smeared\"\nlisten = [\"127.0.0.1:0\"]\n[ready]\nwithin = \"1h\"", server)
	s := serve(t, "--config", path)
	at := s.report(t).Daemon.NTP.Listen[0]
	systemd.hear(t, "READY=1")
	response, err := ntp.Query(at)
	require.NoError(t, err)
	require.NoError(t, response.Validate())
}

func TestAChangeThatTakesARestartIsToldByReload(t *testing.T) {
	server := ntpServer(t)
	path := configOf(t, server)
	s := serve(t, "--config", path)
	require.Equal(t, 0, s.ask(t, "wait").code, s.log)
	same := s.ask(t, "reload", "--json")
	require.Equal(t, 0, same.code, same.errors)
	require.Equal(t, "{\"Restart\":[]}\n", same.out)
	rewrite(t, path, "[ntp]\nscale = \"smeared\"\nlisten = [\"127.0.0.1:0\"]", server)
	for range 2 { // it is in use no more than before
		changed := s.ask(t, "reload")
		require.Equal(t, 0, changed.code, changed.errors)
		require.Equal(t, "in use, but for [ntp]: restart the daemon\n", changed.out)
	}
}
