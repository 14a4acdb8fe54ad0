package truetimetest

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/internal/testing/race"
	"github.com/epsilontime/epsilon/truetime"
)

// A counter that was calibrated wrongly is refused as before, and the refusal says how far it is off and what would
// admit it. With that option the same machine answers, and rightly.
func TestACounterOutsideItsDriftIsToldItsRateAndTheWayOut(t *testing.T) {
	race.Slow(t)
	t.Parallel()
	for _, c := range []struct {
		ppm, wander float64
		servers     int
		liar        Behavior
		poll        time.Duration
	}{
		{1944, 0, 4, nil, 0}, {-1944, 0, 4, nil, 0}, {1944, 0, 4, Offset(time.Hour, time.Millisecond), 0}, {900, 0, 1, nil, 0},
		{60_000, 0, 3, Drifting(-50_000, time.Hour, time.Millisecond), 0}, {-5000, 100, 4, nil, 0}, {1944, 0, 4, Dead(), 256 * time.Second},
	} {
		t.Run(fmt.Sprintf("%+v ppm of %d servers, polls every %v", c.ppm, c.servers, c.poll), func(t *testing.T) {
			t.Parallel()
			machine := func(drift float64) (*World, *Machine) {
				w := NewWorld(1)
				var links []Link
				for i := range c.servers {
					links = append(links, Link{Server: w.NewServer(fmt.Sprint("s", i), Honest(time.Millisecond)), Path: DataCenter()})
				}
				if c.liar != nil {
					links[0].Server.Become(c.liar)
				}
				m := w.NewMachine("vm", MachineConfig{Sources: links, Oscillator: Constant(c.ppm), DriftPPM: drift, MaxWander: c.wander, Poll: c.poll})
				w.Run(3 * time.Hour)
				return w, m
			}
			_, m := machine(0)
			s := m.Status()
			require.Equal(t, truetime.ClockFaulty, s.State)
			require.ErrorIs(t, s.Err, truetime.ErrClockFaulty)
			var low, high, allowed, option float64
			_, err := fmt.Sscanf(s.Err.Error(), truetime.ErrClockFaulty.Error()+": the voters agree that the local counter is off by %f to %f ppm, where %f are allowed for; WithDrift(%f) would admit it", &low, &high, &allowed, &option)
			require.NoError(t, err, "%v", s.Err)
			require.LessOrEqual(t, low, c.ppm)
			require.GreaterOrEqual(t, high, c.ppm)
			require.EqualValues(t, 200, allowed)
			require.Contains(t, s.Summary(), fmt.Sprintf("WithDrift(%.0f)", option))
			r := (1/(1+c.ppm*1e-6) - 1) * 1e6
			require.LessOrEqual(t, s.RateLowPPM, r)
			require.GreaterOrEqual(t, s.RateHighPPM, r)

			_, m = machine(option)
			_, err = m.Now()
			require.NoError(t, err)
			require.NoError(t, m.Check())
			require.EqualValues(t, 1, m.Status().Epoch, m.Status().Disruption)
		})
	}
}

// Where the clocks of too many servers are stepped there is no rate to name, and no option that would help.
func TestNoRateIsNamedWhereServersStep(t *testing.T) {
	t.Parallel()
	w := NewWorld(1)
	var links []Link
	for i := range 4 {
		links = append(links, Link{Server: w.NewServer(fmt.Sprint("s", i), Anywhere(time.Second, time.Millisecond)), Path: DataCenter()})
	}
	m := w.NewMachine("m", MachineConfig{Sources: links})
	w.Run(time.Hour)
	s := m.Status()
	require.Equal(t, truetime.ClockFaulty, s.State)
	require.NotContains(t, s.Err.Error()+s.Summary(), "WithDrift")
}
