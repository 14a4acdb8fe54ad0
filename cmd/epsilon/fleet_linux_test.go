package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/epsilontime/epsilon/cmd/epsilon/internal/api"
	"github.com/epsilontime/epsilon/cmd/epsilon/internal/fleet"
	"github.com/epsilontime/epsilon/internal/testing/race"
	"github.com/epsilontime/epsilon/internal/testing/testbed"
	"github.com/epsilontime/epsilon/ntpsrc/ntptest"
)

// hosts are namespaces of the network with a daemon in each, on a bridge in one more. Machine i is 10.214.0.i+1, and the others find it at
// 10.214.1.i+1, where a relay in the namespace of the bridge passes on what it gets, or loses it.
type hosts struct {
	t           testing.TB
	hub         string
	dir         string
	program     string
	honest, off string // NTP servers
	all         []*hostProcess

	relays []*net.UDPConn
	lose   atomic.Pointer[func(from, to int) bool]
	random *rand.Rand // under mu
	mu     sync.Mutex
}

type hostProcess struct {
	namespace, config, socket string
	command                   *exec.Cmd
	log                       *log
}

func ip(t testing.TB, args ...string) {
	t.Helper()
	out, err := exec.Command("ip", args...).CombinedOutput()
	require.NoError(t, err, "ip %v: %s", args, out)
}

// inside runs f with the sockets that it opens in a namespace.
func inside(t testing.TB, namespace string, f func() error) {
	t.Helper()
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // and never unlocked: the thread ends with the goroutine
		file, err := os.Open("/run/netns/" + namespace)
		if err == nil {
			defer file.Close()
			err = unix.Setns(int(file.Fd()), unix.CLONE_NEWNET)
		}
		if err == nil {
			err = f()
		}
		done <- err
	}()
	require.NoError(t, <-done)
}

func newHosts(t testing.TB, n int) *hosts {
	t.Helper()
	testbed.RequireBinary(t, "ip")
	if os.Geteuid() != 0 {
		t.Skip("needs root, for namespaces of the network")
	}
	h := &hosts{t: t, hub: fmt.Sprintf("epsilon-%d-fleet", os.Getpid()), random: rand.New(rand.NewPCG(1, 1))}
	if out, err := exec.Command("ip", "netns", "add", h.hub).CombinedOutput(); err != nil {
		t.Skipf("this machine gives no namespaces: %v: %s", err, out)
	}
	t.Cleanup(func() { _ = exec.Command("ip", "netns", "delete", h.hub).Run() })
	h.program, h.dir = installed(t)
	ip(t, "-n", h.hub, "link", "set", "lo", "up")
	ip(t, "-n", h.hub, "link", "add", "bridge", "type", "bridge")
	ip(t, "-n", h.hub, "addr", "add", "10.214.255.254/16", "dev", "bridge")
	ip(t, "-n", h.hub, "link", "set", "bridge", "up")
	var peers []string
	for i := range n {
		name := fmt.Sprintf("%s-%d", h.hub, i)
		ip(t, "netns", "add", name)
		t.Cleanup(func() { _ = exec.Command("ip", "netns", "delete", name).Run() })
		port := fmt.Sprintf("port%d", i)
		ip(t, "-n", h.hub, "link", "add", port, "type", "veth", "peer", "name", "inside", "netns", name)
		ip(t, "-n", h.hub, "link", "set", port, "master", "bridge", "up")
		ip(t, "-n", h.hub, "addr", "add", fmt.Sprintf("10.214.1.%d/16", i+1), "dev", "bridge")
		ip(t, "-n", name, "addr", "add", fmt.Sprintf("10.214.0.%d/16", i+1), "dev", "inside")
		ip(t, "-n", name, "link", "set", "lo", "up")
		ip(t, "-n", name, "link", "set", "inside", "up")
		peers = append(peers, fmt.Sprintf("%q", fmt.Sprintf("10.214.1.%d:4461", i+1)))
		h.all = append(h.all, &hostProcess{namespace: name, config: filepath.Join(h.dir, fmt.Sprintf("%d.toml", i)), socket: filepath.Join(h.dir, fmt.Sprintf("%d", i), "socket")})
		require.NoError(t, os.Mkdir(filepath.Dir(h.all[i].socket), 0o755))
	}
	inside(t, h.hub, func() error {
		var failed []error
		for at, offset := range map[string]time.Duration{"10.214.255.254:123": 0, "10.214.255.254:124": 10 * time.Second} {
			s, err := ntptest.Listen(at, ntptest.Behavior{Offset: offset, Dispersion: 100 * time.Microsecond})
			if err == nil {
				t.Cleanup(func() { _ = s.Close() })
			}
			failed = append(failed, err)
		}
		for i := range n {
			c, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(10, 214, 1, byte(i+1)), Port: 4461})
			if err == nil {
				h.relays = append(h.relays, c)
			}
			failed = append(failed, err)
		}
		return errors.Join(failed...)
	})
	h.honest, h.off = "10.214.255.254:123", "10.214.255.254:124"
	h.relay()
	key := filepath.Join(h.dir, "key")
	require.NoError(t, os.WriteFile(key, []byte(fleetKey), 0o600))
	for i, p := range h.all {
		rewrite(t, p.config, fmt.Sprintf("[fleet]\nname = \"m%02d\"\nlisten = [\"0.0.0.0:4461\"]\npeers = [%s]\nkey_file = %q\nfaulty = 3", i,
			strings.Join(peers, ", "), key), h.honest)
	}
	return h
}

