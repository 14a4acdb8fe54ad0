package testbed

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// Of the daemons in Debian that serve time ntpsec is the only one here besides chronyd. openntpd
// answers as long as it is not synchronised with leap indicator 3 and stratum 0, and it takes
// itself for synchronised once adjtime(2) has succeeded, which it must not. systemd-timesyncd
// serves nobody.

// NTPd is a daemon that serves port 123 of a network namespace of its own. It has no right to set
// the system clock.
type NTPd struct {
	t       testing.TB
	name    string
	address string
	process *process // nil while stopped
}

// orphan is the configuration of an ntpsec that follows nobody and serves the clock it has, at
// stratum 2 and with no claimed error, from one second after its start. A local reference clock in
// its place would claim 8 s of dispersion at first.
//
// Left alone it stops answering whoever asks more often than every other second, as tests do.
const (
	orphan       = "tos orphan 2 orphanwait 1\n" + unrestricted
	unrestricted = "unrestrict default kod limited\n"
)

// StartNTPsec starts an ntpsec that serves CLOCK_REALTIME.
func StartNTPsec(t testing.TB) *NTPd {
	t.Helper()
	return startNTPsec(t, orphan, exchange.usable)
}

// StartUnsynchronizedNTPsec starts an ntpsec that answers and says that it is not synchronised
// (leap indicator 3), for as long as it runs: it has nobody to follow, and does not serve its own clock.
func StartUnsynchronizedNTPsec(t testing.TB) *NTPd {
	t.Helper()
	return startNTPsec(t, unrestricted, isUnsynchronized)
}

func isUnsynchronized(reply exchange) error {
	if reply.leap != leapUnknown {
		return fmt.Errorf("wanted leap indicator 3: %v", reply)
	}
	return nil
}

func startNTPsec(t testing.TB, configuration string, ready func(exchange) error) *NTPd {
	t.Helper()
	daemon := filepath.Join(requirePackage(t, "ntpsec"), "usr/sbin/ntpd")
	if output, err := exec.Command(daemon, "-V").CombinedOutput(); err != nil {
		SkipOrFail(t, fmt.Sprintf("ntpsec was unpacked, not installed, and does not run: %v: %s", err, bytes.TrimSpace(output)))
	}
	file := filepath.Join(t.TempDir(), "ntp.conf")
	if err := os.WriteFile(file, []byte(configuration), 0o600); err != nil {
		t.Fatalf("testbed: %v", err)
	}
	// It is given no drift file and no log file, so it writes none.
	return startNTPd(t, newNamespace(t), "ntpsec", ready, daemon, "-n", "-c", file)
}

// requirePackage returns where the files of a package are, and skips the test if there are none.
func requirePackage(t testing.TB, name string) string {
	t.Helper()
	root, err := unpackPackage(name)
	if err != nil {
		SkipOrFail(t, err.Error())
	}
	return root
}

// startNTPd runs a daemon in a namespace and waits until it is ready.
func startNTPd(t testing.TB, inside *namespace, name string, ready func(exchange) error, program ...string) *NTPd {
	t.Helper()
	d := &NTPd{t: t, name: name, address: inside.theirs + ":123"}
	command := inside.command(program...)
	path, err := findBinary(command[0])
	if err != nil {
		t.Fatalf("testbed: %v", err)
	}
	if d.process, err = startProcess(filepath.Join(t.TempDir(), "output"), nil, path, command[1:]...); err != nil {
		t.Fatalf("testbed: %v", err)
	}
	t.Cleanup(d.Stop) // before the namespace is removed
	if err := waitReady(d.process, d.address, ready, time.Now().Add(startLimit)); err != nil {
		t.Fatalf("testbed: start %s: %v; it was run as %s", name, err, d.process.output())
	}
	if may, err := maySetClock(d.process.pid()); err != nil || may {
		t.Fatalf("testbed: %s may set the system clock, which it must not: %v", name, err)
	}
	return d
}

// Address returns the server's "address:123".
func (d *NTPd) Address() string { return d.address }

// Stop ends the daemon; questions to it are then refused. It does nothing when the daemon is
// stopped already. It fails the test if the daemon had died before.
func (d *NTPd) Stop() {
	d.t.Helper()
	if d.process == nil {
		return
	}
	if d.process.exited() {
		d.t.Errorf("testbed: %s at %s died before it was stopped: %s", d.name, d.address, d.process.output())
	}
	d.process.stop(stopLimit)
	d.process = nil
}
