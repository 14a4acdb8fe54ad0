package rate

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/monotonic"
	"github.com/epsilontime/epsilon/truetime"
	"github.com/epsilontime/epsilon/truetime/truetimetest"
)

// planted is a machine of a simulated world, and a measurement of its counter.
type planted struct {
	world   *truetimetest.World
	machine *truetimetest.Machine
	servers []*truetimetest.Server
	*Measurement
	poll  time.Duration
	truth map[monotonic.Instant]truetime.Time // at each moment that was taken
}

// counterOf makes a counter of a machine's readings.
type counterOf struct{ *truetimetest.Machine }

func (c counterOf) Now() monotonic.Instant { return c.Counter() }

// plant makes a machine that asks four servers every 8 s over a path, of which the behaviours given come first and the others
// are honest.
func plant(seed uint64, driftPPM float64, o truetimetest.Oscillator, path truetimetest.Path, liars ...truetimetest.Behavior) *planted {
	return plantPolling(8*time.Second, seed, driftPPM, o, path, liars...)
}

// plantPolling asks more often, which narrows what is proved.
func plantPolling(poll time.Duration, seed uint64, driftPPM float64, o truetimetest.Oscillator, path truetimetest.Path, liars ...truetimetest.Behavior) *planted {
	p := &planted{world: truetimetest.NewWorld(seed), poll: poll, truth: map[monotonic.Instant]truetime.Time{}}
	config := truetimetest.MachineConfig{Oscillator: o, Counter: 1e15, DriftPPM: driftPPM, Poll: poll}
	for i := range 4 {
		behaviour := truetimetest.Honest(20 * time.Microsecond)
		if i < len(liars) {
			behaviour = liars[i]
		}
		s := p.world.NewServer(fmt.Sprintf("s%d", i), behaviour)
		p.servers = append(p.servers, s)
		config.Sources = append(config.Sources, truetimetest.Link{Server: s, Path: path})
	}
	p.machine = p.world.NewMachine("m", config)
	p.Measurement = New(counterOf{p.machine}, driftPPM)
	return p
}

// run takes a moment twice for each poll. That of a clock that publishes is taken right after somebody was asked, as [planted.runFinely] is.
func (p *planted) run(d time.Duration) { p.runEvery(d, p.poll/2) }

// runFinely takes sixteen moments for each poll, so that one is soon after whoever was asked.
func (p *planted) runFinely(d time.Duration) { p.runEvery(d, p.poll/16) }

func (p *planted) runEvery(d, every time.Duration) {
	for range int(d / every) {
		p.world.Run(every)
		p.Take(p.machine)
		if _, err := p.machine.Now(); err == nil { // the counter of one that is frozen stands still
			p.truth[p.machine.Counter()] = p.world.Now()
		}
	}
}

// requireProved holds everything that was concluded against the truth: every bound of every window, and what was
// derived from them.
func (p *planted) requireProved(t *testing.T, name string) Report {
	t.Helper()
	r := p.Report(Machine{DeclaredDriftPPM: 200})
	for i := range r.Windows {
		w := &r.Windows[i]
		fastest, slowest, n := math.Inf(-1), math.Inf(1), 0
		for _, s := range p.history.stretches {
			best := s.best(w.Length / parts)
			for k := parts; k < len(best); k++ {
				if best[k-parts] == nil || best[k] == nil {
					continue
				}
				n++
				is := p.meanRate(t, *best[k-parts], *best[k])
				bounds, ok := meanRate(*best[k-parts], *best[k])
				require.True(t, ok)
				require.True(t, bounds.low <= is && is <= bounds.high, "%s: %v from %d to %d: %v is not in %v", name, w.Length, best[k-parts].at, best[k].at, is, bounds)
				fastest, slowest = max(fastest, is), min(slowest, is)
			}
		}
		require.Equal(t, n, w.Count, name)
		require.LessOrEqual(t, w.LowPPM, slowest, name)
		require.GreaterOrEqual(t, w.HighPPM, fastest, name)
		require.LessOrEqual(t, w.FastestPPM, fastest, name)
		require.GreaterOrEqual(t, w.SlowestPPM, slowest, name)
	}
	return r
}

