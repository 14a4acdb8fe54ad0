package truetimetest

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/internal/testing/race"
	"github.com/epsilontime/epsilon/truetime"
)

// targetWorld runs a clock with a target for some hours and returns its mean and highest ε, and how
// often each of its four servers was asked on average, after it has settled.
func targetWorld(t *testing.T, c MachineConfig, path Path, wish time.Duration) (mean, highest, between time.Duration) {
	t.Helper()
	w := NewWorld(11)
	for i := range 4 {
		s := w.NewServer(fmt.Sprintf("s%d", i), Honest(20*time.Microsecond))
		s.WishPoll(wish)
		c.Sources = append(c.Sources, Link{Server: s, Path: path})
	}
	polls := 0
	c.Samples = func(int, truetime.Sample) { polls++ }
	m := w.NewMachine("m", c)
	w.Run(time.Hour)
	polls = 0
	const reads = 10_000
	for range reads {
		w.Run(time.Second)
		require.NoError(t, m.Check())
		i, err := m.Now()
		require.NoError(t, err)
		mean += i.Uncertainty() / reads
		highest = max(highest, i.Uncertainty())
	}
	return mean, highest, reads * time.Second * 4 / time.Duration(polls)
}

func TestTargetUncertaintyIsKeptAndNoBetterThanNeeded(t *testing.T) {
	t.Parallel()
	for _, target := range []time.Duration{2 * time.Millisecond, 5 * time.Millisecond, 20 * time.Millisecond} {
		c := MachineConfig{Oscillator: Constant(30), Poll: time.Second, TargetUncertainty: target}
		mean, highest, between := targetWorld(t, c, DataCenter(), 0)
		t.Logf("target %v: ε %v on average, %v at most, polls every %v", target, mean, highest, between)
		require.LessOrEqual(t, highest, target+target/4)
		require.Greater(t, highest, target/2, "it polls more often than it needs to")
		// The oldest of three samples out of four is what counts, and 200 ppm.
		require.Greater(t, between, time.Duration(float64(target)*0.5/200e-6))
	}
}

func TestTargetTakesFewerPollsWhereStabilityIsAssumed(t *testing.T) {
	t.Parallel()
	const target = 2 * time.Millisecond
	c := MachineConfig{Oscillator: Constant(30), Poll: time.Second, TargetUncertainty: target}
	_, _, plain := targetWorld(t, c, DataCenter(), 0)
	c.MaxWander = 100
	_, highest, steady := targetWorld(t, c, DataCenter(), 0)
	t.Logf("polls every %v by the drift alone, every %v with a wander of 100 ppb/s, ε at most %v", plain, steady, highest)
	require.LessOrEqual(t, highest, target+target/4)
	require.Greater(t, steady, 4*plain)
}

func TestTargetOutOfReachPollsAtTheLimit(t *testing.T) {
	t.Parallel()
	c := MachineConfig{Oscillator: Constant(30), Poll: 2 * time.Second, TargetUncertainty: 10 * time.Microsecond}
	_, _, between := targetWorld(t, c, DataCenter(), 0)
	require.InDelta(t, 2.1, between.Seconds(), 0.05)
}

func TestServersWishComesBeforeTheTarget(t *testing.T) {
	race.Slow(t)
	t.Parallel()
	c := MachineConfig{Oscillator: Constant(30), Poll: time.Second, TargetUncertainty: 10 * time.Microsecond}
	_, _, between := targetWorld(t, c, DataCenter(), 16*time.Second)
	require.InDelta(t, 16.8, between.Seconds(), 0.3)

	c.TargetUncertainty = 0
	_, _, between = targetWorld(t, c, DataCenter(), 16*time.Second)
	require.InDelta(t, 4.2, between.Seconds(), 0.2, "without a target the user has decided, down to what is polite")
	_, _, between = targetWorld(t, c, DataCenter(), 3*time.Second)
	require.InDelta(t, 1.05, between.Seconds(), 0.05, "and in all where the server does not mind as much")
}

// One liar of four, whatever it does, changes neither how often the others are asked by more than a half nor
// whether the target is kept: it may fall silent when its answer was relied on, which costs ε until the next
// polls, and no more.
func TestALiarHasNoSayInHowOftenTheOthersAreAsked(t *testing.T) {
	race.Slow(t)
	t.Parallel()
	const claim, target = 20 * time.Microsecond, 5 * time.Millisecond
	run := func(name string, liar Behavior, wander float64) (between time.Duration) {
		w := NewWorld(3)
		c := MachineConfig{Oscillator: Constant(30), TargetUncertainty: target, MaxWander: wander}
		for i, b := range []Behavior{liar, Honest(claim), Honest(claim), Honest(claim)} {
			c.Sources = append(c.Sources, Link{Server: w.NewServer(fmt.Sprint("s", i), b), Path: DataCenter()})
		}
		asked := 0
		c.Samples = func(source int, _ truetime.Sample) { asked += min(source, 1) }
		m := w.NewMachine("m", c)
		w.Run(time.Hour)
		asked = 0
		const reads = 8000
		over, highest := 0, time.Duration(0)
		for range reads {
			w.Run(time.Second)
			require.NoError(t, m.Check())
			i, err := m.Now()
			require.NoError(t, err)
			highest = max(highest, i.Uncertainty())
			if i.Uncertainty() > target {
				over++
			}
		}
		require.LessOrEqual(t, over, reads/20, name)
		require.LessOrEqual(t, highest, 2*target, name)
		return 3 * reads * time.Second / time.Duration(asked)
	}
	for _, wander := range []float64{100, 0} {
		usual := run("honest", Honest(claim), wander)
		for name, liar := range map[string]Behavior{
			"dead":      Dead(),
			"edge":      Edge(true, 0),
			"inside":    Inside(0.9, 0),
			"pull":      Pull(time.Microsecond, 0),
			"anywhere":  Anywhere(10*time.Millisecond, 0),
			"offset":    Offset(time.Second, 0),
			"backwards": Backwards(time.Second, 0),
			"no claim":  Honest(time.Hour),
			"deserter":  Deserter(claim),
			"frozen":    Frozen(time.Minute, 0),
			"slow down": Kiss(truetime.ErrSlowDown),
			"turncoat":  Turncoat(Inside(0.9, 0), 2*time.Hour, Dead()),
		} {
			between := run(name, liar, wander)
			require.InDelta(t, 1, between.Seconds()/usual.Seconds(), 0.5, "%s: every %v in place of %v", name, between, usual)
		}
	}
}
