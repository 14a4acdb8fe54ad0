package vmclock

import (
	"math"
	"math/big"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// half is the reference of good: 500 000 000 ns after noon.
const half int64 = noon*1_000_000_000 + 500_000_000

// The page of good, worked out by hand. A tick is 2⁻¹⁰ s = 976 562.5 ns, its error is
// 2⁻³⁰ s = 0.931… ns, and the reference is 500 000 000 ns after noon, ±100 ns.
func TestTimeIsTheLineAndItsErrorGrows(t *testing.T) {
	for _, c := range []struct {
		name     string
		ticks    int64
		unixNano int64
		maxError time.Duration
	}{
		{"at the reference all is exact", 0, half, 100},
		{"4 ticks, exact; the error of 3.7 ns is rounded up", 4, half + 3_906_250, 100 + 4},
		{"3 ticks are 2 929 687.5 ns: down, and 1 ns of error for it", 3, half + 2_929_687, 100 + 3 + 1},
		{"2 ticks back, exact", -2, half - 1_953_125, 100 + 2},
		{"3 ticks back: away from the reference, and 1 ns for it", -3, half - 2_929_688, 100 + 3 + 1},
		{"2²⁰ ticks are 1024 s, and their error of 976 562.5 ns is rounded up", 1 << 20, half + 1024_000_000_000, 100 + 976_563},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := good().page()
			at, maxError, err := p.timeAt(uint64(1000 + c.ticks))
			require.NoError(t, err)
			require.Equal(t, c.unixNano, at)
			require.Equal(t, c.maxError, maxError)
		})
	}
}

// The example of UAPI.13, "The vmclock_abi structure": 1 GHz is 0x89705F4136B4A597 with a shift of
// 29, rounded down. A day of it is therefore just short of a day.
func TestPeriodOfTheSpecification(t *testing.T) {
	a := good()
	a.counterPeriodFracSec, a.counterPeriodShift, a.counterPeriodMaxErrorRate = 0x89705F4136B4A597, 29, 1
	p := a.page()
	const day = 86400 * 1_000_000_000
	at, maxError, err := p.timeAt(1000 + day)
	require.NoError(t, err)
	require.Equal(t, half+day-1, at)
	require.EqualValues(t, 100+1+1, maxError)
}

func TestFractionOfASecond(t *testing.T) {
	for fraction, want := range map[uint64]struct {
		nanos    int64
		maxError time.Duration
	}{
		0:              {0, 100},
		1:              {0, 101},
		1 << 55:        {1_953_125, 100}, // 2⁻⁹ s
		1<<55 - 1:      {1_953_124, 101},
		math.MaxUint64: {999_999_999, 101},
	} {
		a := good()
		a.timeFracSec = fraction
		p := a.page()
		at, maxError, err := p.timeAt(1000)
		require.NoError(t, err)
		require.Equal(t, half-500_000_000+want.nanos, at, "fraction %#x", fraction)
		require.Equal(t, want.maxError, maxError, "fraction %#x", fraction)
	}
}

// UTC = TAI + tai_offset_sec: the offset is negative, and the time goes back by it.
func TestTAIIsConvertedByANegativeOffset(t *testing.T) {
	a := good()
	a.timeType, a.flags, a.taiOffsetSec = 1, a.flags|bitTAIOffset, -37
	a.timeSec += 37
	p := a.page()
	require.NoError(t, p.usable(1))
	at, maxError, err := p.timeAt(1000)
	require.NoError(t, err)
	require.Equal(t, half, at)
	require.EqualValues(t, 100, maxError)

	a.timeType = 0 // UTC: the offset is there for information only
	p = a.page()
	at, _, err = p.timeAt(1000)
	require.NoError(t, err)
	require.Equal(t, half+37_000_000_000, at)
}

func TestCounterMayWrapAround(t *testing.T) {
	a := good()
	a.counterValue = math.MaxUint64 - 1
	p := a.page()
	at, _, err := p.timeAt(2)
	require.NoError(t, err)
	require.Equal(t, half+3_906_250, at, "4 ticks")
}

