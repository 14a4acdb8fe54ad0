package testbed

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// namespace is a network namespace with one veth pair to ours. A daemon that can use port 123 only
// has that port to itself in there, and one capability less than it may want.
type namespace struct {
	name   string
	ours   string // the address of our end
	theirs string // the address of the end inside
}

const (
	// namespacePrefix marks the namespaces of this package. The id of the process that made one
	// follows, so that what a killed test has left behind can be recognised.
	namespacePrefix = "epsilon-"
	// subnetAttempts is how many of the 16 384 networks of four addresses below 10.213.0.0/16 are
	// tried when others are using some.
	subnetAttempts = 20
)

// newNamespace makes a namespace that is removed when the test ends. It skips the test, or fails
// it if daemons are required, where that is not possible.
func newNamespace(t testing.TB) *namespace {
	t.Helper()
	RequireBinary(t, "ip", "setpriv")
	if os.Geteuid() != 0 {
		SkipOrFail(t, "a network namespace can be made by root only")
	}
	removeAbandoned()
	var err error
	for range subnetAttempts {
		n := rand.IntN(1 << 14)
		var made *namespace
		if made, err = tryNamespace(n); err == nil {
			t.Cleanup(made.remove)
			return made
		}
		if !errors.Is(err, errSubnetTaken) {
			break
		}
	}
	SkipOrFail(t, fmt.Sprintf("no network namespace: %v", err))
	return nil
}

var errSubnetTaken = errors.New("the network is taken")

// tryNamespace makes a namespace whose network has the given number. The name of our veth end is
// derived from that number, and two links cannot have one name: whoever makes it owns the network.
func tryNamespace(number int) (*namespace, error) {
	subnet := fmt.Sprintf("10.213.%d.", number>>6)
	host := number & 63 << 2
	n := &namespace{
		name:   fmt.Sprintf("%s%d-%d", namespacePrefix, os.Getpid(), number),
		ours:   subnet + strconv.Itoa(host+1),
		theirs: subnet + strconv.Itoa(host+2),
	}
	link := fmt.Sprintf("epsilon%d", number)
	if err := ip("netns", "add", n.name); err != nil {
		return nil, err
	}
	if err := ip("link", "add", link, "type", "veth", "peer", "name", "inside", "netns", n.name); err != nil {
		n.remove()
		if strings.Contains(err.Error(), "File exists") {
			return nil, errSubnetTaken
		}
		return nil, err
	}
	for _, arguments := range [][]string{
		{"addr", "add", n.ours + "/30", "dev", link},
		{"link", "set", link, "up"},
		{"-n", n.name, "addr", "add", n.theirs + "/30", "dev", "inside"},
		{"-n", n.name, "link", "set", "inside", "up"},
		{"-n", n.name, "link", "set", "lo", "up"},
	} {
		if err := ip(arguments...); err != nil {
			n.remove()
			return nil, err
		}
	}
	return n, nil
}

// remove deletes the namespace, and with it both ends of the veth pair.
func (n *namespace) remove() { _ = ip("netns", "delete", n.name) }

// command returns what runs a program inside, without the right to set the clock. Each of these
// programs becomes the next one, so the process id is that of the program.
func (n *namespace) command(program ...string) []string {
	return append([]string{
		"ip", "netns", "exec", n.name,
		"setpriv", "--bounding-set", "-sys_time", "--inh-caps", "-sys_time", "--",
	}, program...)
}

// removeAbandoned deletes the namespaces of processes that are gone: of tests that were killed.
func removeAbandoned() {
	found, _ := filepath.Glob("/run/netns/" + namespacePrefix + "*")
	for _, path := range found {
		name := filepath.Base(path)
		process, _, _ := strings.Cut(strings.TrimPrefix(name, namespacePrefix), "-")
		if pid, err := strconv.Atoi(process); err == nil && errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) {
			_ = ip("netns", "delete", name) // another test process may have been quicker
		}
	}
}

func ip(arguments ...string) error {
	path, err := findBinary("ip")
	if err != nil {
		return err
	}
	if output, err := exec.Command(path, arguments...).CombinedOutput(); err != nil {
		return fmt.Errorf("ip %s: %w: %s", strings.Join(arguments, " "), err, bytes.TrimSpace(output))
	}
	return nil
}

// maySetClock reports whether a process may set the system clock: whether CAP_SYS_TIME is among
// its capabilities, or can become one of them.
func maySetClock(pid int) (bool, error) {
	const capSysTime = 25 // include/uapi/linux/capability.h
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return false, fmt.Errorf("read the capabilities of process %d: %w", pid, err)
	}
	found := 0
	for line := range strings.Lines(string(status)) {
		name, value, _ := strings.Cut(line, ":")
		if name != "CapPrm" && name != "CapEff" && name != "CapBnd" {
			continue
		}
		set, err := strconv.ParseUint(strings.TrimSpace(value), 16, 64)
		if err != nil {
			return false, fmt.Errorf("read the capabilities of process %d: %w", pid, err)
		}
		if set>>capSysTime&1 == 1 {
			return true, nil
		}
		found++
	}
	if found != 3 {
		return false, fmt.Errorf("/proc/%d/status does not tell its capabilities", pid)
	}
	return false, nil
}
