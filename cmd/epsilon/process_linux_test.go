package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// installed copies the program to where every user may run it, beside a directory for its files.
func installed(t testing.TB) (program, dir string) {
	t.Helper()
	dir, err := os.MkdirTemp("", "epsilon-test-*") // t.TempDir is for this user alone
	require.NoError(t, err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	require.NoError(t, os.Chmod(dir, 0o755))
	own, err := os.ReadFile(exe(t))
	require.NoError(t, err)
	program = filepath.Join(dir, "epsilon")
	require.NoError(t, os.WriteFile(program, own, 0o755))
	return program, dir
}

func exe(t testing.TB) string {
	path, err := os.Executable()
	require.NoError(t, err)
	return path
}

// as makes a command that runs as a user, or as this one for 0.
func as(uid int, program string, args ...string) *exec.Cmd {
	c := exec.Command(program, args...)
	c.Env = append(os.Environ(), beEpsilon+"=1")
	if uid != 0 {
		c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(uid)}}
	}
	return c
}

// start starts a daemon as a process, and returns once it answers.
func start(t testing.TB, program, socket string, args ...string) (*exec.Cmd, *bytes.Buffer) {
	t.Helper()
	var log bytes.Buffer
	c := as(0, program, append([]string{"serve", "--socket", socket}, args...)...)
	c.Stderr = &log
	require.NoError(t, c.Start())
	t.Cleanup(func() {
		_ = c.Process.Kill()
		_ = c.Wait()
	})
	require.Eventually(t, func() bool {
		return epsilon(t, "wait", "--socket", socket, "--timeout", "100ms").code == 0
	}, 30*time.Second, 20*time.Millisecond)
	return c, &log
}

func TestSignalsReloadAndStop(t *testing.T) {
	dir := t.TempDir()
	a, b := ntpServer(t), ntpServer(t)
	path, socket := filepath.Join(dir, "epsilon.toml"), filepath.Join(dir, "socket")
	rewrite(t, path, "", a)
	daemon, log := start(t, exe(t), socket, "--config", path)
	s := served{socket: socket}
	require.Equal(t, []string{a}, s.sources(t))

	rewrite(t, path, "", b)
	require.NoError(t, daemon.Process.Signal(syscall.SIGHUP))
	require.Eventually(t, func() bool { return s.sources(t)[0] == b }, 20*time.Second, 20*time.Millisecond)
	require.NoError(t, daemon.Process.Signal(syscall.SIGTERM))
	require.NoError(t, daemon.Wait(), "%v", log)
	require.NoFileExists(t, socket)
}

func TestDaemonGivesUpRootAndOnlyItsUserMayHaveItReload(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can become another user")
	}
	nobody, err := user.Lookup("nobody")
	require.NoError(t, err)
	uid, err := strconv.Atoi(nobody.Uid)
	require.NoError(t, err)
	program, dir := installed(t)
	path, socket := filepath.Join(dir, "epsilon.toml"), filepath.Join(dir, "socket")
	rewrite(t, path, "user = \"nobody\"", ntpServer(t))
	require.NoError(t, os.Chown(dir, uid, -1)) // the daemon makes its segment there
	daemon, log := start(t, program, socket, "--config", path)

	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", daemon.Process.Pid))
	require.NoError(t, err)
	shown := map[string]string{}
	for line := range strings.Lines(string(status)) {
		name, value, _ := strings.Cut(line, ":")
		shown[name] = strings.Join(strings.Fields(value), " ")
	}
	require.Equal(t, strings.TrimSpace(strings.Repeat(nobody.Uid+" ", 4)), shown["Uid"])
	require.Equal(t, strings.TrimSpace(strings.Repeat(nobody.Gid+" ", 4)), shown["Gid"])
	require.Equal(t, nobody.Gid, shown["Groups"])
	for _, set := range []string{"CapEff", "CapPrm", "CapInh", "CapAmb"} {
		require.Equal(t, strings.Repeat("0", 16), shown[set], set)
	}

	const stranger = 54321
	for who, allowed := range map[int]bool{0: true, uid: true, stranger: false} {
		out, err := as(who, program, "reload", "--socket", socket).CombinedOutput()
		require.Equal(t, allowed, err == nil, "user %d: %s", who, out)
		if !allowed {
			require.Contains(t, string(out), "only root and the user whom the daemon runs as")
		}
		out, err = as(who, program, "status", "--socket", socket).CombinedOutput()
		require.NoError(t, err, "everybody may read: %s", out)
	}
	require.NoError(t, daemon.Process.Signal(syscall.SIGTERM))
	require.NoError(t, daemon.Wait(), "%v", log)
}

