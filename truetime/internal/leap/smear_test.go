package leap

import (
	"math/big"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func rat(x int64) *big.Rat { return new(big.Rat).SetInt64(x) }

// exactSmear is smeared time as a definition, not as it is calculated: UTC counted on from before the
// leap, less the part of the leap second that is done with. Only leaps near c are looked at.
func exactSmear(entries []Entry, c int64) *big.Rat {
	shown := c - int64(entries[0].Offset)*second
	inSmear := rat(0)
	for i, e := range entries[1:] {
		before, delta := int64(entries[i].Offset)*second, int64(e.Offset-entries[i].Offset)*second
		begin, length := int64(e.At)+before-halfDay, day+delta
		switch elapsed := c - begin; {
		case elapsed >= length:
			shown -= delta
		case elapsed > 0:
			inSmear = new(big.Rat).Mul(rat(delta), big.NewRat(elapsed, length))
		}
	}
	return new(big.Rat).Sub(rat(shown), inSmear)
}

func floor(x *big.Rat) int64 {
	return new(big.Int).Div(x.Num(), x.Denom()).Int64() // Euclidean: down, as the denominator is positive
}

func ceil(x *big.Rat) int64 { return -floor(new(big.Rat).Neg(x)) }

// worlds is the table with leap seconds of either sign to come.
func worlds() *Table {
	return with(date(2032, 12, 28), decision{date(2028, 1, 1), 1}, decision{date(2029, 7, 1), -1}, decision{date(2029, 8, 1), -1}, decision{date(2031, 3, 1), 1})
}

// anyMoment is most often near the smear of a leap second, or an end of it.
func anyMoment(t *rapid.T, table *Table) int64 {
	e := rapid.SampledFrom(table.Entries()[1:]).Draw(t, "leap")
	begin := int64(e.At) + int64(e.Offset)*second - halfDay
	return rapid.OneOf(
		rapid.Int64Range(begin-day, begin+day+day),
		rapid.Int64Range(begin-3*second, begin+3*second),
		rapid.Int64Range(begin+day-3*second, begin+day+3*second),
		rapid.Int64Range(begin-second-2, begin-second+2),
		rapid.Int64Range(0, int64(date(2040, 1, 1))),
	).Draw(t, "moment")
}

func TestSmearsAreExactToTheNanosecondAndRoundedAsAsked(t *testing.T) {
	table := worlds()
	rapid.Check(t, func(t *rapid.T) {
		c := anyMoment(t, table)
		exact := exactSmear(table.Entries(), c)
		require.Equal(t, floor(exact), int64(table.Smeared(TAI(c), Down)))
		require.Equal(t, ceil(exact), int64(table.Smeared(TAI(c), Up)))
	})
}

func TestTheWayBackFromASmearEnclosesTheMomentWithin2Nanoseconds(t *testing.T) {
	table := worlds()
	rapid.Check(t, func(t *rapid.T) {
		c := TAI(anyMoment(t, table))
		lo := table.FromSmeared(table.Smeared(c, Down), Down)
		hi := table.FromSmeared(table.Smeared(c, Up), Up)
		require.True(t, lo <= c && c <= hi, "%d not in [%d, %d]", c, lo, hi)
		require.LessOrEqual(t, int64(hi-lo), int64(4))

		x := Smeared(anyMoment(t, table))
		first, last := table.FromSmeared(x, Down), table.FromSmeared(x, Up)
		// Exact: nothing before first shows x yet, and nothing after last still does.
		require.LessOrEqual(t, exactSmear(table.Entries(), int64(first)).Cmp(rat(int64(x))), 0)
		require.GreaterOrEqual(t, exactSmear(table.Entries(), int64(last)).Cmp(rat(int64(x))), 0)
		require.LessOrEqual(t, int64(last-first), int64(1))
	})
}

func TestSmearsNeverGoBack(t *testing.T) {
	table := worlds()
	rapid.Check(t, func(t *rapid.T) {
		c := anyMoment(t, table)
		d := c + rapid.OneOf(rapid.Int64Range(0, 3), rapid.Int64Range(0, 40*day)).Draw(t, "later")
		for _, round := range []Round{Down, Up} {
			require.LessOrEqual(t, table.Smeared(TAI(c), round), table.Smeared(TAI(d), round))
			require.LessOrEqual(t, table.FromSmeared(Smeared(c), round), table.FromSmeared(Smeared(d), round))
		}
	})
}

func TestEveryLeapOfTheTableIsSmearedFromNoonToNoon(t *testing.T) {
	table := worlds()
	for i, e := range table.Entries()[1:] {
		before, after := int64(table.Entries()[i].Offset)*second, int64(e.Offset)*second
		noon, next := int64(e.At)-halfDay, int64(e.At)+halfDay
		require.EqualValues(t, noon, table.Smeared(TAI(noon+before), Down))
		require.EqualValues(t, next, table.Smeared(TAI(next+after), Up))
		half := TAI((noon + before + next + after) / 2)
		require.EqualValues(t, e.At, table.Smeared(half, Down), "in the middle of the leap second")
		sixth := table.Smeared(TAI(noon+before+4*3600*second), Down)
		behind := noon + 4*3600*second - int64(sixth)
		require.InDelta(t, float64((after-before)*4*3600)/86401, float64(behind), 10000)
		for _, edge := range []int64{noon + before, int64(e.At) + before, int64(e.At) + after, next + after} {
			for _, c := range []int64{edge - second, edge - 1, edge, edge + 1, edge + second} {
				exact := exactSmear(table.Entries(), c)
				require.Equal(t, floor(exact), int64(table.Smeared(TAI(c), Down)))
				require.Equal(t, ceil(exact), int64(table.Smeared(TAI(c), Up)))
			}
		}
		for c := noon + before - 2*second; c < next+after+2*second; c += 7_777_777_777_777 {
			x := table.Smeared(TAI(c), Down)
			require.InDelta(t, c, int64(table.FromSmeared(x, Down)), 2)
			p, ok := table.FromUTC(UTC(c - before))
			require.True(t, !ok || int64(p) == c || c-before >= int64(e.At))
		}
	}
}

func TestConversionsStopAtTheEndsOfTime(t *testing.T) {
	table := worlds()
	require.EqualValues(t, int64(always), table.Smeared(always, Down))
	require.EqualValues(t, int64(never), table.FromSmeared(never, Up))
	require.EqualValues(t, int64(always+10*second), table.FromSmeared(always, Up))
	require.EqualValues(t, never-37*second, table.Smeared(never, Up))
	at, _ := table.FromUTC(never)
	require.EqualValues(t, int64(never), at)
}
