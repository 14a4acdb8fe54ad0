//go:build linux

package machine

import (
	"flag"
	"math/rand/v2"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/internal/testing/testbed"
	"github.com/epsilontime/epsilon/ntpsrc/ntptest"
	"github.com/epsilontime/epsilon/truetime"
)

var (
	machines = flag.Bool("machines", false, "boot virtual machines, which takes minutes")
	seed     = flag.Uint64("seed", 1, "of the moments and lengths")
	pauses   = flag.Int("pauses", 3, "how many pauses a clock that allows for them is to live through")
	tsc      = flag.Bool("tsc", false, "kernels on amd64 keep time by the TSC, and not by the HPET")
	long     = flag.Bool("long", false, "pauses up to a minute, and rows that take long")
)

// boots skips a test that boots a machine unless it was asked for.
func boots(t *testing.T) {
	t.Helper()
	if !*machines {
		t.Skip("it boots a virtual machine, which takes a while: give -machines")
	}
	t.Parallel() // for the most part it waits
}

// trial is a machine whose clock is watched while something is done to it.
type trial struct {
	*testing.T
	machine *Machine
	watcher *Watcher
	random  *rand.Rand
	drift   int64  // CLOCK_REALTIME less CLOCK_MONOTONIC of the host at the start
	last    before // the last strike

	judged  int           // how many of the watcher's answers somebody has judged
	unaware time.Duration // by how much answers were wrong when last judged, if the clock has not noticed why
}

// before is what was known before a strike: from when the answers are, and when it began.
type before struct {
	answer Answer
	began  truetime.Time
	width  time.Duration
}

// settleLimit is how long a clock may take to answer, or to have asked its servers some times. A host that is busy may
// give a machine nothing for a minute.
const settleLimit = 5 * time.Minute

// begin boots a machine that follows three servers of this host, one of them chronyd, and waits until
// its clock answers.
func begin(t *testing.T, config Config) *trial {
	t.Helper()
	boots(t)
	if config.Architecture == "" {
		config.Architecture = "amd64"
	}
	if *tsc && config.Architecture == "amd64" {
		// An emulated TSC is not called invariant, so the kernel must be told that it is, and that of a Conroe is at least constant.
		config.CPU, config.Kernel = "Conroe", "tsc=reliable clocksource=tsc"
	}
	testbed.RequireBinary(t, kinds[config.Architecture].qemu) // before anything else is started
	config.Servers = []string{testbed.StartChronyd(t).Address()}
	for range 2 {
		server, err := ntptest.Listen("127.0.0.1:0", ntptest.Behavior{})
		require.NoError(t, err)
		t.Cleanup(func() { _ = server.Close() })
		config.Servers = append(config.Servers, server.Address())
	}
	started := time.Now()
	m := Start(t, config)
	t.Logf("booted after %v; seed %d; qemu %d", time.Since(started).Round(100*time.Millisecond), *seed, m.process.Process.Pid)
	w := Watch(t, m)
	t.Cleanup(func() { t.Logf("took %v", time.Since(started).Round(time.Second)) })
	s := &trial{T: t, machine: m, watcher: w, random: rand.New(rand.NewPCG(*seed, 0)), drift: realtimeLessMonotonic()}
	s.settle()
	t.Log("the machine's counter: ", m.Report().Status.Counter)
	return s
}

// settle waits until the clock answers and every server has been asked some times.
func (s *trial) settle() {
	s.Helper()
	answers := s.watcher.Answers()
	var since Answer
	s.watcher.Until(s.T, settleLimit, "an interval, and three polls of each server", func(a Answer) bool {
		if a.Refused != "" || len(answers) > 0 && a.Before <= answers[len(answers)-1].Before {
			return false
		}
		if since.Polls == nil {
			since = a
		}
		return heard(a, since, 3) == len(a.Polls)
	})
}

// strike does something to the machine at a random moment of a poll's interval, and judges what the
// clock made of it.
func (s *trial) strike(what string, do func()) (v Verdict, length time.Duration) {
	s.Helper()
	time.Sleep(time.Duration(s.random.Int64N(int64(time.Second)))) // when is part of what is tried
	answers := s.watcher.Answers()
	s.last = before{answers[len(answers)-1], truetime.Time(testbed.Realtime()), s.last.width}
	return s.strikeSince(s.last, what, do)
}

