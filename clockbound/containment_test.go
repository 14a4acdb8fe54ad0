package clockbound

import (
	"flag"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/truetime"
)

var worlds = flag.Int("worlds", 100, "how many random worlds a ClockBound client reads in")

// slewed is a machine whose CLOCK_REALTIME is slewed by somebody, within what is declared. Its clocks
// are in nanoseconds since it began; a float64 has them to 10⁻⁴ for a quarter of an hour.
type slewed struct {
	rng *rand.Rand

	slewPPM, driftPPM, smear float64 // declared; the smear of a second
	tickLength               float64
	pausedTicks              float64 // declared: for how many more the coarse clock may stand still
	worst                    float64 // -1 or 1: always at the limit on that side; 0: at random

	true, real, mono float64 // CLOCK_REALTIME and CLOCK_MONOTONIC are slewed alike
	coarseNow        float64 // CLOCK_MONOTONIC_COARSE
	stalledFor       float64 // ticks until it moves
	rate             float64 // of CLOCK_REALTIME against true time

	pause   func() float64 // between two of the writer's steps
	written segment
}

const steeredInTest = 500 // ppm of frequency correction, on top

func newSlewed(rng *rand.Rand) *slewed {
	w := &slewed{rng: rng, mono: 1e9 * (1 + 9*rng.Float64())}
	w.slewPPM = []float64{0, 500, 1000, 83_333, 100_000}[rng.IntN(5)]
	w.driftPPM = []float64{1, 50, 200, 1000}[rng.IntN(4)]
	w.tickLength = []float64{1e6, 3_333_333, 4e6, 1e7}[rng.IntN(4)]
	w.pausedTicks = []float64{0, 0, 25}[rng.IntN(3)]
	w.coarseNow = math.Floor(w.mono/w.tickLength) * w.tickLength
	w.pause = func() float64 { return 0 }
	w.steer()
	return w
}

// steer changes the rate, as a daemon does that finds another offset, and the smear with it.
func (w *slewed) steer() {
	at := func() float64 {
		switch {
		case w.worst != 0:
			return w.worst
		case w.rng.IntN(2) == 0:
			return float64(2*w.rng.IntN(2) - 1)
		}
		return 2*w.rng.Float64() - 1
	}
	w.rate = (1 + at()*w.driftPPM/1e6) * (1 + at()*(w.slewPPM+steeredInTest)/1e6)
	w.smear = -at() / 86399
	w.stalledFor = 6 + w.pausedTicks
	if w.worst == 0 && w.rng.IntN(2) == 0 {
		w.stalledFor = float64(1 + w.rng.IntN(6))
	}
}

// pass lets true time go on.
func (w *slewed) pass(d float64) {
	for d > 0 {
		untilTick := (w.coarseNow + w.stalledFor*w.tickLength - w.mono) / w.rate
		step := min(d, max(untilTick, 0))
		w.true += step * (1 + w.smear)
		w.real += step * w.rate
		w.mono += step * w.rate
		d -= step
		if step >= untilTick {
			w.coarseNow += w.stalledFor * w.tickLength
			w.mono = max(w.mono, w.coarseNow)
			if w.worst == 0 && w.rng.IntN(3) == 0 {
				w.steer()
			}
		}
	}
}

// untilTick is how long true time goes on until the coarse clock moves.
func (w *slewed) untilTick() float64 {
	return (w.coarseNow + w.stalledFor*w.tickLength - w.mono) / w.rate
}

func (w *slewed) usable() error                { return nil }
func (w *slewed) tick() (time.Duration, error) { return time.Duration(math.Ceil(w.tickLength)), nil }
func (w *slewed) watch() (watch, error)        { return neverSet{}, nil }
func (w *slewed) notice() (notice, error)      { return nil, nil }
func (w *slewed) present() error               { return nil }
func (w *slewed) close() error                 { return nil }

func (w *slewed) create(string) (segmentFile, error) { return w, nil }

func (w *slewed) write(c content) error {
	w.pass(w.pause())
	w.written = c.encode(w.written.generation() + 2)
	return nil
}

func (w *slewed) coarse() (int64, error) {
	w.pass(w.pause())
	return int64(w.coarseNow), nil
}