// meanRate is the true one, to what reading both clocks in whole nanoseconds loses.
func (p *planted) meanRate(t *testing.T, a, b moment) float64 {
	from, ok := p.truth[a.at]
	require.True(t, ok)
	to, ok := p.truth[b.at]
	require.True(t, ok)
	counted, passed := float64(b.at-a.at), float64(to.Sub(from))
	return (counted/passed - 1) * 1e6
}

// peaks is an oscillator with what its rate and its wander never exceed, in ppm and ppb/s.
type peaks struct {
	name       string
	oscillator func() truetimetest.Oscillator
	most       float64
	wander     float64
}

// assumed is the drift that a measurement of it ends up with.
func (p peaks) assumed() float64 {
	if p.most > AssumedDriftPPM {
		return WideDriftPPM
	}
	return AssumedDriftPPM
}

var oscillators = []peaks{
	{"0 ppm", func() truetimetest.Oscillator { return truetimetest.Constant(0) }, 0, 0},
	{"37.5 ppm", func() truetimetest.Oscillator { return truetimetest.Constant(37.5) }, 37.5, 0},
	{"-150 ppm", func() truetimetest.Oscillator { return truetimetest.Constant(-150) }, 150, 0},
	{"270 ppm", func() truetimetest.Oscillator { return truetimetest.Constant(270) }, 270, 0},
	{"410 ppm", func() truetimetest.Oscillator { return truetimetest.Constant(410) }, 410, 0},
	{"a wander of 50 ppb/s", func() truetimetest.Oscillator { return truetimetest.Wandering(0.05, 30) }, 30, 50},
	{"a sine of temperature", func() truetimetest.Oscillator { return truetimetest.Sinusoid(-12, 8, 40*time.Minute) }, 20, 8e3 * 2 * math.Pi / 2400},
	{"load beside the crystal", func() truetimetest.Oscillator {
		return truetimetest.Thermal(5, 9, 20*time.Minute, 2*time.Minute)
	}, 9, 4e3 / 120},
}

// Whatever the oscillator does and however f servers lie, what is said to be proved is true, and whoever
// follows the recommendation is right.
func TestWhatIsProvedIsTrueAndWhatIsRecommendedHolds(t *testing.T) {
	liars := map[string][]truetimetest.Behavior{
		"nobody lies":            nil,
		"one drifts":             {truetimetest.Drifting(30, 100*time.Millisecond, 20*time.Microsecond)},
		"one is at the edge":     {truetimetest.Edge(true, 0)},
		"one is inside":          {truetimetest.Inside(0.9, 0)},
		"one says something":     {truetimetest.Anywhere(time.Second, time.Microsecond)},
		"one defects after 90 m": {truetimetest.Turncoat(truetimetest.Honest(20*time.Microsecond), 90*time.Minute, truetimetest.Pull(time.Millisecond, 0))},
	}
	paths := []truetimetest.Path{truetimetest.LAN(), truetimetest.DataCenter(), truetimetest.Internet()}
	seed, drifts, wanders := uint64(0), 0, 0
	for _, o := range oscillators {
		for _, lie := range slices.Sorted(maps.Keys(liars)) {
			seed++
			name := fmt.Sprintf("seed %d, %s, %s", seed, o.name, lie)
			poll := 8 * time.Second
			if seed%3 == 0 {
				poll = 2 * time.Second // servers of one's own are near
			}
			p := plantPolling(poll, seed, o.assumed(), o.oscillator(), paths[seed%3], liars[lie]...)
			if poll == 2*time.Second {
				p.runFinely(2 * time.Hour)
			} else {
				p.run(2 * time.Hour)
			}
			r := p.requireProved(t, name)
			require.LessOrEqual(t, r.ExceededPPM, o.most, name)
			require.LessOrEqual(t, r.wanderReached(), o.wander, name)
			if ppm := r.Recommended.DriftPPM; ppm != nil {
				drifts++
				require.GreaterOrEqual(t, *ppm, o.most, name)
			} else {
				require.LessOrEqual(t, o.most, 200.0, "%s: the default is kept", name)
			}
			if ppb := r.Recommended.WanderPPB; ppb != nil {
				wanders++
				require.GreaterOrEqual(t, *ppb, o.wander, name)
			}
		}
	}
	require.Greater(t, drifts, 20, "most have evidence enough")
	require.Greater(t, wanders, 5, "near servers have")
}

