//go:build linux

package machine

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/internal/testing/ntpserver"
	"github.com/epsilontime/epsilon/internal/testing/testbed"
	"github.com/epsilontime/epsilon/truetime"
)

var (
	seed   = flag.Uint64("seed", 1, "of the moments and lengths")
	pauses = flag.Int("pauses", 0, "how many pauses of each kind; 0 stands for a few")
	long   = flag.Bool("long", false, "pauses up to a minute, and rows that take long")
)

// trial is a machine whose clock is watched while something is done to it.
type trial struct {
	*testing.T
	machine *Machine
	watcher *Watcher
	random  *rand.Rand
	drift   int64 // CLOCK_REALTIME less CLOCK_MONOTONIC of the host at the start
}

// settleLimit is how long a clock may take to answer, or to have asked its servers some times, on a
// host that is busy.
const settleLimit = time.Minute

// begin boots a machine that follows three servers of this host, one of them chronyd, and waits until
// its clock answers.
func begin(t *testing.T, config Config) *trial {
	t.Helper()
	testbed.RequireBinary(t, kinds["amd64"].qemu) // before anything else is started
	config.Servers = []string{testbed.StartChronyd(t).Address()}
	for range 2 {
		server, err := ntpserver.Start("127.0.0.1:0", ntpserver.Behavior{})
		require.NoError(t, err)
		t.Cleanup(func() { _ = server.Close() })
		config.Servers = append(config.Servers, server.Address())
	}
	started := time.Now()
	m := Start(t, config)
	t.Logf("booted after %v; seed %d; qemu %d", time.Since(started).Round(100*time.Millisecond), *seed, m.process.Process.Pid)
	w := Watch(t, m)
	s := &trial{T: t, machine: m, watcher: w, random: rand.New(rand.NewPCG(*seed, 0)), drift: realtimeLessMonotonic()}
	s.settle()
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
func (s *trial) strike(what string, do func()) (Verdict, time.Duration) {
	s.Helper()
	time.Sleep(time.Duration(s.random.Int64N(int64(time.Second)))) // when is part of what is tried
	started := len(s.watcher.Answers()) - 1
	began := truetime.Time(testbed.Realtime())
	do()
	ended := truetime.Time(testbed.Realtime())
	var first Answer
	s.watcher.Until(s.T, settleLimit, "four polls of each server after "+what, func(a Answer) bool {
		if a.Before < ended {
			return false
		}
		if first.Polls == nil {
			first = a
		}
		return a.Refused == "" && heard(a, first, certainly+1) == len(a.Polls)
	})
	s.requireSteadyHost()
	v, err := judge(s.watcher.Answers()[max(0, started):], began, ended)
	require.NoError(s, err)
	reason := "-"
	if v.Noticed {
		reason = s.machine.Report().Status.Disruption
	}
	s.Logf("ROW | %s | %v | %s | %v | %v | %d of %d, %d refused | %v | %v |", what, ended.Sub(began).Round(time.Millisecond), reason,
		v.NoticedHost.Round(time.Millisecond), v.NoticedSelf.Round(time.Millisecond), v.Wrong, v.Answers, v.Refusals, v.Worst, v.WrongFor.Round(time.Millisecond))
	return v, ended.Sub(began)
}

// requireSteadyHost skips the test if the host's clock was set meanwhile: the truth was none.
func (s *trial) requireSteadyHost() {
	s.Helper()
	if moved := time.Duration(realtimeLessMonotonic() - s.drift).Abs(); moved > 10*time.Millisecond {
		s.Skipf("the host's clock was set by %v meanwhile", moved)
	}
}

func TestMachineThatIsStoppedIsWrongByNoMoreThanThePause(t *testing.T) {
	s := begin(t, Config{})
	lengths := []time.Duration{10 * time.Millisecond, 300 * time.Millisecond, 3 * time.Second}
	if *long {
		lengths = append(lengths, 60*time.Second)
	}
	for _, length := range lengths {
		s.pause(fmt.Sprintf("stop and cont %v", length), func() {
			s.machine.Stop()
			time.Sleep(length)
			s.machine.Continue()
		})
	}
}

// pause does something during which the machine's counters stand still together, which nothing in
// it can see.
func (s *trial) pause(what string, do func()) {
	s.Helper()
	width := s.widest()
	v, length := s.strike(what, do)
	width += s.widest()
	require.LessOrEqual(s, v.Worst, length, "wrong by more than the pause")
	require.Zero(s, v.WrongAfter, "wrong after a majority of the servers had contradicted the past")
	if length > width {
		require.True(s, v.Noticed, "a pause of %v was not noticed, though what the servers say is less than %v wide", length, width)
		require.Empty(s, v.overdue, "wrong after two servers had been asked")
	}
	s.settle()
}

// widest is how wide the interval of one server alone is, at most.
func (s *trial) widest() (width time.Duration) {
	s.Helper()
	for _, source := range s.machine.Report().Status.Sources {
		width = max(width, source.Interval.Width(), source.Delay+2*source.Claim)
	}
	return width
}
