package rate

import (
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
	p.run(time.Hour)
	p.machine.StepRate(-70)
	p.run(2 * time.Hour)
	r := p.requireProved(t, "seed 22")
	require.Zero(t, r.Disruptions, "within the drift that is assumed nobody can tell")
	minute := r.Windows[0]
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
}
