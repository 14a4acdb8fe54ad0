package leap

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestALeapThatTooManyAnnounceWronglyEndsTheEpoch(t *testing.T) {
	for _, say := range []Say{Insert, Remove} {
		wrong := voter{scale: ScaleUTC, says: constantly(say)}
		w := newWorld(t, BuiltIn(), date(2027, 7, 1), 0, 1, wrong, wrong, voter{scale: ScaleUTC})
		w.epsilon = 1000
		w.blind = true // wrong answers from noon on: the assumption is broken
		require.ErrorIs(t, w.run(-11, 2), ErrBroken)
		w.blind = false
		require.InDelta(t, float64(w.leap()), float64(w.at), 1300e9, "seen as soon as nobody has stepped")
		w.belief.Restart()
		w.earliest = 0
		w.voters = []voter{{scale: ScaleUTC}, {scale: ScaleUTC}, {scale: ScaleUTC}}
		require.NoError(t, w.run(1, 40))
		require.Greater(t, w.widest["after the leap"], Smeared(800e6), "nothing of it is believed any more")
		require.LessOrEqual(t, w.end(), Smeared(1))
	}
}

func TestAnEpochThatBeginsAfterAPossibleLeapAllowsForItUntilNoon(t *testing.T) {
	for _, delta := range []int{1, 0, -1} {
		for _, hour := range []int64{-11, -1, 1, 6, 11, 13} {
			t.Run(fmt.Sprint(delta, hour), func(t *testing.T) {
				w := newWorld(t, BuiltIn(), date(2027, 7, 1), delta, 1, voter{scale: ScaleUTC}, voter{scale: ScaleUTCSmeared}, voter{scale: ScaleUTC})
				if hour > 0 { // UTC is what is known, and TAI is what it was called
					w.label = -int64(delta) * second
				}
				require.NoError(t, w.run(hour, 40))
				require.LessOrEqual(t, w.end(), Smeared(1))
				if hour > 0 {
					require.LessOrEqual(t, w.widest["after the leap"], Smeared(max(1, 1e9*(12-float64(hour))/12+1e6)))
				}
			})
		}
	}
}

func TestAnEpochMustNotStraddleAPossibleLeap(t *testing.T) {
	u := date(2027, 7, 1)
	at := TAI(int64(u) + 37*second)
	for _, c := range []struct {
		from, lo, hi int64
		fails        bool
	}{{-60, -20, -19, false}, {-60, -20, -6, true}, {-60, 1, 2, true}, {5, 6, 7, true}, {8, 9, 10, false}, {-7 - 40*86400, 9, 10, true}} {
		b := NewBelief(BuiltIn(), each(1, 0))
		err := b.Anchor(at+TAI(c.from*second), at+TAI(c.lo*second), at+TAI(c.hi*second))
		if c.fails {
			require.ErrorIs(t, err, ErrStraddles, c)
		} else {
			require.NoError(t, err, c)
		}
		known := NewBelief(with(date(2027, 12, 28)), each(1, 0))
		require.NoError(t, known.Anchor(at+TAI(c.from*second), at+TAI(c.lo*second), at+TAI(c.hi*second)))
	}
}

func TestAnAnswerTooWideToTellEndsTheEpochWhenItDoesNotMatterAnyMore(t *testing.T) {
	for _, delta := range []int{1, 0, -1} {
		w := newWorld(t, BuiltIn(), date(2027, 7, 1), delta, 1, voter{scale: ScaleUTCSmeared}, voter{scale: ScaleUTCSmeared}, voter{scale: ScaleUTC})
		w.least = 2e9
		require.NoError(t, w.run(-40, 11))
		require.Zero(t, w.undecided)
		require.NoError(t, w.resume(40))
		require.Equal(t, 1, w.undecided)
		require.LessOrEqual(t, w.end(), Smeared(1))
	}
}

func TestAnUndecidedMonthEndsTheEpochWhenTheNextOneEndsAndTheOutputRefusesBeyondIt(t *testing.T) {
	b := NewBelief(BuiltIn(), each(1, 0))
	at := TAI(int64(date(2027, 6, 1)) + 37*second)
	require.NoError(t, b.Anchor(at, at, at))
	o := b.Output(at)
	for days, ok := range map[TAI]bool{29: true, 59: true, 61: false, 70: false} {
		_, _, reaches := o.Interval(at, at+days*TAI(day))
		require.Equal(t, ok, reaches, "%d days", days)
	}
	at += TAI(50 * day)
	require.NoError(t, b.Advance(at, at))
	require.Equal(t, Unknown, b.Report(at, at).Status)
	at += TAI(11*day - halfDay/2)
	require.ErrorIs(t, b.Advance(at, at), ErrBroken)
	b.Restart()
	require.NoError(t, b.Anchor(at, at, at))
}

