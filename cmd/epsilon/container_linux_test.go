package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// played is what a container of deploy/kubernetes sees: a root that cannot be written, the directory of the segment, processes of its
// own, and no capability.
type played struct {
	uid     int
	reader  bool // the directory is read-only, there is no network and no /sys
	ahead   int  // of its time namespace, in seconds
	program string
	dir     string
}

func (p played) command(args ...string) *exec.Cmd {
	script := `set -e
mount --make-rprivate /
mount --bind "$dir" "$dir"
mount -t proc proc /proc
if [ "$reader" = true ]; then mount -t tmpfs none /sys; mount -o remount,bind,ro "$dir"; fi
mount -o remount,bind,ro /
exec setpriv --reuid="$uid" --regid="$uid" --clear-groups --inh-caps=-all --ambient-caps=-all --bounding-set=-all --no-new-privs -- "$@"`
	namespaces := []string{"--mount", "--pid", "--fork", "--kill-child=SIGTERM"}
	if p.reader {
		namespaces = append(namespaces, "--net", "--time", "--monotonic", fmt.Sprint(p.ahead), "--boottime", fmt.Sprint(p.ahead))
	}
	c := exec.Command("unshare", append(append(namespaces, "sh", "-c", script, "sh", p.program), args...)...)
	c.Env = append(os.Environ(), beEpsilon+"=1", "dir="+p.dir, fmt.Sprint("uid=", p.uid), fmt.Sprint("reader=", p.reader))
	return c
}

// The DaemonSet and its workloads as far as one machine can play them: the daemon as root without a capability, workloads as
// somebody else, each on a root that is read-only.
func TestContainersReadTheClockOfTheirHost(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root, for the namespaces of two containers")
	}
	for _, needed := range []string{"unshare", "setpriv"} {
		if _, err := exec.LookPath(needed); err != nil {
			t.Skip("needs ", needed, " (util-linux)")
		}
	}
	program, dir := installed(t)
	run := filepath.Join(dir, "run")
	require.NoError(t, os.Mkdir(run, 0o755))
	of := played{program: program, dir: run}
	socket, segment := filepath.Join(run, "socket"), filepath.Join(run, "clock")
	if out, err := (played{program: "/bin/true", dir: run, reader: true}).command().CombinedOutput(); err != nil {
		t.Skipf("this machine gives no namespaces: %v: %s", err, out)
	}
	workload := func(ahead int, args ...string) (output string, code int) {
		of := played{uid: 65532, reader: true, ahead: ahead, program: program, dir: run}
		out, err := of.command(args...).CombinedOutput()
		if err != nil {
			var exit *exec.ExitError
			require.ErrorAs(t, err, &exit)
		}
		code = 0
		if exit, ok := err.(*exec.ExitError); ok {
			code = exit.ExitCode()
		}
		return string(out), code
	}

	var log strings.Builder
	configuration := filepath.Join(dir, "epsilon.toml")
	rewrite(t, configuration, fmt.Sprintf("segment = %q\n", segment), ntpServer(t), ntpServer(t), ntpServer(t))
	daemon := of.command("serve", "--config", configuration, "--socket", socket)
	daemon.Stderr = &log
	require.NoError(t, daemon.Start())
	t.Cleanup(func() { _ = daemon.Process.Kill(); _ = daemon.Wait() })
	require.Eventually(t, func() bool { _, err := os.Stat(socket); return err == nil }, 30*time.Second, 20*time.Millisecond, "%v", &log)

	out, code := workload(0, "wait", "--within", "50ms", "--timeout", "30s", "--socket", socket)
	require.Zero(t, code, out)
	out, code = workload(0, "status", "--socket", socket)
	require.Zero(t, code, out)
	require.Contains(t, out, "The clock is synchronized")
	out, code = workload(0, "reload", "--socket", socket)
	require.Equal(t, 1, code, out)
	require.Contains(t, out, "only root and the user whom the daemon runs as")
	out, code = workload(0, "serve", "--config", configuration, "--socket", socket)
	require.NotZero(t, code, out)

	before := time.Now().UTC()
	out, code = workload(0, "now", "--segment", segment)
	require.Zero(t, code, out)
	earliest, err := time.Parse(time.RFC3339Nano, strings.Trim(strings.Split(out, ",")[0], "["))
	require.NoError(t, err, out)
	require.WithinDuration(t, before, earliest, time.Minute)
	out, code = workload(3600, "now", "--segment", segment)
	require.Equal(t, 2, code, out)
	require.Contains(t, out, "another time namespace")

	require.NoError(t, daemon.Process.Signal(syscall.SIGKILL)) // the daemon itself is told by SIGTERM
	_ = daemon.Wait()
	require.Eventually(t, func() bool { _, err := os.Stat(socket); return err != nil }, 30*time.Second, 20*time.Millisecond, "%v", &log)
	out, code = workload(0, "now", "--segment", segment)
	require.Zero(t, code, "holdover: %s", out)
	out, code = workload(0, "wait", "--timeout", "1s", "--socket", socket)
	require.Equal(t, 2, code, out)
}
