package discipline

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/internal/testing/race"
	"github.com/epsilontime/epsilon/monotonic"
)

// steadyCounter is a counter against which the rate of true time changes at +wander, −wander or not at
// all, and stays within middle ± reach. All are in ns/s.
type steadyCounter struct {
	rng                         *rand.Rand
	now                         monotonic.Instant
	ahead                       float64 // e, as the oracle counts it
	rate, wander, middle, reach float64
	slope                       float64 // of the rate, at present
	turn                        float64 // the probability that the slope is another one after the next sample
}

// choose chooses the slope for a span, in seconds. It is constant between samples, so that this
// motion is one of those that the inner oracle counts.
func (s *steadyCounter) choose(span float64) {
	if s.slope == 0 || s.rng.Float64() < s.turn {
		s.slope = s.wander * float64(s.rng.IntN(3)-1)
	}
	if math.Abs(s.rate+s.slope*span-s.middle) > s.reach {
		s.slope = math.Copysign(s.wander, s.middle-s.rate)
	}
	if math.Abs(s.rate+s.slope*span-s.middle) > s.reach {
		s.slope = 0
	}
}

func (s *steadyCounter) advance(to monotonic.Instant) {
	h := float64(to-s.now) * 1e-9
	s.ahead += s.rate*h + s.slope*h*h/2
	s.rate += s.slope * h
	s.now = to
}

// upper is a bound that is off by so many nanoseconds and its rounding.
func (s *steadyCounter) upper(off float64) Point {
	return Point{s.now, truthAhead + int64(s.now) + int64(math.Ceil(s.ahead+off))}
}

func (s *steadyCounter) lower(off float64) Point {
	return Point{s.now, truthAhead + int64(s.now) + int64(math.Floor(s.ahead-off))}
}

// In random histories of sources that are all correct, the answer at any moment between two samples
// contains everything that the inner oracle says is possible: it is nowhere narrower than what
// follows from all the facts.
func TestTheAnswerIsNowhereNarrowerThanAllFactsAllow(t *testing.T) {
	t.Parallel()
	seed := rand.Uint64()
	checked, lost := 0, 0
	for n := range uint64(race.Count(80, 12)) {
		h := newHistory(t, seed, n)
		h.run()
		checked, lost = checked+h.checked, lost+h.lost
	}
	t.Logf("seed %d: %d answers; at %d more the oracle had nothing left", seed, checked, lost)
	require.Less(t, lost, checked, "it is to be compared mostly")
}

// history is a random one, with what is made of it by the discipline and by the oracle.
type history struct {
	t             *testing.T
	seed, number  uint64
	rng           *rand.Rand
	sources       int
	pollMax       monotonic.Instant
	reach         float64 // of delays and errors
	truth         *steadyCounter
	discipline    *Discipline
	oracle        *oracle
	checked, lost int
}

func newHistory(t *testing.T, seed, number uint64) *history {
	rng := rand.New(rand.NewPCG(seed, number))
	h := &history{t: t, seed: seed, number: number, rng: rng}
	h.sources = 1 + rng.IntN(3)
	h.pollMax = 1 << (23 + rng.IntN(14))               // 8 ms to 69 s
	h.reach = float64(int64(1) << (4 + 2*rng.IntN(8))) // 16 ns to 0.3 ms
	wander := math.Pow(10, -10+4*rng.Float64())        // 0.1 ppb/s to 1 ppm/s
	reach := math.Pow(10, 5.29*rng.Float64())          // of the rate, up to 195 ppm
	middle := (195_000 - reach) * (2*rng.Float64() - 1)
	h.truth = &steadyCounter{
		rng: rng, now: monotonic.Instant(rng.Int64N(100 * second)),
		rate: middle, wander: wander * 1e9, middle: middle, reach: reach,
		turn: []float64{0, 0.05, 0.5}[rng.IntN(3)], // one long parabola, or zigzag
	}
	h.discipline = New(Config{
		Counter:   CounterSpec{Drift: NewDrift(200_000)},
		Stability: Stability{Wander: wander},
		Voter:     []int{0, 1, 2}[:h.sources], // none of them may be wrong: f is 0
	})
	h.oracle = newOracle(200_000, wander, h.pollMax.Sub(0).Seconds()/8, false)
	h.oracle.at = h.truth.now
	return h
}

