package testbed

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"golang.org/x/sys/unix"
)

// StartNTPsecFollower starts an ntpsec that follows one server, and waits until it serves time at
// one stratum more than the server's. ntpsec can ask port 123 only, so the two are in network
// namespaces of their own, where that port is free.
//
// serve is called with the address to serve at, in the server's namespace: a socket that it opens
// stays there. What it starts goes on until the test ends. It must not start a thread.
func StartNTPsecFollower(t testing.TB, stratum uint8, serve func(address string)) *NTPd {
	t.Helper()
	requirePackage(t, "ntpsec")
	server, follower := newNamespace(t), newNamespace(t)
	const serverAddress, followerAddress = "192.0.2.1", "192.0.2.2" // nobody's (RFC 5737)
	for _, arguments := range [][]string{
		{"-n", server.name, "link", "add", "pair0", "type", "veth", "peer", "name", "pair0", "netns", follower.name},
		{"-n", server.name, "addr", "add", serverAddress + "/30", "dev", "pair0"},
		{"-n", server.name, "link", "set", "pair0", "up"},
		{"-n", follower.name, "addr", "add", followerAddress + "/30", "dev", "pair0"},
		{"-n", follower.name, "link", "set", "pair0", "up"},
	} {
		if err := ip(arguments...); err != nil {
			SkipOrFail(t, fmt.Sprintf("no network of two hosts: %v", err))
		}
	}
	if err := server.enter(func() { serve(serverAddress + ":123") }); err != nil {
		t.Fatalf("testbed: %v", err)
	}
	file := filepath.Join(t.TempDir(), "ntp.conf")
	configuration := fmt.Sprintf("server %s iburst minpoll 3 maxpoll 3\ntos minsane 1\nunrestrict default kod limited\n", serverAddress)
	if err := os.WriteFile(file, []byte(configuration), 0o600); err != nil {
		t.Fatalf("testbed: %v", err)
	}
	ready := func(reply exchange) error {
		if err := reply.usable(); err != nil {
			return err
		}
		if reply.stratum != stratum+1 {
			return fmt.Errorf("stratum %d, and not %d: %v", reply.stratum, stratum+1, reply)
		}
		return nil
	}
	daemon := filepath.Join(requirePackage(t, "ntpsec"), "usr/sbin/ntpd")
	return startNTPd(t, follower, "ntpsec", ready, daemon, "-n", "-c", file)
}

// enter calls f on a thread that is in the namespace, and brings the thread back.
func (n *namespace) enter(f func()) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	back, err := os.Open("/proc/thread-self/ns/net")
	if err != nil {
		return err
	}
	defer back.Close()
	inside, err := os.Open("/run/netns/" + n.name)
	if err != nil {
		return err
	}
	defer inside.Close()
	if err := unix.Setns(int(inside.Fd()), unix.CLONE_NEWNET); err != nil {
		return os.NewSyscallError("setns", err)
	}
	defer func() {
		if err := unix.Setns(int(back.Fd()), unix.CLONE_NEWNET); err != nil {
			panic(fmt.Sprintf("testbed: a thread is left in namespace %s: %v", n.name, err))
		}
	}()
	f()
	return nil
}
