package truetimetest

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/internal/distance"
	"github.com/epsilontime/epsilon/internal/testing/race"
	"github.com/epsilontime/epsilon/truetime"
)

const kilometresIn = 299_792.458 / float64(time.Second) // a nanosecond, by light

// declareDistances makes some servers of every third machine farther away, by up to the given time,
// and declares it. Either way of such a path takes no less than declared, and may take exactly that.
// It draws from a generator of its own, so the other machines are what they would be without it.
func declareDistances(rng *rand.Rand, links []Link, most time.Duration) {
	if rng.IntN(3) > 0 {
		return
	}
	for i := range links {
		l := &links[i]
		if rng.IntN(4) == 0 {
			continue
		}
		m := time.Duration(1 + rng.Int64N(int64(most)))
		l.Path.There.Base += m
		l.Path.Back.Base += m
		if d := float64(m) * kilometresIn; rng.IntN(2) == 0 && d <= distance.MaxKilometres {
			l.Distance = d
		} else {
			l.MinDelay = m
		}
	}
}

// watched runs a world and checks the machine after everything that happens, and returns the first
// error.
func watched(w *World, m *Machine, d time.Duration) (err error) {
	w.observe = func(*Machine) { err = errors.Join(err, m.Check()) }
	for range 100 {
		w.Run(d / 100)
		if err != nil {
			return err
		}
	}
	return nil
}

// Paths that are as short as declared, servers at the very end of their claims, and counters at the
// end of their drift. Nothing is left between the answer and what is wrong.
func TestDistancesThatAreTrue(t *testing.T) {
	t.Parallel()
	for s := range uint64(60) {
		w := NewWorld(*seed + s)
		rng := rand.New(rand.NewPCG(*seed+s, 5))
		config := MachineConfig{Oscillator: Constant([]float64{-200, 0, 200}[rng.IntN(3)]), Poll: time.Second, CounterTick: time.Duration(1 + rng.IntN(2)*rng.IntN(100))}
		for i := range 1 + rng.IntN(3) {
			m := time.Duration(1 + rng.Int64N(int64(time.Microsecond)<<rng.IntN(16)))
			path := Symmetric(Leg{Base: m})
			if rng.IntN(2) == 0 {
				path.Back.Jitter = m
			}
			claim := []time.Duration{1, time.Duration(1 + rng.Int64N(int64(m)))}[rng.IntN(2)]
			server := w.NewServer(fmt.Sprint("s", i), Honest(claim))
			config.Sources = append(config.Sources, Link{Server: server, Path: path, Distance: float64(m) * kilometresIn})
		}
		machine := w.NewMachine("m", config)
		require.NoError(t, watched(w, machine, 2*time.Minute), "seed %d", *seed+s)
		status := machine.Status()
		require.NoError(t, status.Err)
		require.NoError(t, checkBudget(status))
		for _, source := range status.Sources {
			require.Equal(t, truetime.Truechimer, source.Verdict, "seed %d: %v", *seed+s, source.Err)
		}
	}
}

// One server 2000 km away, by a cable that takes 10 ms. Half of the round trip is 10 ms, of which
// light would need 6.67.
func TestDistanceMakesTheAnswerNarrowerThanHalfTheRoundTrip(t *testing.T) {
	t.Parallel()
	const claim, way, m = 100 * time.Microsecond, 10 * time.Millisecond, 6_671_281
	w := NewWorld(1)
	var samples []truetime.Sample
	var journal bytes.Buffer
	machine := w.NewMachine("m", MachineConfig{
		Sources:  []Link{{Server: w.NewServer("s", Steady(0, claim)), Path: Symmetric(Leg{Base: way}), Distance: 2000}},
		Samples:  func(_ int, s truetime.Sample) { samples = append(samples, s) },
		Recorder: &journal,
	})
	require.NoError(t, watched(w, machine, time.Minute))
	for range 50 {
		require.NoError(t, watched(w, machine, time.Second))
		s := machine.Status()
		require.NoError(t, checkBudget(s))
		require.InDelta(t, way-m, s.Budget.Delay, 10_000)
		require.InDelta(t, claim, s.Budget.Claim, 10)
		require.Less(t, s.Uncertainty, way)
	}
	require.NotEmpty(t, samples)
	for _, s := range samples {
		require.EqualValues(t, m, s.MinDelay)
		require.GreaterOrEqual(t, s.Delay, 2*way)
	}
	// The facts in the journal allow for the distance already.
	require.NoError(t, Replay(&journal, nil))
}

// The server is near, and vague enough that its facts leave room for the distance. A machine with no
// other has no answer rather than a false one, and one with others goes on.
func TestDistanceThatIsDisprovedMakesNoAnswerWrong(t *testing.T) {
	t.Parallel()
	for _, others := range []int{0, 2} {
		w := NewWorld(*seed)
		near := Symmetric(Leg{Base: time.Millisecond, Jitter: 100 * time.Microsecond})
		config := MachineConfig{Sources: []Link{{Server: w.NewServer("near", Honest(20*time.Millisecond)), Path: near, Distance: 1500}}}
		for i := range others {
			config.Sources = append(config.Sources, Link{Server: w.NewServer(fmt.Sprint("s", i), Honest(time.Millisecond)), Path: near})
		}
		machine := w.NewMachine("m", config)
		require.NoError(t, watched(w, machine, time.Hour))
		s := machine.Status()
		require.Equal(t, truetime.Unusable, s.Sources[0].Verdict)
		require.ErrorIs(t, s.Sources[0].Err, truetime.ErrUnusable)
		require.ErrorContains(t, s.Sources[0].Err, "WithDistance(1500) is disproved: by it the round trip takes 10.006922ms at least")
		require.Zero(t, s.Sources[0].Interval)
		require.Equal(t, others > 0, s.Err == nil, "%v", s.Err)
	}
}

