package truetimetest

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/truetime"
)

// When the assumptions do not hold nothing is promised. These tests say how wrong the clock was then, and
// whether it noticed: run them with -v to read the report.

// breach is what a world with a broken assumption came to.
type breach struct {
	reads, wrong, refused int
	worst                 time.Duration
	epochs                int
	firstWrong, noticed   time.Duration // since the breach; 0 for never
	faulty                bool
}

func (b breach) String() string {
	noticed := "never noticed"
	if b.noticed > 0 {
		noticed = fmt.Sprintf("noticed after %v", b.noticed.Round(time.Millisecond))
	}
	return fmt.Sprintf("%d of %d answers wrong, by %v at most, the first after %v; refused %d; %s, %d epochs ended, faulty in the end: %v",
		b.wrong, b.reads, b.worst, b.firstWrong.Round(time.Millisecond), b.refused, noticed, b.epochs, b.faulty)
}

// runBreach lets a sound world run for 10 minutes, breaks it, and watches it for half an hour.
func runBreach(t *testing.T, c MachineConfig, honest, liars int, break_ func(*Machine, []*Server)) (b breach) {
	t.Helper()
	w := NewWorld(2)
	var servers []*Server
	for i := range honest + liars {
		servers = append(servers, w.NewServer(fmt.Sprintf("s%d", i), Honest(20*time.Microsecond)))
		c.Sources = append(c.Sources, Link{Server: servers[i], Path: DataCenter()})
	}
	c.Poll = 8 * time.Second
	m := w.NewMachine("m", c)
	w.Run(10 * time.Minute)
	require.NoError(t, m.Check())
	require.EqualValues(t, 1, m.Status().Epoch)
	break_(m, servers)
	began := w.Elapsed()
	for range 3600 {
		w.Run(500 * time.Millisecond)
		since := w.Elapsed() - began
		s := m.Status()
		if b.noticed == 0 && (s.Epoch > 1 || s.Err != nil) {
			b.noticed = since
		}
		b.epochs, b.faulty = int(s.Epoch)-1, errors.Is(s.Err, truetime.ErrClockFaulty)
		b.reads++
		switch {
		case s.Err != nil:
			b.refused++
		case !s.Interval.Contains(w.Now()):
			b.wrong++
			if b.firstWrong == 0 {
				b.firstWrong = since
			}
			b.worst = max(b.worst, s.Interval.Earliest.Sub(w.Now()), w.Now().Sub(s.Interval.Latest))
		}
	}
	t.Log(b)
	return b
}

// A rate outside the drift is proved by the facts: the clock refuses, and says that it is the counter.
func TestOscillatorOutOfSpecIsEvicted(t *testing.T) {
	for _, ppm := range []float64{250, 300, 1000, -300} {
		t.Run(fmt.Sprintf("%+g ppm", ppm), func(t *testing.T) {
			b := runBreach(t, MachineConfig{}, 4, 0, func(m *Machine, _ []*Server) { m.StepRate(ppm) })
			require.Positive(t, b.noticed)
			require.True(t, b.faulty, "it is refused in the end")
			require.Less(t, b.worst, 20*time.Millisecond)
		})
	}
}

// With f liars too many, but fewer than n−f, an end of the answer still touches an honest interval: the
// answer misses the truth by no more than that one is wide.
func TestOneLiarTooManyCostsAnHonestWidthAndNotMore(t *testing.T) {
	for _, by := range []time.Duration{2 * time.Millisecond, 100 * time.Millisecond, time.Hour} {
		t.Run(by.String(), func(t *testing.T) {
			b := runBreach(t, MachineConfig{}, 2, 2, func(_ *Machine, s []*Server) { // f is 1 of 4
				s[0].Become(Offset(by, time.Microsecond))
				s[1].Become(Offset(by, time.Microsecond))
			})
			require.Less(t, b.worst, 10*time.Millisecond)
		})
	}
}

// A majority of liars can do what it likes, and nobody can notice if they go about it slowly.
func TestAMajorityOfLiarsWinsSlowly(t *testing.T) {
	b := runBreach(t, MachineConfig{}, 1, 3, func(m *Machine, s []*Server) {
		from := m.world.Elapsed()
		for _, liar := range s[:3] {
			liar.Become(lie{time.Microsecond, func(q Query, truth truetime.Time) truetime.Time {
				return truth.Add(time.Duration(float64(q.World.Elapsed()-from) * 100e-6)) // 100 ppm
			}})
		}
	})
	require.Positive(t, b.wrong)
	require.Zero(t, b.noticed)
	require.InDelta(t, (30*time.Minute).Seconds()*100e-6, b.worst.Seconds(), 0.02)
}

// A wander that is declared too small goes unnoticed as long as it hides within ε: that is why it
// has to be asked for.
func TestWanderBeyondWhatWasDeclared(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ declared, true float64 }{{10, 100}, {10, 1000}, {1, 10}, {100, 180}} {
		t.Run(fmt.Sprintf("%v ppb per s declared, %v true", c.declared, c.true), func(t *testing.T) {
			b := runBreach(t, MachineConfig{Oscillator: Sum(Constant(20), breakAfter(10*time.Minute, Wandering(c.true/1000, 20))), MaxWander: c.declared}, 4, 0, func(*Machine, []*Server) {})
			require.Less(t, b.worst, 5*time.Millisecond)
		})
	}
}

// breakAfter is 0 before, and the oscillator afterwards.
func breakAfter(d time.Duration, o Oscillator) Oscillator { return delayed{d, o} }

type delayed struct {
	after time.Duration
	Oscillator
}

func (o delayed) Rate(elapsed time.Duration, rng *rand.Rand) float64 {
	if elapsed < o.after {
		return 0
	}
	return o.Oscillator.Rate(elapsed-o.after, rng)
}

// A snapshot is restored and nobody tells: answers are wrong until the servers contradict the past.
func TestRestoreThatNobodyTellsOfIsNoticedByTheServers(t *testing.T) {
	for _, age := range []time.Duration{100 * time.Millisecond, time.Second, time.Hour} {
		t.Run(age.String(), func(t *testing.T) {
			b := runBreach(t, MachineConfig{}, 4, 0, func(m *Machine, _ []*Server) { m.Restore(age, false); m.world.Run(age) })
			require.Positive(t, b.noticed)
			require.Less(t, b.noticed, 30*time.Second)
		})
	}
	b := runBreach(t, MachineConfig{}, 4, 0, func(m *Machine, _ []*Server) { m.Restore(time.Hour, true); m.world.Run(time.Hour) })
	require.Zero(t, b.wrong, "with a VMClock there is no wrong answer at all")
}

// The reason that an epoch ended for says what an operator can do about it.
func TestReasonsNameTheCause(t *testing.T) {
	w := NewWorld(1)
	m := w.NewMachine("m", MachineConfig{Sources: []Link{{Server: w.NewServer("a", Honest(1000)), Path: LAN()}}})
	w.Run(time.Minute)
	m.StepCounter(time.Second)
	w.Run(time.Minute)
	require.True(t, strings.Contains(m.Status().Disruption, "jumped"), m.Status().Disruption)
}