// The three words of the product, at the places where one runs over into the next.
func TestNanosecondsUsesEveryWordOfTheProduct(t *testing.T) {
	// The lower word of hi·10⁹ is as close to 2⁶⁴ as it can be, and a carry from below reaches the
	// top. 10⁹ is 5⁹·2⁹, so it is 2⁶⁴ − 2⁹ for hi = −1/5⁹ modulo 2⁵⁵.
	inverse := new(big.Int).ModInverse(big.NewInt(1_953_125), new(big.Int).Lsh(big.NewInt(1), 55))
	carrying := inverse.Mul(inverse, big.NewInt(1<<55-1)).And(inverse, big.NewInt(1<<55-1)).Uint64()
	for _, c := range []struct {
		count, fraction uint64
		shift           uint8
	}{
		{0, math.MaxUint64, 0},
		{1, math.MaxUint64, 0},
		{math.MaxUint64, 1, 0},
		{1 << 62, 4*carrying + 3, 30},
		{1 << 62, 4*carrying + 3, 63},
		{math.MaxUint64, math.MaxUint64, 63}, // 2·10⁹ ns
		{1 << 63, 1 << 63, 33},               // 5.4·10¹⁷ ns: too much
		{1 << 63, 1 << 63, 34},               // 2.7·10¹⁷ ns: in range
		{1 << 63, 1 << 63, 0},                // the lower words are 0, and it is far too much
	} {
		got, ok := nanoseconds(c.count, c.fraction, c.shift)
		product := new(big.Int).SetUint64(c.count)
		product.Mul(product, new(big.Int).SetUint64(c.fraction)).Mul(product, big.NewInt(1e9))
		down, rest := product.QuoRem(product, new(big.Int).Lsh(big.NewInt(1), 64+uint(c.shift)), new(big.Int))
		require.Equal(t, down.Cmp(big.NewInt(int64(maxSpan))) <= 0, ok, "%#x·%#x >> %d is %s", c.count, c.fraction, c.shift, down)
		if ok {
			require.Equal(t, rounded{down.Int64(), down.Int64() + int64(rest.Sign())}, got, "%#x·%#x >> %d", c.count, c.fraction, c.shift)
		}
	}
}

// exact is the formula in rational numbers: nanoseconds since 1970 UTC, and the error.
func exact(a abi, now uint64) (at, maxError *big.Rat) {
	rat := func(n uint64) *big.Rat { return new(big.Rat).SetInt(new(big.Int).SetUint64(n)) }
	unit := func(shift int) *big.Rat {
		return new(big.Rat).SetFrac(big.NewInt(1), new(big.Int).Lsh(big.NewInt(1), uint(shift)))
	}
	billion := big.NewRat(1e9, 1)
	ticks := new(big.Rat).SetInt64(int64(now - a.counterValue))
	scale := unit(64 + int(a.counterPeriodShift))

	at = rat(a.timeSec)
	if a.timeType == 1 {
		at.Add(at, big.NewRat(int64(a.taiOffsetSec), 1))
	}
	at.Add(at, new(big.Rat).Mul(rat(a.timeFracSec), unit(64)))
	at.Add(at, new(big.Rat).Mul(ticks, new(big.Rat).Mul(rat(a.counterPeriodFracSec), scale)))
	at.Mul(at, billion)

	growth := new(big.Rat).Mul(rat(a.counterPeriodMaxErrorRate), scale)
	growth.Mul(growth, new(big.Rat).Abs(ticks)).Mul(growth, billion)
	return at, growth.Add(growth, rat(a.timeMaxErrorNanosec))
}

type failer interface {
	require.TestingT
	Helper()
}

// requireOutward requires that unixNano ± maxError contains what the formula allows and is hardly
// wider.
func requireOutward(t failer, a abi, now uint64, unixNano int64, maxError time.Duration) {
	t.Helper()
	at, e := exact(a, now)
	got, gotError := new(big.Rat).SetInt64(unixNano), new(big.Rat).SetInt64(int64(maxError))
	below := new(big.Rat).Sub(at, e)
	above := new(big.Rat).Add(at, e)
	require.LessOrEqual(t, new(big.Rat).Sub(got, gotError).Cmp(below), 0, "the lower end %d − %d is above %s", unixNano, maxError, below.FloatString(3))
	require.GreaterOrEqual(t, new(big.Rat).Add(got, gotError).Cmp(above), 0, "the upper end %d + %d is below %s", unixNano, maxError, above.FloatString(3))
	require.Negative(t, new(big.Rat).Sub(gotError, e).Cmp(big.NewRat(3, 1)), "the error %d is not tight: %s", maxError, e.FloatString(3))

	low, high := unixNano-int64(maxError), unixNano+int64(maxError)
	require.True(t, maxError > 0 && low < unixNano && unixNano < high, "overflow: %d ± %d", unixNano, maxError)
}