func (w *slewed) wall() truetime.Time {
	w.pass(w.pause())
	return wallStart.Add(time.Duration(w.real))
}

// Now is a clock that is right, and mostly just so.
func (w *slewed) Now() (truetime.Interval, error) {
	w.pass(w.pause())
	before, after := 0.0, 0.0
	if w.rng.IntN(2) == 0 {
		before = w.rng.ExpFloat64() * 1e5
	}
	if w.rng.IntN(2) == 0 {
		after = w.rng.ExpFloat64() * 1e5
	}
	i := truetime.Interval{
		Earliest: wallStart.Add(time.Duration(math.Floor(w.true - before))),
		Latest:   wallStart.Add(time.Duration(math.Ceil(w.true + after))),
	}
	w.pass(w.pause())
	return i, nil
}

type neverSet struct{}

func (neverSet) WasSet() bool { return false }

func (w *slewed) publisher(t *testing.T) *Publisher {
	t.Helper()
	tick := time.Duration(math.Ceil(w.tickLength))
	return &Publisher{clock: w, host: w, file: w, motion: newMotion(w.slewPPM, w.driftPPM, tick, time.Duration(w.pausedTicks)*tick)}
}

// read has a client read, which takes its time between its steps.
func (w *slewed) read(t *testing.T, c *client, pause func() float64, seed uint64) (s clientStatus, width time.Duration) {
	t.Helper()
	require.NoError(t, c.snapshot())
	w.pass(pause())
	truth, realtime := w.true, int64(wallStart)+int64(w.real)
	w.pass(pause())
	earliest, latest, s, err := c.now(realtime, int64(w.coarseNow))
	require.NoError(t, err, "seed %d", seed)
	if s == clientUnknown {
		return s, 0
	}
	below, above := truth-float64(earliest-int64(wallStart)), float64(latest-int64(wallStart))-truth
	const inexact = 1e-3 // of the world
	if below < -inexact || above < -inexact {
		t.Fatalf("seed %d: true time is outside [%d, %d] by %.3f ns (slew %g ppm, drift %g ppm, tick %.0f ns, worst %g)",
			seed, earliest, latest, -min(below, above), w.slewPPM, w.driftPPM, w.tickLength, w.worst)
	}
	return s, time.Duration(latest - earliest)
}

// A chronyd-like slewer bends CLOCK_REALTIME, within what is declared and mostly at its limit; writes and reads
// come when they like, and the writer may die.
func TestClientsIntervalContainsTrueTimeWhateverTheSlewerDoes(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	used := 0
	for n := range *worlds {
		rng := rand.New(rand.NewPCG(seed, uint64(n)))
		w := newSlewed(rng)
		pause := func() float64 {
			switch rng.IntN(50) {
			case 0:
				return rng.Float64() * 2e8 // it lost its processor
			default:
				return rng.ExpFloat64() * 1000
			}
		}
		w.pause = pause
		p := w.publisher(t)
		p.publish()
		c := clientOf(&w.written)
		require.NoError(t, c.open())
		for range 300 {
			if rng.IntN(40) != 0 { // or the writer is away
				p.publish()
			}
			require.NoError(t, p.Status().Err)
			for range rng.IntN(3) {
				w.pass(rng.ExpFloat64() * []float64{1e5, 1e8, 2e9}[rng.IntN(3)])
				if s, _ := w.read(t, c, pause, seed); s != clientUnknown {
					used++
				}
			}
		}
	}
	require.Greater(t, used, *worlds*200, "most reads gave an interval")
}

