package rate

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/truetime/truetimetest"
)

// A counter that jumped, stood still or changed its rate at once says nothing by the windows across that.
func TestNoWindowReachesAcrossADisruption(t *testing.T) {
	for name, disturb := range map[string]func(*truetimetest.Machine){
		"a suspend":                  func(m *truetimetest.Machine) { m.Suspend(time.Minute) },
		"a restore that is told of":  func(m *truetimetest.Machine) { m.Restore(10*time.Minute, true) },
		"a restore nobody tells of":  func(m *truetimetest.Machine) { m.Restore(10*time.Second, false) },
		"a counter that jumps ahead": func(m *truetimetest.Machine) { m.StepCounter(time.Second) },
		"a counter that jumps back":  func(m *truetimetest.Machine) { m.StepCounter(-time.Second) },
	} {
		const seed = 21
		p := plant(seed, AssumedDriftPPM, truetimetest.Constant(37.5), truetimetest.LAN())
		p.run(time.Hour)
		disturb(p.machine)
		p.run(time.Hour)
		r := p.requireProved(t, name)
		require.EqualValues(t, 1, r.Disruptions, name)
		require.Len(t, r.Reasons, 1, name)
		for _, w := range r.Windows {
			require.True(t, w.LowPPM <= 37.5 && 37.5 <= w.HighPPM, "%s: %+v", name, w)
		}
		require.LessOrEqual(t, r.Counted, 100*time.Minute, "%s: what was before it is in doubt", name)
		require.Greater(t, r.Counted, 80*time.Minute, name)
		require.Contains(t, r.Text(nil), "It was disrupted once", name)
	}
}

// A migration steps the rate. Both rates are proved, and the recommendation admits both.
func TestAMigrationShowsBothRates(t *testing.T) {
	const seed = 22
	p := plant(seed, AssumedDriftPPM, truetimetest.Constant(20), truetimetest.LAN())
	p.runFinely(time.Hour)
	p.machine.StepRate(-70)
	p.runFinely(2 * time.Hour)
	r := p.requireProved(t, "seed 22")
	require.Zero(t, r.Disruptions, "within the drift that is assumed nobody can tell")
	minute := r.Windows[1]
	require.InDelta(t, 20, minute.FastestPPM, 15)
	require.InDelta(t, -50, minute.SlowestPPM, 15)
	require.GreaterOrEqual(t, *r.Recommended.DriftPPM, 100.0)
}

// Where more servers lie than may, the clock contradicts itself, and nothing of the time before counts.
func TestTooManyLiarsLeaveNoEvidenceThatIsFalse(t *testing.T) {
	const seed = 23
	p := plant(seed, AssumedDriftPPM, truetimetest.Constant(37.5), truetimetest.LAN())
	p.run(time.Hour)
	lie := truetimetest.Offset(300*time.Millisecond, 20*time.Microsecond)
	for _, s := range p.servers[:3] {
		s.Become(lie)
	}
	p.run(time.Hour)
	r := p.requireProved(t, "seed 23")
	require.NotZero(t, r.Disruptions)
	require.NotZero(t, r.Contradictions)
	requireNoAdvice(t, r, "seed 23")
}

// requireNoAdvice holds that nothing below the default is recommended, and no wander.
func requireNoAdvice(t *testing.T, r Report, name string) {
	t.Helper()
	require.Nil(t, r.Recommended.DriftPPM, "%s: %s", name, r.Recommended.DriftWhy)
	require.Nil(t, r.Recommended.WanderPPB, "%s: %s", name, r.Recommended.WanderWhy)
}

// A counter that runs away for seconds, by more than the clock assumes, ends the epoch, and what shows it is thrown away
// with the time in doubt. Nothing may be recommended by what is left: the counter has been seen to do worse.
func TestACounterThatRanAwayIsNotRecommendedByWhatIsLeft(t *testing.T) {
	const seed = 24
	for _, away := range []time.Duration{12 * time.Second, time.Minute, 5 * time.Minute} {
		p := plant(seed, AssumedDriftPPM, truetimetest.Constant(20), truetimetest.LAN())
		p.run(2 * time.Hour)
		p.machine.StepRate(600)
		p.run(away)
		p.machine.StepRate(-600)
		p.run(3 * time.Hour)
		r := p.requireProved(t, away.String())
		require.NotZero(t, r.Disruptions, away)
		require.Less(t, r.ExceededPPM, 30.0, "%v: what shows it is thrown away", away)
		requireNoAdvice(t, r, away.String())
		text := strings.Join(strings.Fields(r.Text(nil)), " ")
		require.Contains(t, text, "no less than the default of 200 ppm", away)
		require.Contains(t, text, "or the counter was off by more than 300 ppm", away)
	}
}