func (h *history) run() {
	rng, truth, d := h.rng, h.truth, h.discipline
	for range 60 {
		var f Facts
		truth.choose(2 * h.pollMax.Sub(0).Seconds())
		truth.advance(truth.now + 1 + monotonic.Instant(rng.Int64N(int64(h.pollMax))))
		f.Upper = truth.upper(h.reach * rng.Float64() * float64(rng.IntN(2)))
		truth.advance(truth.now + monotonic.Instant(rng.Int64N(int64(h.reach)+1)))
		f.Lower = truth.lower(h.reach * rng.Float64() * float64(rng.IntN(2)))
		h.oracle.use(f)
		require.NoError(h.t, d.Add(rng.IntN(h.sources), f, 1, truth.now))
		require.EqualValues(h.t, 1, d.Epoch(), "seed %d history %d: %s", h.seed, h.number, d.LastDisruption().Reason)
		for range 3 {
			at := truth.now + monotonic.Instant(rng.Int64N(2*int64(h.pollMax)))
			h.check(at)
			if rng.IntN(4) == 0 {
				truth.advance(min(at, truth.now+h.pollMax/4))
				d.Observe(truth.now)
				h.check(truth.now)
			}
		}
	}
}

// check compares the answer with the oracle's. Where every fact is exact and the rate changes as fast as
// it may, so little is possible that to the oracle, which is rounded inward, nothing is.
func (h *history) check(at monotonic.Instant) {
	bounds, ok := h.discipline.Bounds()
	if !ok {
		return
	}
	low, high := h.oracle.rangeAt(at)
	if low > high {
		h.lost++
		return
	}
	h.checked++
	answer := bounds.At(at)
	lo, hi := ahead(Point{at, answer.Lo}), ahead(Point{at, answer.Hi})
	const rounding = 1e-3 // of the oracle; the answer's are outward
	if lo > low+rounding || hi < high-rounding {
		h.t.Fatalf("seed %d history %d at %d: the answer c + [%.3f, %.3f] excludes what is possible: c + [%.3f, %.3f]", h.seed, h.number, at, lo, hi, low, high)
	}
}

// narrowness is how much wider than the oracle's the answers of one history are.
type narrowness struct {
	mean, worst   float64 // the excess, as a fraction
	answer, ideal float64 // mean half widths, in µs
	doubt         float64 // by how much the outer oracle is wider than the inner one, as a fraction
}

// At round trips of about 1 ms the answer is, on average, at most 5 % wider than the best there is:
// with no liars than what follows from all facts of all sources, and where one of four may lie, than
// what follows from all the intervals on which they have agreed.
func TestTheAnswerIsNearlyAsNarrowAsAllFactsAllow(t *testing.T) {
	race.Slow(t)
	t.Parallel()
	seed := rand.Uint64()
	for _, ask := range []asking{{1, 0, time.Second}, {1, 0, 30 * time.Second}, {4, 0, 30 * time.Second}, {4, 1, 30 * time.Second}} {
		for _, wander := range []float64{100, 10} { // ns/s²
			for _, kind := range []counterKind{
				{"quiet", 20_000, 20_000, 0, 0, 0, 1},
				{"zigzag", 20_000, 20_000, wander, 2_000, 0.1, 1},
				{"parabola", -190_000, 0, wander, 195_000, 0, 1},
				{"at the edge of the drift", 199_900, 199_900, 0, 0, 0, 1},
				{"congested", 20_000, 20_000, wander, 2_000, 0.1, 0.05},
			} {
				n := compareWithOracle(t, seed, ask, wander, kind)
				t.Logf("%d sources of which %d may lie, every %3v, %3.0f ppb/s, %-24s: ε %5.1f µs, oracle %5.1f µs: wider by %.2f %% on average, %4.1f %% at worst; the oracle is exact to %.2f %%",
					ask.sources, ask.faulty, ask.poll, wander, kind.name, n.answer, n.ideal, n.mean*100, n.worst*100, n.doubt*100)
				require.Less(t, n.mean, 0.05, "seed %d", seed)
				require.Less(t, n.doubt, 0.05, "seed %d", seed)
			}
		}
	}
}

