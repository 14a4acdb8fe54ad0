package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/internal/testing/testbed"
	"github.com/epsilontime/epsilon/ntpsrc/ntptest"
)

// longest is how long a program may run before it counts as hung: it gives up by itself if the clock has no answer for so
// long as it is told.
const longest = 2 * time.Minute

// container is a way in which a container differs from its host.
type container struct {
	name    string
	bwrap   []string // what bubblewrap is told besides; nil for no namespaces at all
	ahead   *int     // of its time namespace, in seconds
	refuse  string   // see package seccomp
	raw     bool     // the user vouches for CLOCK_MONOTONIC_RAW
	files   int      // how many may be open; 0 for as many as on the host
	refused string   // what the program says instead of answers; empty if it has to be told the truth
	store   string   // what the store of a hybrid logical clock says
}

const (
	unknownSource  = "the kernel's clocksource is not known"
	notSynchronous = "not synchronized"
)

var (
	sys       = []string{"--ro-bind", "/sys", "/sys"}
	hour, ago = 3600, -60
)

// Docker's default profile, and the like of containerd, podman and CRI-O, allow some 350 calls by name. These
// are the ones that docs.docker.com/engine/security/seccomp names as refused, with EPERM, and what was
// unknown when the profile was written is answered with ENOSYS.
const docker = "EPERM:acct,add_key,bpf,clock_adjtime,clock_settime,get_mempolicy,init_module,kcmp,kexec_load,keyctl,mbind,mount,move_pages," +
	"open_by_handle_at,perf_event_open,personality,pivot_root,process_vm_readv,process_vm_writev,ptrace,quotactl,reboot,request_key,set_mempolicy," +
	"setns,settimeofday,swapon,swapoff,adjtimex,umount2,unshare,userfaultfd,io_uring_setup;ENOSYS:clone3,from:450"

var containers = []container{
	{name: "none"},
	{name: "a user without rights on a root that is read-only, as Kubernetes runs it", bwrap: sys, store: "read-only file system"},
	{name: "with /proc", bwrap: append([]string{"--proc", "/proc", "--dev", "/dev"}, sys...)},
	{name: "no /sys", bwrap: []string{}, refused: unknownSource},
	{name: "no /sys, and the user vouches", bwrap: []string{}, raw: true},
	{name: "a /sys that is empty", bwrap: []string{"--tmpfs", "/sys"}, refused: unknownSource},
	{name: "a masked clocksource", bwrap: append(sys, "--ro-bind", "/dev/null", sysClocksource), refused: unknownSource},
	{name: "a network of its own", bwrap: append([]string{"--unshare-net"}, sys...), refused: notSynchronous},
	{name: "its monotonic clock and boot time an hour ahead", ahead: &hour},
	{name: "its monotonic clock and boot time a minute behind", ahead: &ago},
	{name: "everything at once", bwrap: []string{}, ahead: &hour, refuse: docker, raw: true},
	{name: "twelve files", files: 12},
	{name: "Docker's default profile", bwrap: sys, refuse: docker},
	{name: "a profile from before 2019, which refuses what it does not know", refuse: "EPERM:clone3,from:334"},
	{name: "systemd's SystemCallFilter=~@clock", refuse: "EPERM:adjtimex,clock_adjtime,clock_settime,settimeofday"},
	{name: "neither vDSO nor the call", refuse: "ENOSYS:mincore,clock_gettime", refused: "reading CLOCK_MONOTONIC_RAW failed"},
	{name: "no sockets", refuse: "EPERM:socket", refused: notSynchronous},
}

// gVisor answers ENOSYS for what it does not have, others EPERM for what they do not allow. Each call of
// ours that Go's runtime can do without is refused by itself. Not tried are those without which Go's runtime
// ends or a program cannot speak: mmap, futex, clone, rt_sig*, epoll_*, eventfd2, fcntl, write, and EPERM
// for getrandom, which crypto/rand takes for a reason to end.
func init() {
	for _, call := range []string{"adjtimex", "clock_adjtime", "clock_gettime", "clock_nanosleep", "connect", "getpid", "getpeername",
		"getsockname", "getsockopt", "gettid", "madvise", "membarrier", "mincore", "munmap", "nanosleep", "openat", "perf_event_open",
		"prctl", "pread64", "prlimit64", "read", "recvmsg", "sched_getaffinity", "sched_setaffinity", "sched_yield", "sendmmsg", "sendmsg",
		"sendto", "setsockopt", "tgkill", "timer_create", "timerfd_create", "timerfd_gettime", "timerfd_settime", "uname"} {
		refused := map[string]string{"connect": notSynchronous, "recvmsg": notSynchronous, "openat": unknownSource, "read": unknownSource}[call]
		for _, errno := range []string{"EPERM", "ENOSYS"} {
			containers = append(containers, container{name: call + " fails with " + errno, refuse: errno + ":" + call, refused: refused})
		}
	}
	containers = append(containers, container{name: "getrandom fails with ENOSYS", refuse: "ENOSYS:getrandom"})
}

