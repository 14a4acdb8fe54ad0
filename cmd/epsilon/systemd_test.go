package main

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// supervisor is what systemd would hear.
type supervisor struct{ *net.UnixConn }

func supervise(t testing.TB) supervisor {
	path := filepath.Join(t.TempDir(), "notify")
	c, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	require.NoError(t, err)
	t.Cleanup(func() { c.Close() })
	require.NoError(t, os.Setenv("NOTIFY_SOCKET", path))
	require.NoError(t, os.Setenv("WATCHDOG_USEC", "2000000"))
	t.Cleanup(func() { os.Unsetenv("NOTIFY_SOCKET"); os.Unsetenv("WATCHDOG_USEC") })
	return supervisor{c}
}

// hear returns what comes until one has the wanted in it.
func (s supervisor) hear(t testing.TB, wanted string) (all []string) {
	t.Helper()
	require.NoError(t, s.SetReadDeadline(time.Now().Add(20*time.Second)))
	message := make([]byte, 4096)
	for {
		n, err := s.Read(message)
		require.NoError(t, err, "%q has not come, but %q", wanted, all)
		all = append(all, string(message[:n]))
		if strings.Contains(string(message[:n]), wanted) {
			return all
		}
	}
}

func TestSystemdHearsOfReadinessByTheBoundAndOfPublications(t *testing.T) {
	systemd := supervise(t)
	server := ntpServer(t)
	path := configOf(t, server)
	rewrite(t, path, "[ready]\nwithin = \"1ns\"", server)
	s := serve(t, "--config", path)
	require.Equal(t, 0, s.ask(t, "wait", "--within", "1s").code)

	first := systemd.hear(t, "WATCHDOG=1")
	second := systemd.hear(t, "WATCHDOG=1")
	for _, message := range append(first, second...) {
		require.NotContains(t, message, "READY=1", "ε is not small enough")
	}
	require.Contains(t, strings.Join(append(first, second...), "\n"), "STATUS=")

	rewrite(t, path, "[ready]\nwithin = \"1h\"", server)
	require.Equal(t, 0, s.ask(t, "reload").code)
	require.Contains(t, systemd.hear(t, "READY=1")[0], "RELOADING=1\nMONOTONIC_USEC=")
	require.Equal(t, 0, s.stop())
	systemd.hear(t, "STOPPING=1")
}