// This is what the documentation warns of. The round trip is long enough for the distance, and one
// way is not. Nothing shows it but other servers.
func TestDistanceThatIsFalseAndNotDisprovedIsWrong(t *testing.T) {
	t.Parallel()
	path := Path{There: Leg{Base: time.Millisecond}, Back: Leg{Base: 30 * time.Millisecond}}
	false5 := func(w *World) Link {
		return Link{Server: w.NewServer("near", Steady(0, time.Millisecond)), Path: path, MinDelay: 5 * time.Millisecond}
	}
	w := NewWorld(1)
	alone := w.NewMachine("alone", MachineConfig{Sources: []Link{false5(w)}})
	require.ErrorContains(t, watched(w, alone, time.Minute), "it is wrong by")
	require.Equal(t, truetime.Truechimer, alone.Status().Sources[0].Verdict)

	w = NewWorld(1)
	config := MachineConfig{Sources: []Link{false5(w)}}
	for i := range 2 {
		config.Sources = append(config.Sources, Link{Server: w.NewServer(fmt.Sprint("s", i), Honest(100*time.Microsecond)), Path: LAN()})
	}
	outvoted := w.NewMachine("outvoted", config)
	require.NoError(t, watched(w, outvoted, time.Hour))
	require.Equal(t, truetime.Falseticker, outvoted.Status().Sources[0].Verdict)
}

// While a second is inserted, m seconds of light are 12 millionths less of the smeared clock, here
// nearly 5 µs, and nothing is left between the answer and what is wrong. The servers that step do so
// between a stamp and what follows from it.
func TestFarServersThatSmear(t *testing.T) {
	race.Slow(t)
	t.Parallel()
	const way = 400 * time.Millisecond
	for _, leap := range []int{1, -1} {
		for _, scale := range []truetime.Scale{truetime.ScaleUTCSmeared, truetime.ScaleUTC, truetime.ScaleTAI} {
			w := NewWorld(1)
			w.StartAt(truetime.FromStd(midnight.Add(-25 * time.Hour)))
			w.LeapSecond(midnight, leap)
			server := w.NewServer("s", Honest(1))
			server.Serve(scale)
			machine := w.NewMachine("m", MachineConfig{
				Sources:    []Link{{Server: server, Path: Symmetric(Leg{Base: way}), MinDelay: way}},
				Oscillator: Constant(0), Poll: 10 * time.Second,
			})
			w.Run(25*time.Hour - 3*time.Minute)
			require.NoError(t, watched(w, machine, 6*time.Minute), "leap %d, %v", leap, scale)
			s := machine.Status()
			require.NoError(t, s.Err, "leap %d, %v", leap, scale)
			require.Equal(t, truetime.Truechimer, s.Sources[0].Verdict, "leap %d, %v", leap, scale)
			require.Less(t, s.Uncertainty, 50*time.Millisecond, "leap %d, %v: far below half the round trip", leap, scale)
		}
	}
}

// The counter stands still while a reply is under way, so that the round trip looks as if it had
// taken no time, and as if the server was near. It is used again once 16 round trips have shown that it is far.
func TestSuspendedMachineDoesNotLoseItsFarServers(t *testing.T) {
	t.Parallel()
	const way = 50 * time.Millisecond
	w := NewWorld(1)
	machine := w.NewMachine("m", MachineConfig{
		Sources: []Link{{Server: w.NewServer("s", Honest(time.Millisecond)), Path: Symmetric(Leg{Base: way}), MinDelay: way}},
		Poll:    4 * time.Second, MaxPoll: 4 * time.Second,
	})
	w.Run(time.Minute)
	for machine.links[0].serial == 0 { // until a request is under way
		w.Run(time.Millisecond)
	}
	machine.Suspend(time.Hour)
	w.Run(time.Hour + 5*time.Second)
	require.ErrorContains(t, machine.Status().Sources[0].Err, "is disproved")
	w.Run(17 * 4 * time.Second)
	require.NoError(t, watched(w, machine, 30*time.Second))
	s := machine.Status()
	require.NoError(t, s.Err)
	require.Equal(t, truetime.Truechimer, s.Sources[0].Verdict)
	require.EqualValues(t, 2, s.Epoch)
}

func TestLinksWithImpossibleDistancesAreMistakes(t *testing.T) {
	t.Parallel()
	for want, link := range map[string]Link{
		"distance of -1 km":      {Distance: -1},
		"distance of 30000 km":   {Distance: 30_000},
		"minimum delay of -1ns":  {MinDelay: -1},
		"minimum delay of 1m0s:": {MinDelay: time.Minute},
	} {
		w := NewWorld(1)
		link.Server = w.NewServer("s", Honest(1))
		config := MachineConfig{Sources: []Link{link}}
		require.Contains(t, config.mistake(), "source 0: "+want)
		require.Panics(t, func() { w.NewMachine("m", config) })
	}
}
