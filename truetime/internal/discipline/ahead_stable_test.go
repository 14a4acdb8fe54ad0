package discipline

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/epsilontime/epsilon/internal/line"
	"github.com/epsilontime/epsilon/monotonic"
)

// wanderer is true time as a function of the exact counter: by how much it is ahead, in nanoseconds, and at
// which rate it gains. The rate moves at the edge of what is assumed.
type wanderer struct {
	counter     float64 // ns since the beginning
	ahead, rate float64
	wander      float64 // per nanosecond, as it is now
	least, most float64 // the limits of the rate
}

// run lets the counter advance by ns.
func (o *wanderer) run(ns float64) {
	for ns > 0 {
		span, next := ns, o.wander
		limit := o.most
		if o.wander < 0 {
			limit = o.least
		}
		if o.wander != 0 {
			if until := (limit - o.rate) / o.wander; until <= 0 {
				o.wander, next = 0, 0
			} else if until < span {
				span, next = until, 0
			}
		}
		o.ahead += o.rate*span + o.wander*span*span/2
		o.rate += o.wander * span
		if o.counter += span; o.wander != 0 && next == 0 {
			o.rate = limit
		}
		o.wander = next
		ns -= span
	}
}

// With the counter's stability assumed, whatever its ticks are, and however late or seldom something is
// published: true time is always between the lines of every pair, for as long as it is held, and whoever
// reads one and then the next never sees the lower line go back.
func TestAheadOfAStableCounterIsSoundAndNeverGoesBack(t *testing.T) {
	const tolerance = 0.05 // of a nanosecond: the floating-point numbers of this test
	rapid.Check(t, func(t *rapid.T) {
		h := drawHardware(t)
		tick := float64(h.meter.Multiplier) * math.Ldexp(1, int(h.meter.Up)-64)
		raw := h.origin + h.ticks(1e9)
		begin, _ := h.exactly(raw).Float64()

		stability := Stability{Wander: math.Pow(10, rapid.Float64Range(-10, -4.5).Draw(t, "log10 w"))}
		o := &wanderer{least: slowestPPB * 1e-9, most: fastestPPB * 1e-9}
		if rapid.Bool().Draw(t, "deviation") {
			stability.Deviation = math.Pow(10, rapid.Float64Range(-7, -3.8).Draw(t, "log10 D"))
			o.least = rapid.Float64Range(o.least, o.most-stability.Deviation).Draw(t, "least")
			o.most = o.least + stability.Deviation
		}
		o.rate = rapid.Float64Range(o.least, o.most).Draw(t, "rate")
		if stability.Deviation > 0 && rapid.Bool().Draw(t, "no wander assumed") {
			stability.Wander = 0
		}
		d := New(Config{
			Counter:   CounterSpec{Drift: NewDrift(200_000), Resolution: int64(tick) + 2},
			Stability: stability, Voter: []int{0},
		})

		// The counter is somewhere between the reading and the next.
		advance := func(name string, ns int64) {
			ticks := h.ticks(ns)
			next := rapid.Float64Range(0, 0.999).Draw(t, "part of a tick")
			exact, _ := h.exactly(raw + ticks).Float64()
			if target := exact - begin + next*tick; target > o.counter {
				raw += ticks
				o.run(target - o.counter)
			}
		}
		truth := func() float64 { return o.counter + begin + o.ahead }
		top := 0.0 // since when the rate has been at its highest
		var held []line.Pair
		check := func() {
			for _, a := range held[max(0, len(held)-4):] {
				lower, upper, ok := a.Late(raw)
				require.True(t, ok)
				require.LessOrEqual(t, float64(lower), truth()+tolerance, "after %v", monotonic.Instant(o.counter).Sub(0))
				require.GreaterOrEqual(t, float64(upper), truth()-tolerance, "after %v", monotonic.Instant(o.counter).Sub(0))
				if a.Covers(raw) {
					l, u := a.At(raw)
					require.Equal(t, [2]int64{lower, upper}, [2]int64{l, u})
				}
			}
		}
		short := rapid.Int64Range(0, 5000)
		later := rapid.OneOf(short, rapid.Int64Range(0, 3e9), rapid.Int64Range(0, 30e9), rapid.Int64Range(0, 1000e9))
		for range rapid.IntRange(2, 40).Draw(t, "publications") {
			if o.rate < o.most {
				top = o.counter
			}
			switch turn := rapid.IntRange(0, 3).Draw(t, "turn"); {
			case stability.Deviation > 0 && o.counter-top > 3.601e12 && o.most+stability.Deviation < fastestPPB*1e-9:
				// For an hour the rate has been nowhere else: now it may climb once more.
				o.least, o.most = o.most, o.most+stability.Deviation
				if o.wander = stability.Wander * 1e-9; o.wander == 0 {
					o.wander = 1e-4 * 1e-9
				}
			case turn == 0 && o.wander != 0:
				o.wander = -o.wander
			case turn == 1: // as it was
			default:
				w := stability.Wander
				if w == 0 {
					w = 1e-4
				}
				o.wander = w * 1e-9 * rapid.SampledFrom([]float64{-1, 1}).Draw(t, "way")
			}
			if rapid.Bool().Draw(t, "sample") {
				slack := rapid.SampledFrom([]int64{0, 0, 100, 100_000})
				f := Facts{Upper: Point{h.at(raw), int64(math.Ceil(truth())) + slack.Draw(t, "above")}}
				advance("delay", rapid.SampledFrom([]int64{0, 1000, 1e6}).Draw(t, "delay"))
				f.Lower = Point{h.at(raw), int64(math.Floor(truth())) - slack.Draw(t, "below")}
				require.NoError(t, d.Add(0, f, 1, h.at(raw)))
			} else {
				d.Observe(h.at(raw))
			}
			require.EqualValues(t, 1, d.Epoch(), d.LastDisruption().Reason)
			bounds, ok := d.Bounds()
			// It may be long until what was concluded is published, if the machine has no time for it.
			advance("lateness", rapid.OneOf(short, short, later).Draw(t, "lateness"))
			check()
			if ok {
				var before *line.Pair
				if len(held) > 0 {
					before = &held[len(held)-1]
				}
				a, ok := bounds.Ahead(h.at(raw), raw, h.meter, before)
				require.True(t, ok)
				if before != nil {
					requireNeverBack(t, *before, a, raw, h)
				}
				held = append(held, a)
				check()
			}
			advance("later", later.Draw(t, "later"))
			check()
			advance("later", later.Draw(t, "later"))
			check()
		}
	})
}