// Any page whose numbers a hypervisor might really publish is accepted, and rounded outward.
func TestTimeIsRoundedOutwardForEveryPlausiblePage(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := good()
		// A counter of 1 MHz to 10 GHz, its period as precise as the field allows, or less.
		hertz := rapid.Uint64Range(1e6, 1e10).Draw(t, "hertz")
		best := 63 - int(math.Ceil(math.Log2(1e10/float64(hertz)))) // at 10 GHz a shift of 33 fits
		shift := rapid.IntRange(0, min(best, 33)-14).Draw(t, "shift")
		a.counterPeriodShift = uint8(shift)
		period := new(big.Int).Lsh(big.NewInt(1), uint(64+shift))
		a.counterPeriodFracSec = period.Div(period, new(big.Int).SetUint64(hertz)).Uint64()
		a.counterPeriodMaxErrorRate = rapid.Uint64Range(1, a.counterPeriodFracSec/1000+1).Draw(t, "rate")
		a.timeMaxErrorNanosec = rapid.Uint64Range(1, 1e9).Draw(t, "maxerror")
		a.timeFracSec = rapid.Uint64().Draw(t, "fraction")
		a.counterValue = rapid.Uint64().Draw(t, "counter")
		if rapid.Bool().Draw(t, "TAI") {
			a.timeType, a.flags = 1, a.flags|bitTAIOffset
			a.taiOffsetSec = rapid.Int16Range(-100, -10).Draw(t, "offset")
		}
		// From half a second back to a day ahead.
		now := a.counterValue + uint64(rapid.Int64Range(-int64(hertz/2), int64(hertz)*86400).Draw(t, "ticks"))

		p := a.page()
		require.NoError(t, p.usable(1))
		at, maxError, err := p.timeAt(now)
		require.NoError(t, err)
		requireOutward(t, a, now, at, maxError)
	})
}

// Whatever the fields hold, a time that is not refused is right and does not overflow.
func TestTimeIsRightOrRefusedForEveryPage(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := good()
		a.counterPeriodShift = uint8(rapid.IntRange(0, 255).Draw(t, "shift"))
		a.counterPeriodFracSec = rapid.Uint64().Draw(t, "period")
		a.counterPeriodMaxErrorRate = rapid.Uint64().Draw(t, "rate")
		a.timeMaxErrorNanosec = rapid.Uint64().Draw(t, "maxerror")
		a.timeSec = rapid.Uint64().Draw(t, "seconds")
		a.timeFracSec = rapid.Uint64().Draw(t, "fraction")
		a.counterValue = rapid.Uint64().Draw(t, "counter")
		now := rapid.Uint64().Draw(t, "now")
		p := a.page()
		at, maxError, err := p.timeAt(now)
		if err != nil {
			require.ErrorIs(t, err, ErrNoTime)
			require.Zero(t, at)
			require.Zero(t, maxError)
			return
		}
		requireOutward(t, a, now, at, maxError)
	})
}

// UAPI.13, "Time error calculation": for the same counter value, the interval of a later update
// lies inside that of the earlier one. A hypervisor that keeps this promise in exact numbers keeps
// it as seen through the roundings, to within them.
func TestALaterUpdateLiesInsideTheEarlierInterval(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		first := good()
		first.counterPeriodFracSec, first.counterPeriodShift = 0x89705F4136B4A597, 29
		first.counterPeriodMaxErrorRate = first.counterPeriodFracSec / 10_000 // 100 ppm
		first.timeMaxErrorNanosec = rapid.Uint64Range(1000, 1e6).Draw(t, "error")

		// Later the hypervisor knows more: it moves the reference along its own line, shifts it by
		// some of the slack it had, and shrinks both errors by as much.
		passed := rapid.Uint64Range(1, 1e12).Draw(t, "passed")
		second := first
		second.counterValue += passed
		at, e := exact(first, second.counterValue)
		slack := rapid.Int64Range(-500, 500).Draw(t, "slack")
		moved := new(big.Rat).Add(at, big.NewRat(slack, 1))
		second.timeSec, second.timeFracSec = seconds(moved)
		left, _ := new(big.Rat).Sub(e, big.NewRat(max(slack, -slack)+1, 1)).Float64()
		second.timeMaxErrorNanosec = uint64(left)
		second.counterPeriodMaxErrorRate /= rapid.Uint64Range(1, 100).Draw(t, "better")

		now := second.counterValue + rapid.Uint64Range(0, 1e12).Draw(t, "ticks")
		earlier, later := first.page(), second.page()
		t1, e1, err := earlier.timeAt(now)
		require.NoError(t, err)
		t2, e2, err := later.timeAt(now)
		require.NoError(t, err)
		const roundings = 3
		require.GreaterOrEqual(t, t2-int64(e2), t1-int64(e1)-roundings, "the lower end went back")
		require.LessOrEqual(t, t2+int64(e2), t1+int64(e1)+roundings, "the upper end went ahead")
	})
}

// seconds returns a number of nanoseconds as whole seconds and units of 2⁻⁶⁴ s.
func seconds(nanos *big.Rat) (whole, fraction uint64) {
	s := new(big.Rat).Quo(nanos, big.NewRat(1e9, 1))
	units := new(big.Int).Lsh(s.Num(), 64)
	units.Div(units, s.Denom())
	rest := new(big.Int).And(units, new(big.Int).SetUint64(math.MaxUint64))
	return units.Rsh(units, 64).Uint64(), rest.Uint64()
}
