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
	rewrite(t, path, "[ntp]\nlisten = [\"127.0.0.1:0\"]", ntpServer(t))
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
	require.NotZero(t, s.report(t).Daemon.NTP.Answered)
	require.Contains(t, s.ask(t, "status").out, fmt.Sprintf("at %s: ", at[0]))
	require.Equal(t, 0, s.stop())
}

func TestPortOfTheNTPServerInUse(t *testing.T) {
	taken, err := net.ListenPacket("udp", "127.0.0.1:0")
	require.NoError(t, err)
	defer taken.Close()
	dir := t.TempDir()
	path := filepath.Join(dir, "epsilon.toml")
	text := fmt.Sprintf("[ntp]\nlisten = [%q]\n[[source]]\nserver = \"127.0.0.1:9\"\n", taken.LocalAddr())
	require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
	r := epsilon(t, "serve", "--config", path, "--socket", dir+"/s")
	require.Equal(t, 1, r.code)
	require.Contains(t, r.errors, taken.LocalAddr().String())
	require.Contains(t, r.errors, "in use")
	oneSentence(t, r.errors[strings.LastIndex(r.errors, "epsilon: "):])
}
