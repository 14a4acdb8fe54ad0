package testbed

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// PTPTime is what a grandmaster announces about its time.
type PTPTime struct {
	Class     int  // clockClass
	Accuracy  int  // clockAccuracy
	UTCOffset int  // s
	TAI       bool // ptpTimescale: it serves TAI
	Valid     bool // currentUtcOffsetValid
	Traceable bool // timeTraceable
	Leap61    bool
}

// GoodPTPTime is the announcement of a grandmaster that serves CLOCK_REALTIME and makes it out to
// be TAI, within 100 ns, and UTC to be the same. So true TAI is CLOCK_REALTIME where it is the only
// one that is asked, and UTC is 37 s less; and to a source with WithUTCOffset(0) true UTC is
// CLOCK_REALTIME.
func GoodPTPTime() PTPTime {
	return PTPTime{Class: 6, Accuracy: 0x21, TAI: true, Valid: true, Traceable: true}
}

// PTP is a ptp4l that is a grandmaster and serves CLOCK_REALTIME, and another that follows it. Each
// is in a network namespace of its own, joined by a veth pair, stamps in software, leaves the clock
// alone (free_running 1), and has no right to set it. A second pair joins the grandmaster to this
// namespace, where it serves by unicast.
type PTP struct {
	t           testing.TB
	directory   string
	inside      *namespace
	domain      int
	serving     string   // which of its configurations the grandmaster has
	grandmaster *process // nil while stopped
	follower    *process
}

// StartPTP starts both and has the grandmaster announce the given. It serves each kind of message
// 2^rate times a second, 0 to 7.
func StartPTP(t testing.TB, domain, rate int, announce PTPTime) *PTP {
	t.Helper()
	return StartPTPOver(t, domain, rate, announce, 0)
}

// StartPTPOver starts both, and has each message of the grandmaster to the other ptp4l take longer
// than the messages to it: over Ethernet, by way of this process. With 0 it is StartPTP.
func StartPTPOver(t testing.TB, domain, rate int, announce PTPTime, longer time.Duration) *PTP {
	t.Helper()
	RequireBinary(t, "ptp4l", "pmc")
	// The path of a socket may have 107 bytes only, and a test's directory is named after it.
	directory, err := os.MkdirTemp("", "ptp4l-")
	if err != nil {
		t.Fatalf("testbed: %v", err)
	}
	t.Cleanup(func() { os.RemoveAll(directory) })
	p := &PTP{t: t, directory: directory, inside: newNamespace(t), domain: domain}
	outside := newNamespace(t)
	transport := ""
	if longer > 0 {
		newWire(t, p.inside, outside, longer)
		transport = "network_transport L2\n" // no checksum that a network card would have to fill in
	} else {
		p.join(outside)
	}
	// A stamp of a sent message takes longer than the default of 1 ms on a busy machine.
	common := fmt.Sprintf("[global]\ntime_stamping software\nfree_running 1\ntx_timestamp_timeout 100\ndomainNumber %d\n"+
		"logAnnounceInterval %d\nlogSyncInterval %d\nlogMinDelayReqInterval %d\n", domain, -min(rate, 3), -rate, -rate)
	serve := "masterOnly 1\n[inside]\nunicast_listen 1\ninhibit_multicast_service 1\n[down0]\n" + transport
	p.configure("grandmaster", common+serve)
	p.configure("successor", common+"clockIdentity 0ABBCC.0000.DDEEFF\n"+serve)
	// A stamp of what is sent is made later by the one, and one of what has come is by the other.
	lie := fmt.Sprintf("egressLatency %d\ningressLatency %d\n", PTPLie, -PTPLie)
	p.configure("liar", common+"clockIdentity 0ABBCC.0000.DDEEFE\n"+lie+serve)
	p.configure("follower", common+"slaveOnly 1\n[up0]\n"+transport)
	t.Cleanup(p.stop) // before the namespaces are removed
	p.StartGrandmaster(announce)
	p.follower = p.run(outside, "follower")
	p.waitFor("a master and a path delay", func() bool {
		return !strings.Contains(p.ask("follower", "GET CURRENT_DATA_SET"), "meanPathDelay    0.0\n")
	})
	return p
}

// join makes the second pair.
func (p *PTP) join(outside *namespace) {
	p.t.Helper()
	for _, arguments := range [][]string{
		{"-n", p.inside.name, "link", "add", "down0", "type", "veth", "peer", "name", "up0", "netns", outside.name},
		{"-n", p.inside.name, "addr", "add", "10.214.0.1/30", "dev", "down0"},
		{"-n", p.inside.name, "link", "set", "down0", "up"},
		{"-n", outside.name, "addr", "add", "10.214.0.2/30", "dev", "up0"},
		{"-n", outside.name, "link", "set", "up0", "up"},
	} {
		if err := ip(arguments...); err != nil {
			SkipOrFail(p.t, fmt.Sprintf("no second veth pair: %v", err))
		}
	}
}

func (p *PTP) configure(name, text string) {
	text = strings.Replace(text, "[global]\n", "[global]\nuds_address "+p.socket(name)+"\n", 1)
	if err := os.WriteFile(filepath.Join(p.directory, name+".conf"), []byte(text), 0o600); err != nil {
		p.t.Fatalf("testbed: %v", err)
	}
}