func TestNoPermissionIsOneSentence(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("to become a user who may do nothing takes root")
	}
	program, dir := installed(t)
	closed := filepath.Join(dir, "closed")
	require.NoError(t, os.Mkdir(closed, 0o700))
	secret := filepath.Join(dir, "secret.toml")
	require.NoError(t, os.WriteFile(secret, []byte("x"), 0o600))
	other := filepath.Join(dir, "other.toml")
	rewrite(t, other, "user = \"root\"", "127.0.0.1:9")
	low := filepath.Join(dir, "low.toml")
	rewrite(t, low, "[ntp]\nscale = \"smeared\"\nlisten = [\"127.0.0.1:123\"]", "127.0.0.1:9")
	open := filepath.Join(dir, "open")
	require.NoError(t, os.Mkdir(open, 0o755))
	require.NoError(t, os.Chown(open, 54321, -1))
	elsewhere := filepath.Join(dir, "elsewhere.toml")
	rewrite(t, elsewhere, "segment = \""+closed+"/clock\"", "127.0.0.1:9")
	unread := filepath.Join(dir, "unread")
	require.NoError(t, os.WriteFile(unread, nil, 0o600))
	start, err := os.ReadFile("/proc/sys/net/ipv4/ip_unprivileged_port_start")
	require.NoError(t, err)
	lowPorts, err := strconv.Atoi(strings.TrimSpace(string(start)))
	require.NoError(t, err)
	for name, c := range map[string]struct {
		args []string
		code int
		want string
	}{
		"port 123":      {[]string{"serve", "--config", low, "--socket", open + "/socket"}, 1, "CAP_NET_BIND_SERVICE"},
		"segment":       {[]string{"serve", "--config", elsewhere, "--socket", open + "/socket"}, 1, "let the daemon's user own the directory " + closed},
		"reader":        {[]string{"now", "--segment", unread}, 2, "this process may not read " + unread},
		"socket":        {[]string{"serve", "--demo", "--socket", closed + "/socket"}, 1, "no permission; run as root"},
		"configuration": {[]string{"serve", "--config", secret}, 2, "no permission to read " + secret},
		"user":          {[]string{"serve", "--config", other, "--socket", "/tmp/epsilon-test-unused"}, 1, "only root can become another user"},
		"status":        {[]string{"status", "--socket", closed + "/socket"}, 2, "no permission to use the socket"},
		"default":       {[]string{"serve", "--demo"}, 2, "XDG_RUNTIME_DIR is not set"},
	} {
		if name == "port 123" && lowPorts <= 123 {
			continue // everybody may use it on this host
		}
		command := as(54321, program, c.args...)
		command.Env = append(command.Env, "XDG_RUNTIME_DIR=", "EPSILON_SOCKET=")
		out, err := command.CombinedOutput()
		require.Error(t, err, name)
		require.Equal(t, c.code, command.ProcessState.ExitCode(), "%s: %s", name, out)
		require.Contains(t, string(out), c.want, name)
		oneSentence(t, string(out[bytes.LastIndex(out, []byte("epsilon: ")):]))
	}
}

