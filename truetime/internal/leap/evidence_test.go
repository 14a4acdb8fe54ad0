package leap

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestServersThatStepLateDoNotMakeItSeemThatThereWasNoLeap(t *testing.T) {
	u := date(2027, 7, 1)
	at := TAI(int64(u) + 38*second + 60*second)
	b := NewBelief(BuiltIn(), each(4, 1))
	begin := at - TAI(day)
	require.NoError(t, b.Anchor(begin, begin, begin))
	show := func(voter int, offset int64) Status {
		stamp := int64(at) - offset*second
		b.Saw(voter, ScaleUTC, stamp, stamp, at, at)
		require.NoError(t, b.Advance(at, at))
		return b.Report(at, at).Status
	}
	require.Equal(t, Unknown, show(0, 37))
	require.Equal(t, Unknown, show(1, 37)) // two are late, one more than may be wrong
	require.Equal(t, Unknown, show(2, 38))
	require.Equal(t, SmearingNow, show(3, 38))
	require.EqualValues(t, int64(u), b.question.at)
	require.Equal(t, canInsert, b.question.possible)
}

func TestAnAnnouncementTakenBackBeforeNoonWasNeverBelieved(t *testing.T) {
	u := date(2027, 7, 1)
	b := NewBelief(BuiltIn(), each(1, 0))
	noon := TAI(int64(u) + 37*second - halfDay)
	at := noon - TAI(halfDay/2)
	require.NoError(t, b.Anchor(at, at, at))
	b.Hear(0, Insert, at, at)
	require.NoError(t, b.Advance(at, at))
	require.Equal(t, PendingInsert, b.Report(at, at).Status)
	b.Hear(0, NoLeap, at+1, at+1)
	require.NoError(t, b.Advance(at+1, at+1))
	require.Equal(t, None, b.Report(at+1, at+1).Status)
	at = noon + TAI(2*3600*second)
	b.Hear(0, Remove, at, at)
	require.NoError(t, b.Advance(at, at))
	require.Equal(t, canRemove, b.question.possible)
}

func TestAnnouncementsCountInTheirTimeAndMonthOnly(t *testing.T) {
	for u, usual := range map[UTC]bool{date(2027, 7, 1): true, date(2028, 1, 1): true, date(2027, 8, 1): false, date(2027, 10, 1): false, date(2028, 3, 1): false} {
		leap := TAI(int64(u) + 37*second)
		noon, minute := leap-TAI(halfDay), TAI(60*second)
		for _, c := range []struct {
			say   Say
			at    TAI
			left  possible // at the end of June or December
			other possible // at the end of other months
		}{
			{NoLeap, noon + 59*minute, anything, anything}, {NoLeap, noon + 60*minute, anything, canBeNothing}, {NoLeap, noon - minute, anything, anything},
			{Insert, noon - 13*60*minute, anything, anything}, {Insert, noon - 11*60*minute, canInsert, anything}, {Remove, noon + minute, canRemove, anything},
			{Insert, leap - 4e9, anything, anything}, {NoLeap, leap - 4e9, anything, anything}, {Insert, leap - 5e9, anything, anything}, {Insert, leap - 7e9, canInsert, anything}, {Nothing, noon + 90*minute, anything, anything},
		} {
			b := NewBelief(BuiltIn(), each(1, 0))
			begin := noon - 14*60*minute
			require.NoError(t, b.Anchor(begin, begin, begin))
			b.Hear(0, c.say, c.at, c.at)
			later := max(c.at, noon)
			require.NoError(t, b.Advance(later, later))
			if !usual {
				c.left = c.other
				require.NotContains(t, []Status{PendingInsert, PendingRemove}, b.Report(later, later).Status)
			}
			require.Equal(t, c.left, b.question.possible, c)
		}
	}
}

