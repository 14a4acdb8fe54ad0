package truetimetest

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/truetime"
)

func lonely(w *World) *Machine {
	return w.NewMachine("m", MachineConfig{Sources: []Link{{Server: w.NewServer("s", Honest(1000)), Path: LAN()}}})
}

// A process that is started while its machine sleeps begins when the machine wakes, and the machine's counter
// has stood still all the same.
func TestRestartOfAMachineThatSleeps(t *testing.T) {
	for name, sleep := range map[string]func(*Machine){
		"paused":    func(m *Machine) { m.Pause(time.Minute) },
		"suspended": func(m *Machine) { m.Suspend(time.Minute) },
		"restored":  func(m *Machine) { m.Restore(time.Minute, false) },
	} {
		t.Run(name, func(t *testing.T) {
			w := NewWorld(1)
			m := lonely(w)
			w.Run(time.Minute)
			before := m.Counter()
			sleep(m)
			w.Run(time.Second)
			m.Restart()
			m.Restart()
			w.Run(30 * time.Second)
			_, err := m.Now()
			require.ErrorIs(t, err, truetime.ErrClosed, "it has not begun")
			w.Run(30 * time.Second)
			if name == "paused" {
				require.InDelta(t, 61e9, float64(m.Counter().Sub(before)), 1e6)
			} else {
				require.InDelta(t, 1e9, float64(m.Counter().Sub(before)), 1e6, "it stood still for a minute")
			}
			w.Run(10 * time.Second)
			require.False(t, m.Disturbed())
			_, err = m.Now()
			require.NoError(t, err)
			require.NoError(t, m.Check())
		})
	}
}

func TestMachinesSufferFaultsInAnyOrder(t *testing.T) {
	w := NewWorld(1)
	m := lonely(w)
	w.Run(time.Minute)
	m.Kill()
	m.Kill()
	m.Pause(time.Second)
	m.Suspend(time.Second)
	m.Restore(time.Second, true)
	m.StepCounter(-time.Second)
	m.StepRate(1)
	m.Status()
	require.NoError(t, m.Check())
	m.Restart()
	w.Run(time.Minute)
	m.Suspend(time.Second)
	m.Pause(time.Second) // it sleeps already
	m.Restore(time.Second, true)
	m.Kill()
	w.Run(time.Minute)
	m.Restart()
	w.Run(time.Minute)
	require.False(t, m.Disturbed())
	_, err := m.Now()
	require.NoError(t, err)
	m.Suspend(-time.Second)
	m.Pause(-time.Second)
	m.Cut(m.config.Sources[0].Server, -time.Second)
	w.Run(-time.Second)
	w.Run(time.Minute)
	require.NoError(t, m.Check())
}

// An event may let time pass by itself.
func TestTrueTimeNeverGoesBack(t *testing.T) {
	w := NewWorld(1)
	w.In(time.Second, func() { w.Run(time.Hour) })
	w.Run(2 * time.Second)
	require.GreaterOrEqual(t, w.Elapsed(), time.Hour)
	w.In(math.MaxInt64, func() { t.Error("never") })
	w.Run(time.Second)
	require.PanicsWithValue(t, "truetimetest: a world lasts no longer than 100 days", func() { w.Run(math.MaxInt64) })
}

func TestMistakesInAWorldArePanicsThatSayWhat(t *testing.T) {
	w := NewWorld(1)
	s := w.NewServer("s", Honest(1000))
	require.PanicsWithValue(t, "truetimetest: server x has no behavior", func() { w.NewServer("x", nil) })
	require.PanicsWithValue(t, "truetimetest: server s has no behavior", func() { s.Become(nil) })
	for text, c := range map[string]MachineConfig{
		"it has no sources":                                       {},
		"source 0 has no server":                                  {Sources: []Link{{}}},
		"a leg of source 0 is congested every 0s":                 {Sources: []Link{{Server: s, Path: Symmetric(Leg{CongestedFor: 1})}}},
		"drift of -1 ppm":                                         {Sources: []Link{{Server: s}}, DriftPPM: -1},
		"maximum wander of -1 ppb/s":                              {Sources: []Link{{Server: s}}, MaxWander: -1},
		"rate stability of NaN ppm":                               {Sources: []Link{{Server: s}}, RateStability: math.NaN()},
		"poll interval of -1ns":                                   {Sources: []Link{{Server: s}}, Poll: -1},
		"burst of -1 polls":                                       {Sources: []Link{{Server: s}}, Burst: -1},
		"2 faulty of 3 voters: fewer than half may be, at most 1": {Sources: []Link{{Server: s}, {Server: s}, {Server: s}}, Faulty: 2},
	} {
		require.PanicsWithValue(t, "truetimetest: machine m: "+text, func() { w.NewMachine("m", c) })
	}
	w.Run(time.Second) // and nothing of them is left
}

// The number is the part of the queries that has no answer.
func TestSilentIsAsSilentAsItIsTold(t *testing.T) {
	w := NewWorld(1)
	for part, want := range map[float64]int{0: 1000, 0.9: 100, 1: 0} {
		answered := 0
		for range 1000 {
			if _, ok := Silent(Honest(time.Millisecond), part).Answer(Query{World: w}); ok {
				answered++
			}
		}
		require.InDelta(t, want, answered, 1000*part*(1-part), "%v", part)
	}
}

func TestTraceKeepsNoMoreThanItIsToldTo(t *testing.T) {
	for _, lines := range []int{-1, 0, 1, 5} {
		w := NewWorld(1)
		w.Trace(lines)
		m := lonely(w)
		for range 20 {
			m.StepRate(0)
		}
		kept := 0
		for range w.traceLines() {
			kept++
		}
		require.Equal(t, max(lines, 0), kept)
	}
}

// The zero value of a machine's options means what it means for a real clock.
func TestAMachineWithATargetPollsEverySecondIfItMust(t *testing.T) {
	w := NewWorld(1)
	m := w.NewMachine("m", MachineConfig{
		Oscillator: Constant(200), TargetUncertainty: 300 * time.Microsecond,
		Sources: []Link{{Server: w.NewServer("s", Steady(0, 1000)), Path: LAN()}},
	})
	w.Run(10 * time.Minute)
	require.Less(t, m.Status().Sources[0].Poll, 2*time.Second)
}

func TestStatusOfAMachineShowsWhatItRefusesToSay(t *testing.T) {
	w := NewWorld(1)
	m := w.NewMachine("m", MachineConfig{MaxUncertainty: 1, Sources: []Link{{Server: w.NewServer("s", Honest(1000)), Path: LAN()}}})
	w.Run(time.Minute)
	s := m.Status()
	require.ErrorIs(t, s.Err, truetime.ErrUncertaintyTooLarge)
	require.True(t, s.Interval.Contains(w.Now()))
	require.Positive(t, s.Uncertainty)
}
