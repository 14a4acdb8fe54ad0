package localcounter

import (
	"math"
	"math/big"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

const century = 100 * 365.25 * 24 * float64(time.Hour)

// exactly is what the scale should read, with all its digits: base + elapsed·nanoseconds/ticks.
func exactly(base int64, elapsed, ticks, nanoseconds uint64) *big.Rat {
	r := new(big.Rat).SetFrac(new(big.Int).SetUint64(nanoseconds), new(big.Int).SetUint64(ticks))
	r.Mul(r, new(big.Rat).SetInt(new(big.Int).SetUint64(elapsed)))
	return r.Add(r, new(big.Rat).SetInt64(base))
}

// For every rate from 1 MHz to 5 GHz and a hundred years of uptime the scale neither overflows nor
// is off by more than it says: it rounds down by less than 1 ns, and loses 0.7 ns a century.
func TestScaleIsExactForAHundredYears(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		perSecond := rapid.Uint64Range(1_000_000, 5_000_000_000).Draw(t, "ticks per second")
		nanoseconds := rapid.Uint64Range(1_000_000, 10_000_000_000).Draw(t, "measured over")
		ticks := uint64(float64(perSecond) * float64(nanoseconds) / 1e9)
		origin := rapid.Uint64().Draw(t, "origin")
		base := rapid.Int64Range(0, int64(century)).Draw(t, "base")
		s := newScale(origin, base, ticks, nanoseconds)

		elapsed := rapid.OneOf(
			rapid.Uint64Range(0, uint64(century/1e9*float64(perSecond))),
			rapid.Uint64Range(0, 1000),
		).Draw(t, "elapsed")
		got := new(big.Rat).SetInt64(s.at(origin + elapsed))
		want := exactly(base, elapsed, ticks, nanoseconds)
		require.LessOrEqual(t, got.Cmp(want), 0, "rounded down")
		require.Positive(t, new(big.Rat).Add(got, big.NewRat(18, 10)).Cmp(want), "by less than 1 ns, and 0.8 ns for the rate")
	})
}

func TestScaleNeverGoesBackAndStepsByTicks(t *testing.T) {
	for _, perSecond := range []uint64{1_000_000, 24_000_000, 1_000_000_000, 2_299_998_000, 5_000_000_000} {
		for _, origin := range []uint64{0, math.MaxUint64 - 500} { // wraps on the way
			s := newScale(origin, 7, perSecond, uint64(time.Second))
			last := s.at(origin)
			require.Equal(t, int64(7), last)
			for i := range uint64(1000) {
				now := s.at(origin + i)
				require.GreaterOrEqual(t, now, last)
				require.LessOrEqual(t, now-last, s.tick(), "at %d Hz", perSecond)
				last = now
			}
		}
	}
}

func TestScaleAtItsEdges(t *testing.T) {
	oneToOne := newScale(0, 0, 1, 1)
	require.EqualValues(t, 1, oneToOne.up)
	require.Equal(t, int64(math.MaxInt64), oneToOne.at(math.MaxInt64))

	slow := newScale(0, 0, 1_000_000, uint64(time.Second)) // 1000 ns a tick
	require.EqualValues(t, 1001, slow.tick())
	require.Equal(t, int64(1000*1_000_000_000), slow.at(1_000_000_000))

	fast := newScale(0, 0, 5_000_000_000, uint64(time.Second))
	require.EqualValues(t, 1, fast.tick())
	require.EqualValues(t, int64(math.MaxUint64/5-1), fast.at(math.MaxUint64), "117 years, and 1 ns less for the rounding of the rate")
}

// The rate of a scale against the reference is bounded by what the brackets allow.
func TestRateBetweenPairsContainsTheTrueRate(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const perSecond = 2_000_000_000
		// The scale is made for a counter that is ppm slower than the one that is read.
		ppm := rapid.Int64Range(-500, 500).Draw(t, "ppm")
		s := newScale(0, 0, perSecond, uint64(time.Second))
		read := func(label string, at int64) pair { // the reference reads at
			ticks := uint64(2*at + 2*at/1_000_000*ppm)
			return pair{
				before: ticks - rapid.Uint64Range(0, 2000).Draw(t, label+" before"),
				after:  ticks + rapid.Uint64Range(0, 2000).Draw(t, label+" after"),
				raw:    at - rapid.Int64Range(0, 2).Draw(t, label+" behind"),
			}
		}
		from := rapid.Int64Range(1, 1e6).Draw(t, "from") * 1_000_000
		span := rapid.Int64Range(1, 1e6).Draw(t, "span") * 1_000_000
		low, high := s.rateBetween(read("p", from), read("q", from+span))
		rate := float64(ppm) * 1e-6
		require.LessOrEqual(t, low, rate)
		require.GreaterOrEqual(t, high, rate)
		require.Less(t, high-low, 4100/float64(span)+1e-8)
	})
}