// More than f may show a leap second at the end of a month that has never had one, as clocks do whose kernel was left a
// flag: it takes all who must be right.
func TestALeapSecondInAnotherMonthIsShownByAllWhoMustBeRight(t *testing.T) {
	for u, want := range map[UTC][]possible{
		date(2027, 7, 1): {anything, canInsert, canInsert}, // by one, two and three of four
		date(2027, 8, 1): {anything, anything, canInsert},
	} {
		b := NewBelief(BuiltIn(), each(4, 1))
		at := TAI(int64(u) + 38*second + 60*second)
		begin := at - TAI(day)
		require.NoError(t, b.Anchor(begin, begin, begin))
		for voter, left := range want {
			stamp := int64(at) - 38*second
			b.Saw(voter, ScaleUTC, stamp, stamp, at, at)
			require.NoError(t, b.Advance(at, at))
			require.Equal(t, left, b.question.possible, "%s, %d voters", u.Std(), voter+1)
		}
	}
}

func TestSamplesOfAMomentWhenTheyMeanNothingAreNotSeen(t *testing.T) {
	u := date(2027, 7, 1)
	for _, c := range []struct {
		after, shown int64 // seconds after the leap if there is none, and what the source shows, likewise
		left         possible
	}{{2, 2, anything}, {2, 1, anything}, {4, 5, anything}, {5, 5, anything}, {6, 6, anything}, {7, 7, canBeNothing}, {60, 59, canInsert}, {60, 61, canRemove}, {60, 160, anything}, {-3600, -3600, anything}} {
		b := NewBelief(BuiltIn(), each(1, 0))
		begin, at := TAI(int64(u)+36*second-halfDay), TAI(int64(u)+(37+c.after)*second)
		require.NoError(t, b.Anchor(begin, begin, begin))
		stamp := int64(u) + c.shown*second
		b.Saw(0, ScaleUTC, stamp, stamp, at, at)
		require.NoError(t, b.Advance(at, at))
		require.Equal(t, c.left, b.question.possible, c)
	}
}

func TestContradictingAnnouncementsDecideNothing(t *testing.T) {
	u := date(2027, 7, 1)
	b := NewBelief(BuiltIn(), each(4, 1))
	at := TAI(int64(u) + 37*second - halfDay/2)
	require.NoError(t, b.Anchor(at, at, at))
	for voter, say := range []Say{Insert, Insert, Remove, Remove} {
		b.Hear(voter, say, at, at)
	}
	require.NoError(t, b.Advance(at, at))
	require.Equal(t, Unknown, b.Report(at, at).Status)
	require.Equal(t, anything, b.question.possible)
}

// Two voters announce none and show nothing, two show none and announce nothing: together they are n−f, and one of
// them may be the liar.
func TestWhatIsShownAndWhatIsAnnouncedCountTogether(t *testing.T) {
	u := date(2028, 8, 1)
	w := newWorld(t, BuiltIn(), u, 0, 1,
		voter{scale: ScaleUTC, says: constantly(NoLeap)}, voter{scale: ScaleUTC, says: constantly(NoLeap)},
		voter{scale: ScaleUTCSmeared}, voter{scale: ScaleUTCSmeared})
	require.NoError(t, w.run(-13, 13))
	require.Less(t, w.widest["at the leap"], Smeared(60e6), "decided an hour after noon")
}

func TestAMisdeclaredSourceIsRecognized(t *testing.T) {
	u := date(2028, 1, 1)
	for _, delta := range []int{1, -1} {
		table := with(date(2028, 6, 28), decision{u, delta})
		w := newWorld(t, table, u, delta, 0)
		w.at = w.leap() - TAI(6*3600*second)
		require.NoError(t, w.belief.Anchor(w.at, w.at, w.at))
		for _, declared := range []Scale{ScaleUTC, ScaleUTCSmeared, ScaleTAI} {
			for _, serves := range []Scale{ScaleUTC, ScaleUTCSmeared, ScaleTAI} {
				lo, hi := w.shown(serves)
				other, found := w.belief.Misdeclared(declared, lo, hi, w.at-1000, w.at+1000)
				require.Equal(t, declared != serves, found)
				if found {
					require.Equal(t, serves, other)
				}
			}
		}
		_, found := w.belief.Misdeclared(ScaleUTC, 7, 7, w.at-1000, w.at+1000)
		require.False(t, found)
	}
}
