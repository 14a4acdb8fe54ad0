package main

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// privileged returns a port that takes privileges and is free.
func privileged(t testing.TB) int {
	t.Helper()
	start, err := os.ReadFile("/proc/sys/net/ipv4/ip_unprivileged_port_start")
	require.NoError(t, err)
	lowest, err := strconv.Atoi(strings.TrimSpace(string(start)))
	require.NoError(t, err)
	for port := lowest - 1; port > 0; port-- {
		l, err := net.Listen("tcp4", fmt.Sprintf("127.0.0.1:%d", port))
		if err == nil {
			require.NoError(t, l.Close())
			return port
		}
		if errors.Is(err, syscall.EACCES) {
			break
		}
	}
	t.Skip("no port takes privileges on this host, or none is free")
	return 0
}

func TestAPrivilegedPortIsOpenedBeforeRootIsGivenUp(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can become another user")
	}
	nobody, err := user.Lookup("nobody")
	require.NoError(t, err)
	uid, err := strconv.Atoi(nobody.Uid)
	require.NoError(t, err)
	program, dir := installed(t)
	require.NoError(t, os.Chown(dir, uid, -1))
	port := privileged(t)
	path, socket := filepath.Join(dir, "epsilon.toml"), filepath.Join(dir, "socket")
	rewrite(t, path, fmt.Sprintf("user = \"nobody\"\n[http]\nlisten = [\"127.0.0.1:%d\"]", port), ntpServer(t))

	const stranger = 54321
	out, err := as(stranger, program, "serve", "--demo", "--socket", "/tmp/epsilon-test-unused", "--http", fmt.Sprintf("127.0.0.1:%d", port)).CombinedOutput()
	var exit interface{ ExitCode() int }
	require.ErrorAs(t, err, &exit)
	require.Equal(t, 1, exit.ExitCode())
	require.Contains(t, string(out), "no permission; give a port above 1023, or run as root or with CAP_NET_BIND_SERVICE")

	daemon, log := start(t, program, socket, "--config", path)
	status, _ := served{socket: socket}.get(t, "readyz?within=1h")
	require.Equal(t, http.StatusOK, status)
	require.NoError(t, daemon.Process.Signal(syscall.SIGTERM))
	require.NoError(t, daemon.Wait(), "%v", log)
}