const sysClocksource = "/sys/devices/system/clocksource/clocksource0/current_clocksource"

func TestInNoContainerIsAnAnswerWrong(t *testing.T) {
	program := filepath.Join(t.TempDir(), "contained")
	build := exec.Command("go", "build", "-o", program, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0") // static, for a root with nothing in it
	out, err := build.CombinedOutput()
	require.NoError(t, err, "%s", out)
	var addresses []string
	for range 3 {
		server, err := ntptest.Listen("127.0.0.1:0", ntptest.Behavior{Dispersion: time.Millisecond})
		require.NoError(t, err)
		t.Cleanup(func() { server.Close() })
		addresses = append(addresses, server.Address())
	}
	for _, c := range containers {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.run(t, program, strings.Join(addresses, ","))
		})
	}
}

func (c container) run(t *testing.T, program, servers string) {
	if c.bwrap != nil {
		testbed.RequireBinary(t, "bwrap")
	}
	if c.ahead != nil {
		testbed.RequireBinary(t, "unshare")
		if os.Geteuid() != 0 {
			testbed.SkipOrFail(t, "only root can make a time namespace")
		}
	}
	arguments := c.command(program)
	if c.bwrap != nil || c.ahead != nil {
		empty := exec.Command(arguments[0], append(arguments[1:len(arguments):len(arguments)], "-h")...)
		if out, err := empty.CombinedOutput(); err != nil {
			testbed.SkipOrFail(t, fmt.Sprintf("this machine gives no such container: %s: %v: %.500s; "+
				"is this itself a container that may not make namespaces? Start it with --privileged",
				arguments[0], err, bytes.TrimSpace(out)))
		}
	}
	arguments = append(arguments, "-servers", servers, "-refuse", c.refuse, "-raw="+strconv.FormatBool(c.raw))
	if c.refused == notSynchronous {
		arguments = append(arguments, "-within", "1s")
	}
	if c.store != "" {
		arguments = append(arguments, "-store", "/bound")
	}
	ctx, cancel := context.WithTimeout(t.Context(), longest)
	defer cancel()
	run := exec.CommandContext(ctx, arguments[0], arguments[1:]...)
	var said bytes.Buffer
	run.Stdout, run.Stderr = &said, &said
	err := run.Run()
	require.NoError(t, ctx.Err(), "it hangs: %s", &said)
	if exit := new(exec.ExitError); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	code, text := run.ProcessState.ExitCode(), said.String()
	t.Logf("exit %d: %s", code, strings.TrimSpace(text))
	require.Contains(t, text, c.store)
	if c.refused != "" {
		require.Equal(t, exitRefused, code, text)
		require.Contains(t, text, "refused: truetime: ")
		require.Contains(t, text, c.refused)
		return
	}
	require.Equal(t, exitTrue, code, text)
	require.Contains(t, text, " 0 wrong; ")
}

// command is what starts the program in the container.
func (c container) command(program string) (arguments []string) {
	if c.ahead != nil {
		ahead := fmt.Sprint(*c.ahead)
		arguments = append(arguments, "unshare", "--time", "--fork", "--kill-child", "--monotonic", ahead, "--boottime", ahead, "--")
	}
	if c.files > 0 {
		arguments = append(arguments, "prlimit", fmt.Sprint("--nofile=", c.files), "--")
	}
	if c.bwrap == nil {
		return append(arguments, program)
	}
	const nobody = "65534"
	arguments = append(arguments, "bwrap", "--unshare-user", "--unshare-pid", "--unshare-ipc", "--unshare-uts", "--uid", nobody, "--gid", nobody,
		"--cap-drop", "ALL", "--die-with-parent", "--clearenv", "--ro-bind", program, "/contained")
	return append(append(arguments, c.bwrap...), "--remount-ro", "/", "--", "/contained")
}

// The tests mean nothing if the program cannot tell.
func TestTheProgramNoticesAWrongAnswer(t *testing.T) {
	server, err := ntptest.Listen("127.0.0.1:0", ntptest.Behavior{Offset: time.Second, Dispersion: time.Millisecond})
	require.NoError(t, err)
	t.Cleanup(func() { server.Close() })
	require.Equal(t, exitWrong, use([]string{server.Address()}, false, longest))
}