func (p *PTP) socket(name string) string { return filepath.Join(p.directory, name) }

// run starts one of the two.
func (p *PTP) run(inside *namespace, name string) *process {
	p.t.Helper()
	ptp4l, err := findBinary("ptp4l")
	if err != nil {
		p.t.Fatalf("testbed: %v", err)
	}
	command := inside.command(ptp4l, "-m", "-f", filepath.Join(p.directory, name+".conf"))
	path, err := findBinary(command[0])
	if err != nil {
		p.t.Fatalf("testbed: %v", err)
	}
	run, err := startProcess(filepath.Join(p.directory, name+".output"), nil, path, command[1:]...)
	if err != nil {
		p.t.Fatalf("testbed: %v", err)
	}
	deadline := time.Now().Add(startLimit)
	for p.ask(name, "GET DEFAULT_DATA_SET") == "" {
		if run.exited() || time.Now().After(deadline) {
			p.t.Fatalf("testbed: the %s does not answer; it was run as %s", name, run.output())
		}
	}
	if may, err := maySetClock(run.pid()); err != nil || may {
		p.t.Fatalf("testbed: ptp4l may set the system clock, which it must not: %v", err)
	}
	return run
}

// ask has pmc ask one of the two and returns the answer, or nothing if there was none.
func (p *PTP) ask(name, question string) string {
	pmc, err := findBinary("pmc")
	if err != nil {
		p.t.Fatalf("testbed: %v", err)
	}
	// pmc takes an argument of -i for its own socket, which must differ from that of others.
	own := filepath.Join(p.directory, "pmc")
	output, _ := exec.Command(pmc, "-u", "-b", "0", "-d", fmt.Sprint(p.domain), "-i", own, "-s", p.socket(name), question).Output()
	if !bytes.Contains(output, []byte("RESPONSE")) {
		return ""
	}
	return string(output)
}

func (p *PTP) waitFor(what string, condition func() bool) {
	p.t.Helper()
	for deadline := time.Now().Add(startLimit); !condition(); {
		if time.Now().After(deadline) {
			p.t.Fatalf("testbed: waited %v for %s; the follower was run as %s", startLimit, what, p.follower.output())
		}
	}
}

// Address returns the address of the grandmaster, as seen from this network namespace.
func (p *PTP) Address() string { return p.inside.theirs }

// LocalAddress returns the address of this network namespace from which the grandmaster can be
// reached.
func (p *PTP) LocalAddress() string { return p.inside.ours }

// Socket returns the path of the management socket of the ptp4l that follows.
func (p *PTP) Socket() string { return p.socket("follower") }

// Announce changes what the grandmaster announces.
func (p *PTP) Announce(a PTPTime) {
	p.t.Helper()
	bit := func(b bool) int {
		if b {
			return 1
		}
		return 0
	}
	question := fmt.Sprintf("SET GRANDMASTER_SETTINGS_NP clockClass %d clockAccuracy 0x%02x offsetScaledLogVariance 0xffff "+
		"currentUtcOffset %d leap61 %d leap59 0 currentUtcOffsetValid %d ptpTimescale %d timeTraceable %d frequencyTraceable 1 timeSource 0x20",
		a.Class, a.Accuracy, a.UTCOffset, bit(a.Leap61), bit(a.Valid), bit(a.TAI), bit(a.Traceable))
	for deadline := time.Now().Add(startLimit); p.ask(p.serving, question) == ""; {
		if time.Now().After(deadline) { // pmc gives up after a while, which on a busy machine may be too soon
			p.t.Fatalf("testbed: the grandmaster does not take %q", question)
		}
	}
}

// StopGrandmaster ends the grandmaster.
func (p *PTP) StopGrandmaster() {
	p.t.Helper()
	p.end(&p.grandmaster, "grandmaster")
}

// StartGrandmaster starts it again, with nothing remembered.
func (p *PTP) StartGrandmaster(announce PTPTime) {
	p.t.Helper()
	p.serve("grandmaster", announce)
}

// ReplaceGrandmaster ends the grandmaster and starts another one in its place, with an identity of
// its own.
func (p *PTP) ReplaceGrandmaster(announce PTPTime) {
	p.t.Helper()
	p.StopGrandmaster()
	p.serve("successor", announce)
}

// PTPLie is by how much a lying grandmaster is fast.
const PTPLie = 300 * time.Millisecond

// ReplaceGrandmasterByLiar is ReplaceGrandmaster with one whose stamps are wrong, all by PTPLie.
func (p *PTP) ReplaceGrandmasterByLiar(announce PTPTime) {
	p.t.Helper()
	p.StopGrandmaster()
	p.serve("liar", announce)
}

// serve starts a grandmaster by its configuration of that name.
func (p *PTP) serve(name string, announce PTPTime) {
	p.t.Helper()
	p.serving = name
	p.grandmaster = p.run(p.inside, name)
	p.Announce(announce)
}

func (p *PTP) stop() {
	p.end(&p.follower, "follower")
	p.end(&p.grandmaster, "grandmaster")
}

func (p *PTP) end(run **process, name string) {
	if *run == nil {
		return
	}
	if (*run).exited() {
		p.t.Errorf("testbed: the %s died before it was stopped: %s", name, (*run).output())
	}
	(*run).stop(stopLimit)
	*run = nil
}