// The evidence is worth something: near servers know a rate to a fraction of a ppm, and recommend what is near it.
func TestNearServersNarrowTheRate(t *testing.T) {
	for _, c := range []struct {
		planted, recommended float64
	}{{0, 60}, {37.5, 100}, {-150, 210}, {410, 480}} {
		p := plant(11, peaks{most: math.Abs(c.planted)}.assumed(), truetimetest.Constant(c.planted), truetimetest.LAN())
		p.runFinely(3 * time.Hour)
		r := p.requireProved(t, "seed 11")
		require.Len(t, r.Windows, 5)
		hour := r.Windows[4]
		require.Equal(t, time.Hour, hour.Length)
		require.Less(t, hour.KnownToPPM, 0.5)
		require.Less(t, math.Abs(c.planted)-r.ExceededPPM, 0.2)
		require.NotNil(t, r.Recommended.DriftPPM)
		require.LessOrEqual(t, *r.Recommended.DriftPPM, c.recommended, c.planted)
		require.Equal(t, c.planted == 410, len(r.Findings("")) > 0)
	}
}

// A sine of temperature shows as a range of means, and as a wander.
func TestASineShowsAsAWander(t *testing.T) {
	p := plantPolling(time.Second, 12, AssumedDriftPPM, truetimetest.Sinusoid(-12, 8, 40*time.Minute), truetimetest.LAN())
	p.run(3 * time.Hour)
	r := p.requireProved(t, "seed 12")
	five := r.Windows[2]
	require.InDelta(t, -19.9, five.SlowestPPM, 4)
	require.InDelta(t, -4.1, five.FastestPPM, 4)
	fastest := 8e3 * 2 * math.Pi / 2400 // ppb/s
	require.Greater(t, r.wanderReached(), 0.5*fastest)
	require.LessOrEqual(t, r.wanderReached(), fastest)
	require.NotNil(t, r.Recommended.WanderPPB)
	require.GreaterOrEqual(t, *r.Recommended.WanderPPB, 5*fastest)
	require.LessOrEqual(t, *r.Recommended.WanderPPB, 3000.0)

	r = p.Report(Machine{DeclaredDriftPPM: 15, DeclaredWanderPPB: 10})
	require.Equal(t, []string{"rate-drift-exceeded", "rate-wander-exceeded"}, ids(r.Findings("")))
}

// A rate that swings like a sine once a minute, or less often, is admitted by what is recommended, or nothing is. Windows of a minute
// do not show the first at all.
func TestASwingOfAMinuteOrMoreIsAdmitted(t *testing.T) {
	recommended := 0
	for _, period := range []time.Duration{time.Minute, 75 * time.Second, 2 * time.Minute, 5 * time.Minute} {
		for _, ppb := range []float64{100, 1600} {
			ppm := ppb / 1e3 * period.Seconds() / (2 * math.Pi)
			if ppm > AssumedDriftPPM {
				continue
			}
			name := fmt.Sprintf("seed 13, %v ppb/s each %v", ppb, period)
			p := plantPolling(2*time.Second, 13, AssumedDriftPPM, truetimetest.Sinusoid(0, ppm, period), truetimetest.LAN())
			p.runFinely(70 * time.Minute)
			r := p.requireProved(t, name)
			require.Equal(t, shortest, r.Wander[0].Length, name)
			if declare := r.Recommended.WanderPPB; declare != nil {
				recommended++
				require.GreaterOrEqual(t, *declare, ppb, name)
			}
			require.Contains(t, r.Text(nil), "comes and goes within half a minute", name)
		}
	}
	require.Greater(t, recommended, 3, "those that are slow enough")
}