func TestALinkBesideTheSocketGivesAwayNothing(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root has something to give away")
	}
	nobody, err := user.Lookup("nobody")
	require.NoError(t, err)
	uid, err := strconv.Atoi(nobody.Uid)
	require.NoError(t, err)
	program, dir := installed(t)
	config := filepath.Join(dir, "epsilon.toml")
	rewrite(t, config, "user = \"nobody\"", "127.0.0.1:9")
	for name, link := range map[string]func(old, new string) error{"symbolic": os.Symlink, "hard": os.Link} {
		for _, file := range []string{"socket.lock", "clock", "clock.lock"} {
			run, err := os.MkdirTemp(dir, "run-*")
			require.NoError(t, err)
			require.NoError(t, os.Chown(run, uid, -1))
			victim := filepath.Join(dir, "victim-"+filepath.Base(run))
			require.NoError(t, os.WriteFile(victim, nil, 0o600))
			require.NoError(t, link(victim, filepath.Join(run, file)))
			var out bytes.Buffer
			daemon := as(0, program, "serve", "--config", config, "--socket", filepath.Join(run, "socket"))
			daemon.Stderr = &out
			require.NoError(t, daemon.Start())
			late := time.AfterFunc(10*time.Second, func() { _ = daemon.Process.Kill() })
			require.Error(t, daemon.Wait(), "%s link %s", name, file)
			late.Stop()
			info, err := os.Stat(victim)
			require.NoError(t, err)
			require.Zero(t, info.Sys().(*syscall.Stat_t).Uid, "%s link %s: %s", name, file, out.String())
			require.Contains(t, out.String(), file)
			require.Contains(t, out.String(), "remove it")
		}
	}
}

func TestNobodyElseCanKeepTheDaemonFromStarting(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("to become another user takes root")
	}
	flock, err := exec.LookPath("flock")
	if err != nil {
		t.Skip("flock(1) is not installed")
	}
	program, dir := installed(t)
	config, socket := filepath.Join(dir, "epsilon.toml"), filepath.Join(dir, "socket")
	rewrite(t, config, "[clockbound]\nmax_slew_ppm = 0\npath = \""+dir+"/shm0\"", ntpServer(t))
	for _, file := range []string{"socket", "clock", "shm0"} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, file+".lock"), nil, 0o644)) // of an older version
	}
	start(t, program, socket, "--config", config)
	require.Eventually(t, func() bool { return epsilon(t, "now", "--segment", dir+"/clock").code == 0 }, 20*time.Second, 20*time.Millisecond)
	for _, file := range []string{"socket", "clock", "shm0"} {
		out, err := as(54321, flock, "-n", filepath.Join(dir, file+".lock"), "true").CombinedOutput()
		require.Error(t, err)
		require.Contains(t, string(out), "Permission denied", file)
	}
}

// A pipe is read to its end, which never comes.
func TestAPipeInPlaceOfAFileIsRefused(t *testing.T) {
	dir := t.TempDir()
	pipe := filepath.Join(dir, "pipe")
	require.NoError(t, syscall.Mkfifo(pipe, 0o644))
	path := filepath.Join(dir, "epsilon.toml")
	require.NoError(t, os.WriteFile(path, []byte("[clock]\nleap_seconds = \""+pipe+"\"\n[[source]]\nserver = \"a\"\n"), 0o644))
	ended := make(chan result, 1)
	go func() { ended <- epsilon(t, "check-config", path) }()
	select {
	case r := <-ended:
		require.Equal(t, 2, r.code)
		require.Contains(t, r.errors, "line 2: leap_seconds: "+pipe+" is no regular file")
	case <-time.After(10 * time.Second):
		t.Fatal("it is still read")
	}
}

// A small file system of its own, which is full, and then read-only.
func TestNowhereToWriteIsOneSentence(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=4k"); err != nil {
		t.Skipf("no file system can be mounted: %v", err)
	}
	defer func() { require.NoError(t, syscall.Unmount(dir, syscall.MNT_DETACH)) }()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "full"), make([]byte, 4096), 0o644))
	config := configOf(t, "127.0.0.1:9")
	full := epsilon(t, "serve", "--config", config, "--socket", filepath.Join(dir, "socket"))
	require.Equal(t, 1, full.code)
	require.Contains(t, full.errors, filepath.Join(dir, "clock")+" cannot be published to")
	require.Contains(t, full.errors, "no space left on device")
	oneSentence(t, full.errors[strings.LastIndex(full.errors, "epsilon: "):])

	require.NoError(t, syscall.Mount("", dir, "", syscall.MS_REMOUNT|syscall.MS_RDONLY, ""))
	closed := epsilon(t, "serve", "--config", config, "--socket", filepath.Join(dir, "socket"))
	require.Equal(t, 1, closed.code)
	require.Contains(t, closed.errors, "the file system is read-only")
	oneSentence(t, closed.errors)
}
