package leap

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestManyMonthsWithDecidedEndsKeepTheOffset(t *testing.T) {
	// Month after month with an expired table: a leap second is announced at the end of some of them.
	b := NewBelief(BuiltIn(), each(3), 1)
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
		if i%5 == 4 { // what was decided long ago outlives an epoch
			at += TAI(22 * day)
			require.NoError(t, b.Advance(at, at))
			b.Restart()
			require.NoError(t, b.Anchor(at, at, at))
			require.Equal(t, offset, b.Output(at).Offset)
		}
	}
}

func TestATableAnswersTheQuestionsUpToItsExpiryAndIsHeldAgainstWhatWasDecidedLongAgo(t *testing.T) {
	u := date(2027, 8, 1) // where n−f that announce none are believed
	at := func(days float64) TAI { return TAI(int64(u) + 37*second + int64(days*float64(day))) }
	for _, wrong := range []bool{false, true} {
		b := NewBelief(BuiltIn(), each(1), 0)
		for now := at(-1); now < at(15); now += TAI(day / 10) {
			if !b.anchored {
				require.NoError(t, b.Anchor(now, now, now))
			}
			b.Hear(0, NoLeap, now, now)
			require.NoError(t, b.Advance(now, now))
		}
		if wrong {
			require.ErrorIs(t, b.Learn(with(date(2027, 12, 28), decision{u, 1})), ErrBroken)
			continue
		}
		require.NoError(t, b.Learn(with(date(2027, 12, 28))))
		for now := at(15); now < at(149); now += TAI(day / 10) { // no month's end is a question
			require.NoError(t, b.Advance(now, now))
			require.Equal(t, None, b.Report(now, now).Status)
		}
		o := b.Output(at(149))
		_, _, ok := o.Interval(at(149), at(152.4))
		require.True(t, ok)
		require.False(t, b.Report(at(148), at(148)).Expired)
		require.True(t, b.Report(at(150), at(150)).Expired)
		require.Equal(t, Unknown, b.Report(at(152.6), at(152.6)).Status)
	}
}