// strikeSince judges what began when a strike did.
func (s *trial) strikeSince(last before, what string, do func()) (v Verdict, length time.Duration) {
	s.Helper()
	do()
	ended := truetime.Time(testbed.Realtime())
	var first Answer
	s.watcher.Until(s.T, settleLimit, "four polls of each server after: "+what, func(a Answer) bool {
		if a.Before < ended {
			return false
		}
		if first.Polls == nil {
			first = a
		}
		return a.Refused == "" && heard(a, first, certainly+1) == len(a.Polls)
	})
	s.requireSteadyHost()
	answers := s.watcher.Answers()
	v, err := judge(last.answer, answers[s.judged:], last.began, ended)
	require.NoError(s, err)
	s.judged, s.unaware = len(answers), v.Worst
	v.Reason = "nothing"
	if v.Noticed {
		s.unaware = 0
		v.Reason = s.machine.Report().Status.Disruption
	}
	length = ended.Sub(last.began)
	s.Logf("row: %s | %v | %s", what, length.Round(time.Millisecond), v)
	return v, length
}

// stopFor stops the machine for so long.
func (s *trial) stopFor(length time.Duration) {
	s.machine.Stop()
	time.Sleep(length)
	s.machine.Continue()
}

// restoreAfter saves the machine, ends it, and restores it after so long.
func (s *trial) restoreAfter(length time.Duration) {
	state := filepath.Join(s.TempDir(), "state")
	s.machine.Stop()
	s.machine.Save(state)
	s.machine.Kill()
	time.Sleep(length)
	s.goOnWith(s.machine.Restore(state, ""))
	s.machine.Continue()
}

// move has the machine go on in another qemu. It is stopped meanwhile: an emulator that copies the memory
// of a machine that runs may miss what is written just then, and the guest dies of that.
func (s *trial) move(cpu string) {
	s.machine.Stop()
	s.goOnWith(s.machine.Move(cpu))
	s.machine.Continue()
}

func (s *trial) goOnWith(m *Machine) {
	s.machine = m
	s.watcher.Follow(m)
}

// requireSteadyHost skips the test if the host's clock was set meanwhile: the truth was none.
func (s *trial) requireSteadyHost() {
	s.Helper()
	if moved := time.Duration(realtimeLessMonotonic() - s.drift).Abs(); moved > 10*time.Millisecond {
		s.Skipf("the host's clock was set by %v meanwhile", moved)
	}
}

// restart gives the machine a new clock: one that has contradicted its servers several times in a row
// trusts its counter no more for a while.
func (s *trial) restart() {
	s.Helper()
	s.restartWith("")
}

// restartWith gives the machine a new clock, which allows for pauses of the length given.
func (s *trial) restartWith(unseen string) {
	s.Helper()
	s.machine.Do("restart " + unseen)
	restarted := truetime.Time(testbed.Realtime())
	s.settle()
	// Until then it was the old clock. What that had not noticed may have been wrong still, and by no more than before.
	answers := s.watcher.Answers()
	for ; s.judged < len(answers) && answers[s.judged].After <= restarted; s.judged++ {
		a := answers[s.judged]
		require.LessOrEqual(s, a.Wrong(), s.unaware, "after what was done was judged: %v", a)
	}
}

// pause does something during which the machine's counters stand still together, which nothing in
// it can see.
func (s *trial) pause(what string, do func()) {
	s.Helper()
	s.last.width = s.widest()
	v, length := s.strike(what, do)
	s.requireContradicted(v, length)
	s.restart()
}

// pauseSince is pause for what began when a strike did.
func (s *trial) pauseSince(last before, what string, do func()) {
	s.Helper()
	s.last = last
	v, length := s.strikeSince(last, what, do)
	s.requireContradicted(v, length)
}

func (s *trial) requireContradicted(v Verdict, length time.Duration) {
	s.Helper()
	width := s.last.width + s.widest()
	require.LessOrEqual(s, v.Worst, length, "wrong by more than the pause")
	require.Zero(s, v.WrongAfter, "wrong after a majority of the servers had contradicted the past")
	if length > width {
		require.True(s, v.Noticed, "a pause of %v was not noticed, though what a server says is less than %v wide", length, width)
		require.Empty(s, v.overdue, "wrong after two servers had been asked")
	}
}

// widest is how wide the interval of one server alone is, at most.
func (s *trial) widest() (width time.Duration) {
	s.Helper()
	for _, source := range s.machine.Report().Status.Sources {
		width = max(width, source.Interval.Width(), source.Delay+2*source.Claim)
	}
	return width
}
