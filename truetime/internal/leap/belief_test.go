package leap

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestManyMonthsWithDecidedEndsKeepTheOffset(t *testing.T) {
	// Month after month with an expired table: a leap second is announced at the end of some of them.
	b := NewBelief(BuiltIn(), each(3, 1))
	offset := 37 * second
	month := date(2027, 6, 1)
	at := TAI(int64(month) + offset)
	require.NoError(t, b.Anchor(at, at, at))
	for i := range 36 {
		end := nextMonth(month)
		delta := 0
		if isUsual(end) {
			delta = []int{1, -1, -1}[i/6%3]
		}
		for at = TAI(int64(month) + offset); int64(at) < int64(end)+offset-halfDay/2; at += TAI(halfDay / 4) {
			for v := range 3 {
				b.Hear(v, announces(delta), at, at)
			}
			require.NoError(t, b.Advance(at, at))
		}
		offset += int64(delta) * second
		month = end
		at = TAI(int64(month) + offset + halfDay)
		require.NoError(t, b.Advance(at, at))
		o := b.Output(at)
		require.Equal(t, offset, o.Offset)
		require.LessOrEqual(t, o.From, at)
		require.Equal(t, None, b.Report(at, at).Status)
		require.Equal(t, TAI(never), b.Certain(), "the epoch began with TAI")
	}
}

// Whatever the epoch believed about a month that a newer table covers, it ends: right or wrong makes no difference.
func TestATableEndsAnEpochThatHadToDoWithoutIt(t *testing.T) {
	u := date(2027, 8, 1) // the second month's end that the built-in table does not cover
	at := func(days float64) TAI { return TAI(int64(u) + 37*second + int64(days*float64(day))) }
	none, inserted := with(date(2027, 12, 28)), with(date(2027, 12, 28), decision{u, 1})
	for _, table := range []*Table{none, inserted} {
		for _, c := range []struct {
			begins, learns float64 // days after u
			ends           bool
		}{{-40, -39, false}, {-40, -31.6, false}, {-40, -31.4, true}, {-40, 5, true}, {-20, -19, true}, {0.2, 0.3, true}, {20, 21, true}} {
			b := NewBelief(BuiltIn(), each(1, 0))
			begins, learns := at(c.begins), at(c.learns)
			require.NoError(t, b.Anchor(begins, begins, begins))
			for now := begins; now < learns; now += TAI(day / 10) {
				b.Saw(0, ScaleUTC, int64(now)-37*second, int64(now)-37*second, now, now)
				require.NoError(t, b.Advance(now, now))
			}
			if !c.ends {
				before := b.Output(learns)
				require.NoError(t, b.Learn(table))
				require.Equal(t, before.Offset, b.Output(learns).Offset)
				require.Equal(t, TAI(never), b.Certain())
				require.False(t, b.Report(at(149), at(149)).Expired)
				require.True(t, b.Report(at(150), at(150)).Expired)
				continue
			}
			require.ErrorIs(t, b.Learn(table), ErrBroken, c)
			b.Restart()
			require.NoError(t, b.Anchor(learns, learns, learns))
			require.Equal(t, TAI(never), b.Certain(), "the new epoch begins with TAI")
			require.NotEqual(t, Unknown, b.Report(learns, learns).Status)
		}
	}
}