// requireNeverBack reads both lines at the same readings: wherever one of them bends, and anywhere.
func requireNeverBack(t *rapid.T, old, new line.Pair, raw uint64, h hardware) {
	at := []uint64{raw, raw + 1, old.Lower.Until, new.Lower.Until}
	for _, span := range []int64{1e3, 1e6, 1e9, 1e11} {
		at = append(at, raw+h.ticks(rapid.Int64Range(0, span).Draw(t, "read")))
		at = append(at, new.Lower.Until+h.ticks(rapid.Int64Range(0, span).Draw(t, "read")))
	}
	for _, x := range at {
		if x-raw > 1<<63 || !old.Lower.Ends {
			continue // before both are held
		}
		l0, _, ok0 := old.Late(x)
		l1, _, ok1 := new.Late(x)
		require.True(t, ok0 && ok1)
		require.LessOrEqual(t, l0, l1, "%d ticks after it was replaced", x-raw)
	}
}

// A process is stopped after it has concluded what it is about to publish, and goes on minutes later: the rate
// has moved all the while.
func TestAheadThatIsPublishedLateIsSound(t *testing.T) {
	const wander = 1e-8 / 1e9
	o := &wanderer{least: slowestPPB * 1e-9, most: fastestPPB * 1e-9, wander: wander}
	d := New(Config{Counter: CounterSpec{Drift: NewDrift(200_000), Resolution: 1}, Stability: Stability{Wander: wander * 1e9}, Voter: []int{0}})
	for range 60 {
		now := monotonic.Instant(o.counter)
		truth := int64(o.counter + o.ahead)
		require.NoError(t, d.Add(0, Facts{Upper: Point{now, truth + 100}, Lower: Point{now, truth - 100}}, 1, now))
		o.run(1e9)
	}
	bounds, ok := d.Bounds()
	require.True(t, ok)
	o.run(600e9)
	late := monotonic.Instant(o.counter)
	a, ok := bounds.Ahead(late, uint64(late), line.Nanoseconds, nil)
	require.True(t, ok)
	for range 100 {
		o.run(0.1e9)
		_, upper, ok := a.Late(uint64(o.counter))
		require.True(t, ok)
		require.LessOrEqual(t, o.counter+o.ahead, float64(upper), "%v after it was published", monotonic.Instant(o.counter).Sub(late))
	}
}