func TestATableThatDeniesWhatWasBelievedEndsTheEpoch(t *testing.T) {
	u := date(2027, 7, 1)
	b := NewBelief(BuiltIn(), each(1, 0))
	at := TAI(int64(u) + 37*second - halfDay + 1)
	require.NoError(t, b.Anchor(at, at, at))
	b.Hear(0, Insert, at, at)
	require.NoError(t, b.Advance(at, at))
	require.Equal(t, SmearingNow, b.Report(at, at).Status)
	require.ErrorIs(t, b.Learn(with(date(2027, 12, 28))), ErrBroken)
	b.Restart()
	require.NoError(t, b.Anchor(at, at, at))
	require.Equal(t, Report{Status: None, Expiry: date(2027, 12, 28), Source: "a test's table"}, b.Report(at, at))
	require.ErrorIs(t, b.Learn(with(date(2028, 12, 28), decision{date(2027, 10, 1), 1})), ErrConflict)
	require.NoError(t, b.Learn(BuiltIn()), "an older one is of no use")
	require.Equal(t, date(2027, 12, 28), b.table.Expiry())
}

// An epoch that ends may have been wrong about the time, and so about what the voters showed by then.
func TestWhatWasDecidedOfLateIsForgottenWithItsEpoch(t *testing.T) {
	for say, u := range map[Say]UTC{NoLeap: date(2027, 8, 1), Insert: date(2027, 7, 1), Remove: date(2027, 7, 1)} {
		b := NewBelief(BuiltIn(), each(3, 1))
		at := TAI(int64(u) + 37*second - 6*3600*second)
		require.NoError(t, b.Anchor(at, at, at))
		for v := range 3 {
			b.Hear(v, say, at, at)
		}
		require.NoError(t, b.Advance(at, at))
		require.NotEqual(t, Unknown, b.Report(at, at).Status)
		b.Restart()
		require.NoError(t, b.Anchor(at, at, at))
		require.Equal(t, Unknown, b.Report(at, at).Status)
	}
}

// The counter knows no leap seconds: what was TAI when the epoch began is TAI, whatever becomes of UTC.
func TestAnEpochThatBeganWithTAIKeepsIt(t *testing.T) {
	u := date(2027, 7, 1) // the table expires three days before
	b := NewBelief(BuiltIn(), each(1, 0))
	noon := BuiltIn().timeline.fromUTC(u-1) - TAI(halfDay)
	begin := noon - TAI(10*day)
	require.Less(t, b.Certain(), noon+TAI(day))
	require.NoError(t, b.Anchor(begin-TAI(second), begin, begin))
	require.Equal(t, TAI(never), b.Certain())
	b.Restart()
	require.NoError(t, b.Anchor(noon+TAI(3*day), noon+TAI(3*day), noon+TAI(3*day)))
	require.Less(t, b.Certain(), noon+TAI(day), "one that began after it does not know")
}

// A table that is valid for longer, but not until the end of the month, says nothing about it: there is nothing that the
// epoch had to do without.
func TestATableThatCoversNoOtherMonthEndsNoEpoch(t *testing.T) {
	u := date(2027, 7, 1) // the built-in table expires on 28 June
	for _, days := range []float64{-2, -0.4, 0.2, 20} {
		b := NewBelief(BuiltIn(), each(1, 0))
		at := TAI(int64(u) + 37*second + int64(days*float64(day)))
		require.NoError(t, b.Anchor(at, at, at))
		b.Hear(0, Insert, at, at)
		require.NoError(t, b.Advance(at, at))
		before := b.Report(at, at)
		require.NoError(t, b.Learn(with(date(2027, 6, 29))), "%v days after", days)
		require.Equal(t, date(2027, 6, 29), b.Table().Expiry())
		require.NoError(t, b.Advance(at, at))
		after := b.Report(at, at)
		require.Equal(t, before.Status, after.Status)
		require.Equal(t, before.At, after.At)
	}
}