// change has another text in the place of one in the configuration of a machine, from its next start on.
func (h *hosts) change(i int, before, after string) {
	text, err := os.ReadFile(h.all[i].config)
	require.NoError(h.t, err)
	require.NoError(h.t, os.WriteFile(h.all[i].config, bytes.ReplaceAll(text, []byte(before), []byte(after)), 0o644))
}

// relay passes on what machines send each other: what machine a sends to the place of b goes to b from the place of a.
func (h *hosts) relay() {
	nothing := func(int, int) bool { return false }
	h.lose.Store(&nothing)
	var running sync.WaitGroup
	for to, c := range h.relays {
		running.Go(func() {
			buffer := make([]byte, 2000)
			for {
				size, from, err := c.ReadFromUDPAddrPort(buffer)
				if errors.Is(err, net.ErrClosed) {
					return
				}
				a := from.Addr().As4()
				sender := int(a[3]) - 1
				if err != nil || a[2] != 0 || sender >= len(h.relays) || (*h.lose.Load())(sender, to) {
					continue
				}
				_, _ = h.relays[sender].WriteToUDPAddrPort(buffer[:size], netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 214, 0, byte(to + 1)}), 4461))
			}
		})
	}
	h.t.Cleanup(func() {
		for _, c := range h.relays {
			_ = c.Close()
		}
		running.Wait()
	})
}

func (h *hosts) chance(p float64) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.random.Float64() < p
}

func (h *hosts) start(i int) {
	p := h.all[i]
	p.log = &log{}
	p.command = as(0, "ip", "netns", "exec", p.namespace, h.program, "serve", "--config", p.config, "--socket", p.socket)
	p.command.Stderr = p.log
	require.NoError(h.t, p.command.Start())
	running := p.command
	h.t.Cleanup(func() { stopProcess(running) })
}

func stopProcess(c *exec.Cmd) {
	if c.ProcessState == nil {
		_ = c.Process.Kill()
		_ = c.Wait()
	}
}

func (h *hosts) stop(i int) { stopProcess(h.all[i].command) }

// view returns what a machine knows, and false if its daemon does not run or answer yet. Nobody but bad may be convicted by anybody.
func (h *hosts) view(i int, bad string) (f api.Fleet, ok bool) {
	if h.all[i].command.ProcessState != nil {
		return f, false
	}
	r := epsilon(h.t, "fleet", "--json", "--socket", h.all[i].socket)
	if r.code == exitNoUse || json.Unmarshal([]byte(r.out), &f) != nil {
		return f, false
	}
	require.False(h.t, f.TooMany, "%d: %+v", i, f.Contradictions)
	for _, c := range f.Convicted { // which knows itself by its name alone: its address is not in the list
		require.True(h.t, c.Machine == bad || c.Machine == f.Name && bad == fmt.Sprintf("10.214.1.%d:4461", i+1), "%d convicts %s: %+v", i, c.Machine, f.Contradictions)
	}
	return f, true
}

