package discipline

import (
	"math"
	"math/big"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/epsilontime/epsilon/internal/line"
	"github.com/epsilontime/epsilon/monotonic"
)

// hardware is a counter whose raw readings are ticks.
type hardware struct {
	meter  line.Meter
	origin uint64
}

// drawHardware makes a counter of 1 MHz to 5 GHz, or one whose readings are its instants.
func drawHardware(t *rapid.T) hardware {
	if rapid.Bool().Draw(t, "instants") {
		return hardware{line.Nanoseconds, 0}
	}
	perTick := 1e9 / rapid.Float64Range(1e6, 5e9).Draw(t, "ticks per second")
	if rapid.Bool().Draw(t, "just above 1 GHz") { // where the upper slope needs a bit more
		perTick = rapid.Float64Range(0.85, 0.9999999).Draw(t, "ns a tick")
	}
	up := uint(0)
	for perTick >= float64(uint64(1)<<up) {
		up++
	}
	return hardware{
		line.Meter{Multiplier: uint64(perTick/float64(uint64(1)<<up)*0x1p63) * 2, Up: up},
		rapid.Uint64().Draw(t, "origin"),
	}
}

// exactly is the counter, with all digits, at a raw reading.
func (h hardware) exactly(raw uint64) *big.Rat {
	r := new(big.Rat).SetInt(new(big.Int).SetUint64(raw - h.origin))
	r.Mul(r, new(big.Rat).SetInt(new(big.Int).SetUint64(h.meter.Multiplier)))
	return r.Quo(r, new(big.Rat).SetInt(new(big.Int).Lsh(big.NewInt(1), 64-h.meter.Up)))
}

func (h hardware) at(raw uint64) monotonic.Instant {
	r := h.exactly(raw)
	return monotonic.Instant(new(big.Int).Quo(r.Num(), r.Denom()).Int64())
}

// ticks is how many raw units last about that long.
func (h hardware) ticks(ns int64) uint64 {
	return uint64(float64(ns) / float64(h.meter.Multiplier) * math.Ldexp(1, 64-int(h.meter.Up)))
}

// Along a chain of publications, each with bounds as good as the one before or better, the lines are
// never narrower than what the bounds say of the exact counter, never wider by more than a few
// nanoseconds, and the lower one never goes back.
func TestAheadIsSoundAndNeverGoesBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := drawHardware(t)
		raw := h.origin + h.ticks(1e9)
		now := h.at(raw)
		b := Bounds{Facts{Upper: Point{now, 2e18 + 5000}, Lower: Point{now, 2e18}}, motion{CounterSpec: CounterSpec{
			Drift:      NewDrift(rapid.Uint64Range(1, MaxDriftPPB).Draw(t, "ppb")).Scaled(-20e-6, 30e-6),
			Resolution: int64(h.meter.Multiplier>>(64-h.meter.Up)) + 2,
		}}}
		var before *line.Pair
		lowers := []Point{b.Lower} // each of them holds, with the rate as it is known at last
		last := int64(math.MinInt64)
		for range rapid.IntRange(1, 12).Draw(t, "publications") {
			a, ok := b.Ahead(h.at(raw), raw, h.meter, before)
			require.True(t, ok)
			before = &a
			for range 3 {
				lower, upper := a.At(raw)
				require.True(t, a.Covers(raw))
				canonical := b.At(h.at(raw))
				highest := canonical.Lo
				for _, p := range lowers {
					highest = max(highest, b.CounterSpec.lowerAt(p, h.at(raw)))
				}
				// The canonical bounds hold for a counter that is ahead of its reading by up to the
				// resolution; what is read here is behind by less than 1 ns.
				require.LessOrEqual(t, lower, highest+2)
				require.GreaterOrEqual(t, lower, canonical.Lo-4)
				require.GreaterOrEqual(t, upper, canonical.Hi-2)
				require.LessOrEqual(t, upper, canonical.Hi+4)
				requireOutside(t, h, b, lowers, raw, lower, upper)
				require.GreaterOrEqual(t, lower, last)
				last = lower
				raw += h.ticks(rapid.OneOf(rapid.Int64Range(0, 5), rapid.Int64Range(0, 1e11)).Draw(t, "later"))
			}
			if rapid.Bool().Draw(t, "rate known better") && b.CounterSpec.Drift.slow > 2 && b.CounterSpec.Drift.fast > 2 {
				b.CounterSpec.Drift.slow -= b.CounterSpec.Drift.slow / 8
				b.CounterSpec.Drift.fast -= b.CounterSpec.Drift.fast / 8
			}
			now := h.at(raw)
			if i := b.At(now); rapid.Bool().Draw(t, "better") && i.Hi-i.Lo > 10 {
				better := rapid.Int64Range(1, 5).Draw(t, "by")
				b.Lower = Point{now, i.Lo + better}
				lowers = append(lowers, b.Lower)
			}
		}
	})
}

// requireOutside holds the lines against the bounds evaluated without any rounding, at the first and
// at the last position of the counter for which a reading may stand.
func requireOutside(t *rapid.T, h hardware, b Bounds, lowers []Point, raw uint64, lower, upper int64) {
	rate := func(fraction uint64) *big.Rat {
		return new(big.Rat).SetFrac(new(big.Int).SetUint64(fraction), new(big.Int).Lsh(big.NewInt(1), 64))
	}
	one, first := big.NewRat(1, 1), h.exactly(raw)
	last := new(big.Rat).Add(first, new(big.Rat).SetInt64(int64(h.meter.Multiplier>>(64-h.meter.Up))))
	line := func(p Point, holdsAt int64, at, slope *big.Rat) *big.Rat {
		r := new(big.Rat).Sub(at, new(big.Rat).SetInt64(holdsAt))
		return r.Add(r.Mul(r, slope), new(big.Rat).SetInt64(p.Time))
	}
	lowest := new(big.Rat).SetInt64(math.MinInt64)
	for _, p := range lowers {
		if l := line(p, int64(p.At), first, new(big.Rat).Sub(one, rate(b.CounterSpec.Drift.slow))); l.Cmp(lowest) > 0 {
			lowest = l
		}
	}
	highest := line(b.Upper, int64(b.Upper.At)+b.CounterSpec.Resolution, last, new(big.Rat).Add(one, rate(b.CounterSpec.Drift.fast)))
	require.LessOrEqual(t, new(big.Rat).SetInt64(lower).Cmp(lowest), 0)
	require.GreaterOrEqual(t, new(big.Rat).SetInt64(upper).Cmp(highest), 0)
}

func TestAheadRefusesWhatMightOverflow(t *testing.T) {
	good := Bounds{Facts: Facts{Upper: Point{10, 10}, Lower: Point{10, 10}}}
	a, ok := good.Ahead(10, 10, line.Nanoseconds, nil)
	require.True(t, ok)
	require.False(t, a.Covers(9), "before its beginning")
	require.True(t, a.Covers(10))
	require.True(t, a.Covers(10+line.SpanLimit/2))
	require.False(t, a.Covers(10+line.SpanLimit))
	for _, f := range []Facts{
		{Upper: Point{10, math.MaxInt64}, Lower: Point{10, 10}},
		{Upper: Point{10, 10}, Lower: Point{10, math.MinInt64}},
		{Upper: Point{10, 10}, Lower: Point{10, 100}},
	} {
		b := Bounds{Facts: f}
		_, ok := b.Ahead(10, 10, line.Nanoseconds, nil)
		require.False(t, ok, "%v", f)
	}
}