// Nothing in the bound is to spare: at the limit of everything at once it is met to a few
// nanoseconds, from writes at a tick, by reads just before one.
func TestClientsIntervalContainsTrueTimeAtTheLimitOfEverything(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	closest := math.Inf(1)
	for n := range 20 * *worlds {
		rng := rand.New(rand.NewPCG(seed, uint64(n)))
		w := newSlewed(rng)
		w.worst = float64(2*rng.IntN(2) - 1)
		w.driftPPM = 1 + rng.Float64()*1000
		w.slewPPM = rng.Float64() * 100_000
		w.steer()
		w.pass(w.untilTick())
		p := w.publisher(t)
		p.publish()
		c := clientOf(&w.written)
		for range rng.IntN(4) {
			w.pass(w.untilTick())
		}
		w.pass(max(w.untilTick()-1e-3, 0))
		before := w.true
		s, width := w.read(t, c, func() float64 { return 0 }, seed)
		require.Equal(t, clientSynchronized, s)
		if w.worst < 0 {
			closest = min(closest, w.real+float64(width)/2-before)
		}
	}
	require.Less(t, closest, 10.0, "it is not wider than it has to be")
}

// It is true for as long as a client uses it, and then it is not used any more.
func TestWriterThatHasDiedLeavesATrueIntervalAndThenNone(t *testing.T) {
	for _, worst := range []float64{-1, 1} {
		w := newSlewed(rand.New(rand.NewPCG(1, 1)))
		w.worst = worst
		w.steer()
		w.publisher(t).publish()
		c := clientOf(&w.written)
		last := clientSynchronized
		for range 600 {
			s, _ := w.read(t, c, func() float64 { return 0 }, 1)
			require.NotEqual(t, clientFreeRunning, s)
			require.False(t, last == clientUnknown && s != clientUnknown)
			last = s
			w.pass(1e7)
		}
		require.Equal(t, clientUnknown, last)
	}
}

// A daemon may make the kernel's tick 10 % shorter and the frequency 500 ppm lower (ntp_validate_timex and MAXFREQ in
// the kernel's ntp.c), and chronyd does whatever its sources make it.
func TestAClockAtTheLimitsOfLinuxIsCoveredByOneNumber(t *testing.T) {
	const driftPPM = 200
	slowest := (1 - driftPPM/1e6) * (1 - 0.1 - 500e-6)
	for ppm, covers := range map[float64]bool{100_000: true, 83_333: false} {
		m := newMotion(ppm, driftPPM, 4*time.Millisecond, 0)
		require.Equal(t, covers, float64(m.driftPPB) >= (1/slowest-1)*1e9, "%g ppm", ppm)
	}
}

func TestGrowthOfABoundCoversTheSlowestClock(t *testing.T) {
	m := newMotion(83_333, 200, 4*time.Millisecond, 0)
	require.InDelta(t, 91.74e6, float64(m.driftPPB), 0.01e6)
	require.Equal(t, 24*time.Millisecond, m.behind)
	require.Less(t, newMotion(maxSlewPPM, truetime.MaxDriftPPM, 1, 0).driftPPB, uint32(maxDriftPPB), "clients refuse more")
	require.Equal(t, 624*time.Millisecond, newMotion(83_333, 200, 4*time.Millisecond, 100*time.Millisecond).behind, "a pause before each tick of whoever takes over")
	most := motion{maxDriftPPB - 1, 6 * (10*time.Millisecond + maxLongestPause)}
	require.Greater(t, most.growth(most.behind), maxLongestPause, "nothing overflows")
	exact := 1.0/((1-200e-6)*(1-83_833e-6))*(1+1.0/86399) - 1
	require.GreaterOrEqual(t, float64(m.driftPPB), exact*1e9)
	require.Less(t, float64(m.driftPPB), exact*1e9+1.1)

	bound, err := m.bound(1000, truetime.Interval{Earliest: 500, Latest: 3000}, 1100)
	require.NoError(t, err)
	require.Equal(t, 2000+m.growth(24*time.Millisecond)+4, bound, "Latest is farther")
	bound, err = m.bound(5000, truetime.Interval{Earliest: 500, Latest: 3000}, 5100)
	require.NoError(t, err)
	require.Equal(t, 4600+m.growth(24*time.Millisecond)+4, bound, "Earliest is farther")
	_, err = m.bound(1000, truetime.Interval{Earliest: 500, Latest: 3000}, 999)
	require.ErrorContains(t, err, "went back by 1ns")
	_, err = m.bound(-1<<62, truetime.Interval{Earliest: 1 << 62, Latest: 1<<62 + 1}, 1-1<<62)
	require.ErrorContains(t, err, "set it", "nothing overflows")
}