// everywhere reports whether is is true of what every daemon that runs knows.
func (h *hosts) everywhere(bad string, is func(i int, f api.Fleet) bool) bool {
	so := true
	for i, p := range h.all {
		if p.command.ProcessState == nil {
			f, ok := h.view(i, bad)
			so = so && ok && is(i, f)
		}
	}
	return so
}

// until waits until is is true of what every daemon that runs knows.
func (h *hosts) until(what, bad string, is func(i int, f api.Fleet) bool) {
	h.t.Helper()
	began := time.Now()
	for !h.everywhere(bad, is) {
		require.Less(h.t, time.Since(began), 2*time.Minute, what)
		time.Sleep(500 * time.Millisecond)
	}
	h.t.Logf("%s: after %v", what, time.Since(began).Round(100*time.Millisecond))
}

func hasProblem(f api.Fleet, id, text string) bool {
	for _, p := range f.Problems {
		if strings.HasPrefix(p.ID, id) && strings.Contains(p.Text, text) {
			return true
		}
	}
	return false
}

// Daemons as processes on a network of their own, with all that can happen to them: whoever follows the liar is convicted, and nobody else.
func TestAFleetOfHostsConvictsExactlyTheBadOne(t *testing.T) {
	n := race.Count(20, 8)
	const wrong, otherKey, down = 5, 6, 7
	bad := fmt.Sprintf("10.214.1.%d:4461", wrong+1)
	h := newHosts(t, n)
	h.change(wrong, h.honest, h.off)
	strange := filepath.Join(h.dir, "other-key")
	require.NoError(t, os.WriteFile(strange, []byte(strings.Repeat("ff", 32)), 0o600))
	h.change(otherKey, filepath.Join(h.dir, "key"), strange)
	for i := range h.all {
		if i != down {
			h.start(i)
		}
	}
	h.all[down].command = exec.Command("true")
	require.NoError(t, h.all[down].command.Run())

	convicted := func(i int, f api.Fleet) bool { return i == otherKey || len(f.Convicted) == 1 }
	h.until("everybody knows who is wrong", bad, convicted)
	h.until("everybody has recognised itself, by its own reply", bad, func(i int, f api.Fleet) bool {
		return i == otherKey || slices.ContainsFunc(f.Peers, func(p fleet.PeerView) bool { return p.Self })
	})
	h.until("whoever has another key is told so, and whoever is down missed", bad, func(i int, f api.Fleet) bool {
		return i != 0 || hasProblem(f, fmt.Sprintf("silent 10.214.1.%d:", otherKey+1), "signed with another key") &&
			hasProblem(f, fmt.Sprintf("silent 10.214.1.%d:", down+1), "does its daemon run, is its UDP port open")
	})
	text := epsilon(t, "fleet", "--socket", h.all[0].socket)
	t.Logf("\n%s", text.out)
	require.Equal(t, exitNot, text.code)
	require.LessOrEqual(t, strings.Count(text.out, "\n"), 24)
	narrow(t, text.out)

	// A part of the network is cut off, the rest loses 30 % of all datagrams, and the bad one is restarted as bad as before.
	parted := func(a, b int) bool { return (a < n/2) != (b < n/2) || h.chance(0.3) }
	h.lose.Store(&parted)
	h.stop(wrong)
	h.start(wrong)
	h.until("the losses are told", bad, func(i int, f api.Fleet) bool { return i != 0 || hasProblem(f, "loss", "the network loses datagrams") })
	lossy := func(int, int) bool { return h.chance(0.3) }
	h.lose.Store(&lossy)
	h.until("it is convicted again", bad, convicted)

	// It is mended, and a restart is all that it takes to be believed.
	nothing := func(int, int) bool { return false }
	h.lose.Store(&nothing)
	h.stop(wrong)
	h.change(wrong, h.off, h.honest)
	h.start(wrong)
	h.until("it is forgotten", bad, func(i int, f api.Fleet) bool { return len(f.Contradictions) == 0 })
	require.Eventually(t, func() bool { // it looks every second
		text := h.all[0].log.String()
		return strings.Contains(text, bad+fmt.Sprintf(" (m%02d) is wrong: its clock contradicts", wrong)) && strings.Contains(text, "fleet: over: "+bad)
	}, 20*time.Second, 50*time.Millisecond)
}
