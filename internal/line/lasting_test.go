package line

import (
	"math/big"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// drawMeter makes the meter of a counter of 1 MHz to 5 GHz, or of one whose readings are nanoseconds.
func drawMeter(t *rapid.T) Meter {
	if rapid.Bool().Draw(t, "nanoseconds") {
		return Nanoseconds
	}
	up := rapid.UintRange(0, 10).Draw(t, "up")
	return Meter{rapid.Uint64Range(1<<63, 7<<61).Draw(t, "multiplier"), up}
}

// drawPair makes lines that hold for ever, from a reading on.
func drawPair(t *rapid.T, m Meter, from uint64, around int64) Pair {
	rate := func(name string, sign int) uint64 {
		off := rapid.Uint64Range(0, m.Multiplier>>12).Draw(t, name)
		if sign < 0 {
			return m.Multiplier - off
		}
		return m.Multiplier + off
	}
	back := rapid.Uint64Range(0, m.Units(1e9))
	p := Pair{Meter: m, From: from}
	p.Lower = Edge{At: from - back.Draw(t, "lower at"), Time: around - rapid.Int64Range(0, 1000).Draw(t, "lower"), Rate: rate("lower rate", -1)}
	p.Upper = Edge{At: from - back.Draw(t, "upper at"), Time: around + rapid.Int64Range(0, 1000).Draw(t, "upper"), Rate: rate("upper rate", 1)}
	p.Lower.After, p.Upper.After = p.Lower.Rate, p.Upper.Rate
	p.Span = rapid.Uint64Range(0, 2*m.Units(3600e9)).Draw(t, "span")
	if rapid.Bool().Draw(t, "ends") {
		for _, e := range []*Edge{&p.Lower, &p.Upper} {
			e.Until, e.Ends = from+p.Span, true
		}
		p.Lower.After -= p.Lower.After >> 13
		p.Upper.After += p.Upper.After >> 13
	}
	return p
}

// exactly is what an edge says without any rounding.
func exactly(e *Edge, m Meter, raw uint64) *big.Rat {
	product := func(units, rate uint64) *big.Rat {
		r := new(big.Int).Mul(new(big.Int).SetUint64(units), new(big.Int).SetUint64(rate))
		return new(big.Rat).SetFrac(r, new(big.Int).Lsh(big.NewInt(1), 64-m.Up))
	}
	time := new(big.Rat).SetInt64(e.Time)
	if !e.Ends || raw-e.At <= e.Until-e.At {
		return time.Add(time, product(raw-e.At, e.Rate))
	}
	time.Add(time, product(e.Until-e.At, e.Rate))
	return time.Add(time, product(raw-e.Until, e.After))
}

// Lasting lines are those that they were made from up to where these end, and from there on further out.
func TestLastingLinesBendOutward(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := drawMeter(t)
		from := rapid.Uint64().Draw(t, "from")
		p := drawPair(t, m, from, 2e18)
		fraction := rapid.Uint64Range(0, 1<<50).Draw(t, "fraction")
		l := p.Lasting(fraction)
		require.True(t, l.Lower.Ends && l.Upper.Ends)
		for range 5 {
			raw := from + rapid.Uint64Range(0, m.Units(3600e9*4)).Draw(t, "later")
			lower, upper, ok := l.Late(raw)
			require.True(t, ok)
			if p.Covers(raw) {
				was, is := [2]int64{}, [2]int64{lower, upper}
				was[0], was[1] = p.At(raw)
				require.Equal(t, was, is)
			}
			least, most := exactly(&p.Lower, m, raw), exactly(&p.Upper, m, raw)
			require.LessOrEqual(t, new(big.Rat).SetInt64(lower).Cmp(least), 0)
			require.GreaterOrEqual(t, new(big.Rat).SetInt64(upper+1).Cmp(most), 0, "a maker of lines adds 1 for the floor")
			raw -= from
			straight := l.Straightened(from + raw)
			for _, more := range []uint64{0, min(1, straight.Span), straight.Span} {
				a, b, _ := l.Late(from + raw + more)
				require.True(t, straight.Covers(from+raw+more))
				c, d := straight.At(from + raw + more)
				require.Equal(t, [2]int64{a, b}, [2]int64{c, d})
			}
		}
	})
}

// Whoever reads one publication and then the next, at the same reading or a later one, never sees the lower line go back,
// wherever the lines bend; and what is kept is one of the two.
func TestTheLowerLineThatIsKeptNeverGoesBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := drawMeter(t)
		from := rapid.Uint64().Draw(t, "from")
		fraction := rapid.SampledFrom([]uint64{0, 1 << 47}).Draw(t, "fraction")
		before := drawPair(t, m, from, 2e18).Lasting(fraction)
		later := rapid.OneOf(rapid.Uint64Range(0, 100), rapid.Uint64Range(0, m.Units(3600e9*2))).Draw(t, "later")
		now, _, _ := before.Late(from + later)
		fresh := drawPair(t, m, from+later, now+rapid.Int64Range(-2000, 100_000).Draw(t, "better")).Lasting(fraction)
		kept := fresh
		kept.KeepLower(&before)
		require.True(t, kept.Lower.Ends)
		require.LessOrEqual(t, kept.Lower.Until-kept.From, m.Span())
		require.Equal(t, fresh.Upper, kept.Upper)
		for _, x := range []uint64{0, 1, before.Lower.Until - kept.From, fresh.Lower.Until - kept.From,
			rapid.Uint64Range(0, m.Units(10e9)).Draw(t, "soon"), rapid.Uint64Range(0, m.Units(3600e9*20)).Draw(t, "late")} {
			if x > m.Span() {
				continue // it was before
			}
			was, _, _ := before.Late(kept.From + x)
			is, _, ok := kept.Late(kept.From + x)
			require.True(t, ok)
			require.GreaterOrEqual(t, is, was, "%d units later", x)
		}
	})
}

// A line that does not bend is kept past its end, with an end.
func TestALineThatIsKeptPastItsEndStillEnds(t *testing.T) {
	const rate = 1<<63 - 1<<50
	e := Edge{Time: 1000, Rate: rate, After: rate, Until: 5e9, Ends: true}
	before := Pair{Meter: Nanoseconds, Lower: e, Upper: e, Span: 5e9}
	fresh := before
	fresh.From, fresh.Lower.Until, fresh.Upper.Until = 6e9, 11e9, 11e9
	fresh.KeepLower(&before)
	require.True(t, fresh.Lower.Ends)
	require.LessOrEqual(t, fresh.Lower.Until-fresh.From, fresh.Meter.Span())
	require.Equal(t, before.Lower.Read(6e9, 1), fresh.Lower.Read(6e9, 1))
}

func TestRatesAreBentOutwardAndNeverWrap(t *testing.T) {
	const half = 1 << 63
	require.Equal(t, uint64(half), slower(half, 0))
	require.Equal(t, uint64(half-half/2-1), slower(half, half))
	require.Equal(t, uint64(half+half/2+1), faster(half, half))
	require.Equal(t, uint64(1<<64-1), faster(1<<64-2, half))
	require.Equal(t, uint64(0), slower(0, half))
}