// asking is how a history's sources are asked, one after the other.
type asking struct {
	sources, faulty int
	poll            time.Duration
}

// counterKind is how a counter behaves, in ns/s and ns/s², and which part of the exchanges is not
// delayed by another 10 ms.
type counterKind struct {
	name                              string
	rate, middle, wander, reach, turn float64
	prompt                            float64
}

// compareWithOracle runs a history in which all sources are correct and compares after its first third.
func compareWithOracle(t *testing.T, seed uint64, ask asking, wander float64, kind counterKind) (n narrowness) {
	rng := rand.New(rand.NewPCG(seed, uint64(ask.poll)))
	truth := &steadyCounter{rng: rng, rate: kind.rate, wander: kind.wander, middle: kind.middle, reach: kind.reach, turn: kind.turn}
	d := New(Config{
		Counter:   CounterSpec{Drift: NewDrift(200_000)},
		Stability: Stability{Wander: wander * 1e-9},
		Voter:     []int{0, 1, 2, 3}[:ask.sources],
		Faulty:    ask.faulty,
	})
	step := max(ask.poll.Seconds()/8, 1)
	inner, outer := newOracle(200_000, wander*1e-9, step, false), newOracle(200_000, wander*1e-9, step, true)
	leg := func() float64 {
		delay := 300_000 + 200_000*math.Exp(0.75*rng.NormFloat64())
		if rng.Float64() >= kind.prompt {
			delay += 10e6
		}
		return delay
	}
	apart := monotonic.Instant(ask.poll) / monotonic.Instant(ask.sources)
	end := min(monotonic.Instant(time.Hour), 600*monotonic.Instant(ask.poll))
	answers := 0
	for next := apart; next < end; next += apart {
		const claim = 20_000
		there, back := leg(), leg()
		var f Facts
		truth.choose(apart.Sub(0).Seconds())
		truth.advance(next)
		f.Upper = truth.upper(there + 2*claim*rng.Float64())
		truth.advance(truth.now + monotonic.Instant(there+back))
		f.Lower = truth.lower(back + 2*claim*rng.Float64())
		require.NoError(t, d.Add(int(next/apart)%ask.sources, f, 1, truth.now), "seed %d", seed)
		require.EqualValues(t, 1, d.Epoch(), "seed %d: %s", seed, d.LastDisruption().Reason)
		bounds, ok := d.Bounds()
		if !ok {
			continue
		}
		if ask.faulty > 0 {
			agreed := bounds.At(truth.now)
			f = Facts{Upper: Point{truth.now, agreed.Hi}, Lower: Point{truth.now, agreed.Lo}}
		}
		inner.use(f)
		outer.use(f)
		if next < end/3 {
			continue
		}
		at := truth.now + monotonic.Instant(rng.Int64N(int64(apart)))
		answer := bounds.At(at)
		low, high := inner.rangeAt(at)
		least, most := outer.rangeAt(at)
		answers++
		excess := float64(answer.Hi-answer.Lo)/(high-low) - 1
		n.mean, n.worst = n.mean+excess, max(n.worst, excess)
		n.answer, n.ideal = n.answer+float64(answer.Hi-answer.Lo)/2e3, n.ideal+(high-low)/2e3
		n.doubt += (most-least)/(high-low) - 1
	}
	for _, sum := range []*float64{&n.mean, &n.answer, &n.ideal, &n.doubt} {
		*sum /= float64(answers)
	}
	return n
}
