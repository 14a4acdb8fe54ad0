package leap

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

var (
	stepping = Profile{Kind: Stepping}
	noonly   = Profile{Smearing, NoonToNoon()}
	meta     = Profile{Smearing, Meta()}
	atomic   = Profile{Kind: Atomic}
)

// constantly says the same all the time.
func constantly(s Say) func(*world) Say { return func(*world) Say { return s } }

// honest announces what is true on the last day, and nothing before and after.
func honest(w *world) Say {
	if after := int64(w.at - w.leap()); after < -day || after > 0 {
		return NoLeap
	}
	return announces(w.delta)
}

// announces is what announces a change.
func announces(delta int) Say {
	switch delta {
	case 1:
		return Insert
	case -1:
		return Remove
	}
	return NoLeap
}

// unapplied shows UTC as if there were no leap second.
func unapplied(w *world, truly int64) int64 {
	if w.at >= w.leap() {
		return truly + int64(w.delta)*second
	}
	return truly
}

// applying shows a leap second that there is not.
func applying(delta int64) func(w *world, truly int64) int64 {
	return func(w *world, truly int64) int64 {
		if w.at >= w.leap() {
			return truly - delta*second
		}
		return truly
	}
}

func TestWholeLeapDaysWithAValidTable(t *testing.T) {
	u := date(2028, 1, 1)
	for _, delta := range []int{1, 0, -1} {
		t.Run(fmt.Sprint(delta), func(t *testing.T) {
			table := with(date(2028, 6, 28))
			if delta != 0 {
				table = with(date(2028, 6, 28), decision{u, delta})
			}
			// The liars deny what is, and the truth needs no announcement.
			w := newWorld(t, table, u, delta, 2, voter{profile: stepping}, voter{profile: noonly}, voter{profile: meta},
				voter{stepping, constantly(Insert), unapplied}, voter{stepping, constantly(Remove), unapplied}, voter{profile: atomic})
			require.NoError(t, w.run(-40, 40))
			for phase, width := range w.widest {
				require.LessOrEqual(t, width, Smeared(1), phase)
			}
			require.Zero(t, w.seen[Unknown])
			if delta == 0 {
				require.Len(t, w.seen, 1)
			} else {
				require.NotZero(t, w.seen[SmearingNow])
				require.NotZero(t, w.seen[map[int]Status{1: PendingInsert, -1: PendingRemove}[delta]])
			}
		})
	}
}

func TestWholeLeapDaysAnnouncedByVotersAgainstFLiars(t *testing.T) {
	for _, delta := range []int{1, 0, -1} {
		for _, lie := range []Say{Nothing, NoLeap, Insert, Remove} {
			t.Run(fmt.Sprint(delta, lie), func(t *testing.T) {
				lying := voter{stepping, constantly(lie), applying(1)}
				if delta != 0 {
					lying.lie = unapplied
				}
				w := newWorld(t, BuiltIn(), date(2027, 7, 1), delta, 2, voter{profile: stepping, says: honest}, voter{profile: stepping, says: honest},
					voter{profile: atomic, says: honest}, lying, lying)
				require.NoError(t, w.run(-40, 40))
				require.LessOrEqual(t, w.widest["at noon"], Smeared(2*5000*11575), "until an hour after noon")
				require.LessOrEqual(t, w.widest["before the leap"], Smeared(1))
				require.LessOrEqual(t, w.widest["after the leap"], Smeared(1))
				if delta != 0 {
					require.NotZero(t, w.seen[map[int]Status{1: PendingInsert, -1: PendingRemove}[delta]])
				}
			})
		}
	}
}

func TestFLiarsNeitherCreateNorSuppressALeapWhenTheOthersAreSilent(t *testing.T) {
	for _, delta := range []int{1, 0, -1} {
		for _, lie := range []Say{NoLeap, Insert, Remove} {
			t.Run(fmt.Sprint(delta, lie), func(t *testing.T) {
				lying := voter{stepping, constantly(lie), applying(int64(-delta))}
				w := newWorld(t, BuiltIn(), date(2027, 7, 1), delta, 2, voter{profile: stepping}, voter{profile: stepping}, voter{profile: stepping}, lying, lying)
				require.NoError(t, w.run(-40, 40))
				require.Greater(t, w.widest["before the leap"], Smeared(990e6), "the hull of all three possibilities")
				require.LessOrEqual(t, w.widest["after the leap"], Smeared(1), "the samples have decided")
				require.NotZero(t, w.seen[Unknown])
			})
		}
	}
}

func TestAnExpiredTableAndNoSampleGiveTheHullUntilThereAreSamples(t *testing.T) {
	for _, delta := range []int{1, 0, -1} {
		t.Run(fmt.Sprint(delta), func(t *testing.T) {
			w := newWorld(t, BuiltIn(), date(2027, 7, 1), delta, 1, voter{profile: stepping}, voter{profile: stepping}, voter{profile: stepping})
			w.mute = func(c TAI) bool { return c > w.leap()-TAI(day) && c < w.leap()+TAI(2*day) }
			require.NoError(t, w.run(-40, 47))
			require.InDelta(t, 2e9, float64(w.widest["after the next noon"]), 2, "one second to either side")
			w2 := w.earliest
			w.mute = func(TAI) bool { return false }
			w.widest = map[string]Smeared{}
			require.NoError(t, w.resume(60))
			require.Greater(t, w.earliest, w2)
			require.LessOrEqual(t, w.end(), Smeared(1))
		})
	}
}

func TestASmearingSourceShowsALeapLongBeforeItHappens(t *testing.T) {
	for _, delta := range []int{1, 0, -1} {
		for _, smearing := range []Profile{noonly, {Smearing, Google2012()}, {Smearing, Smear{Start: -100 * 3600e9, Duration: 120 * 3600e9}}} {
			w := newWorld(t, BuiltIn(), date(2027, 7, 1), delta, 0, voter{profile: smearing}, voter{profile: stepping}, voter{profile: meta})
			require.NoError(t, w.run(-80, 40))
			if delta == 0 { // takes all of them, and two show nothing before the leap
				require.LessOrEqual(t, w.end(), Smeared(1))
				continue
			}
			require.LessOrEqual(t, w.widest["before the leap"], Smeared(2*3*3600*11575), "two hours after noon and a little at the latest")
			require.LessOrEqual(t, w.widest["at the leap"], Smeared(1))
		}
	}
}

func TestServersThatStepLateDoNotMakeItSeemThatThereWasNoLeap(t *testing.T) {
	u := date(2027, 7, 1)
	at := TAI(int64(u) + 38*second + 60*second)
	b := NewBelief(BuiltIn(), each(4), 1)
	begin := at - TAI(day)
	require.NoError(t, b.Anchor(begin, begin, begin))
	show := func(voter int, offset int64) Status {
		stamp := int64(at) - offset*second
		b.Saw(voter, stepping, stamp, stamp, at, at)
		require.NoError(t, b.Advance(at, at))
		return b.Report(at, at).Status
	}
	require.Equal(t, Unknown, show(0, 37))
	require.Equal(t, Unknown, show(1, 37)) // two are late, one more than may be wrong
	require.Equal(t, Unknown, show(2, 38))
	require.Equal(t, SmearingNow, show(3, 38))
	require.EqualValues(t, int64(u), b.questions[0].at)
	require.Equal(t, canInsert, b.questions[0].possible)
}

func TestAnAnnouncementTakenBackBeforeNoonWasNeverBelieved(t *testing.T) {
	u := date(2027, 7, 1)
	b := NewBelief(BuiltIn(), each(1), 0)
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
	require.Equal(t, canRemove, b.questions[0].possible)
}

func TestAnnouncementsCountInTheirTimeOnly(t *testing.T) {
	u := date(2027, 7, 1)
	leap := TAI(int64(u) + 37*second)
	noon, minute := leap-TAI(halfDay), TAI(60*second)
	for _, c := range []struct {
		say  Say
		at   TAI
		left possible
	}{
		{NoLeap, noon + 59*minute, anything}, {NoLeap, noon + 60*minute, canBeNothing}, {NoLeap, noon - minute, anything},
		{Insert, noon - 13*60*minute, anything}, {Insert, noon - 11*60*minute, canInsert}, {Remove, noon + minute, canRemove},
		{Insert, leap - 4e9, anything}, {NoLeap, leap - 4e9, anything}, {Insert, leap - 6e9, canInsert}, {Nothing, noon + 90*minute, anything},
	} {
		b := NewBelief(BuiltIn(), each(1), 0)
		begin := noon - 14*60*minute
		require.NoError(t, b.Anchor(begin, begin, begin))
		b.Hear(0, c.say, c.at, c.at)
		later := max(c.at, noon)
		require.NoError(t, b.Advance(later, later))
		require.Equal(t, c.left, b.questions[0].possible, c)
	}
}

func TestSamplesOfAMomentWhenTheyMeanNothingAreNotSeen(t *testing.T) {
	u := date(2027, 7, 1)
	for _, c := range []struct {
		after, shown int64 // seconds after the leap if there is none, and what the source shows, likewise
		left         possible
	}{{2, 2, anything}, {2, 1, anything}, {4, 5, anything}, {5, 5, anything}, {6, 6, canBeNothing}, {60, 59, canInsert}, {60, 61, canRemove}, {60, 160, anything}, {-3600, -3600, anything}} {
		b := NewBelief(BuiltIn(), each(1), 0)
		begin, at := TAI(int64(u)+36*second-halfDay), TAI(int64(u)+(37+c.after)*second)
		require.NoError(t, b.Anchor(begin, begin, begin))
		stamp := int64(u) + c.shown*second
		b.Saw(0, stepping, stamp, stamp, at, at)
		require.NoError(t, b.Advance(at, at))
		require.Equal(t, c.left, b.questions[0].possible, c)
	}
}

func TestContradictingAnnouncementsDecideNothing(t *testing.T) {
	u := date(2027, 7, 1)
	b := NewBelief(BuiltIn(), each(4), 1)
	at := TAI(int64(u) + 37*second - halfDay/2)
	require.NoError(t, b.Anchor(at, at, at))
	for voter, say := range []Say{Insert, Insert, Remove, Remove} {
		b.Hear(voter, say, at, at)
	}
	require.NoError(t, b.Advance(at, at))
	require.Equal(t, Unknown, b.Report(at, at).Status)
	require.Equal(t, anything, b.questions[0].possible)
}

func TestATableThatComesLateOnlyNarrows(t *testing.T) {
	for _, delta := range []int{1, 0, -1} {
		for _, hour := range []int64{-20, -9, -1, 1, 8, 20} {
			t.Run(fmt.Sprint(delta, hour), func(t *testing.T) {
				u := date(2027, 7, 1)
				table := with(date(2027, 12, 28))
				if delta != 0 {
					table = with(date(2027, 12, 28), decision{u, delta})
				}
				w := newWorld(t, BuiltIn(), u, delta, 0, voter{profile: stepping})
				w.mute = func(TAI) bool { return true }
				w.learn = map[UTC]*Table{UTC(hour): table}
				require.NoError(t, w.run(-40, 40))
				require.LessOrEqual(t, w.end(), Smeared(1))
			})
		}
	}
}

func TestALeapThatTooManyAnnounceWronglyEndsTheEpoch(t *testing.T) {
	for _, say := range []Say{Insert, Remove} {
		wrong := voter{profile: stepping, says: constantly(say)}
		w := newWorld(t, BuiltIn(), date(2027, 7, 1), 0, 1, wrong, wrong, voter{profile: stepping})
		w.epsilon = 1000
		w.blind = true // wrong answers from noon on: the assumption is broken
		require.ErrorIs(t, w.run(-11, 2), ErrBroken)
		w.blind = false
		require.InDelta(t, float64(w.leap()), float64(w.at), 1300e9, "seen as soon as nobody has stepped")
		w.belief.Restart()
		w.earliest = 0
		w.voters = []voter{{profile: stepping}, {profile: stepping}, {profile: stepping}}
		require.NoError(t, w.run(1, 40))
		require.Greater(t, w.widest["after the leap"], Smeared(800e6), "nothing of it is believed any more")
		require.LessOrEqual(t, w.end(), Smeared(1))
	}
}

func TestAnEpochThatBeginsAfterAPossibleLeapAllowsForItUntilNoon(t *testing.T) {
	for _, delta := range []int{1, 0, -1} {
		for _, hour := range []int64{-11, -1, 1, 6, 11, 13} {
			t.Run(fmt.Sprint(delta, hour), func(t *testing.T) {
				w := newWorld(t, BuiltIn(), date(2027, 7, 1), delta, 1, voter{profile: stepping}, voter{profile: noonly}, voter{profile: stepping})
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
		b := NewBelief(BuiltIn(), each(1), 0)
		err := b.Anchor(at+TAI(c.from*second), at+TAI(c.lo*second), at+TAI(c.hi*second))
		if c.fails {
			require.ErrorIs(t, err, ErrStraddles, c)
		} else {
			require.NoError(t, err, c)
		}
		known := NewBelief(with(date(2027, 12, 28)), each(1), 0)
		require.NoError(t, known.Anchor(at+TAI(c.from*second), at+TAI(c.lo*second), at+TAI(c.hi*second)))
	}
}

func TestSamplesBeforeTheFirstAnswerAreConvertedForTheirOwnSideOfALeap(t *testing.T) {
	u := int64(date(2027, 7, 1))
	b := NewBelief(BuiltIn(), each(1), 0)
	for _, p := range []int64{u - 3600*second, u + 3600*second, u + 20*day} {
		lo, hi, ok := b.In(stepping, p, p+10)
		require.True(t, ok)
		require.EqualValues(t, p+37*second, lo)
		require.EqualValues(t, p+37*second+10, hi)
	}
	for _, p := range []int64{u - 5*second, u, u + 5*second} {
		_, _, ok := b.In(stepping, p, p)
		require.False(t, ok)
	}
	_, _, ok := b.In(noonly, u-1, u)
	require.False(t, ok)
	lo, hi, ok := b.In(noonly, u+3600*second, u+3600*second)
	require.True(t, ok)
	require.InDelta(t, 2*11.0/24*1e9, float64(hi-lo), 1e5)
	lo, hi, ok = b.In(atomic, u, u+1)
	require.True(t, ok && lo == TAI(u) && hi == TAI(u+1))
}

func TestAMisdeclaredSourceIsRecognized(t *testing.T) {
	u := date(2028, 1, 1)
	for _, delta := range []int{1, -1} {
		table := with(date(2028, 6, 28), decision{u, delta})
		w := newWorld(t, table, u, delta, 0)
		w.at = w.leap() - TAI(6*3600*second)
		require.NoError(t, w.belief.Anchor(w.at, w.at, w.at))
		for _, declared := range []Profile{stepping, noonly, atomic} {
			for _, serves := range []Profile{stepping, noonly, {Smearing, Google2012()}, atomic} {
				lo, hi := w.shown(serves)
				other, found := w.belief.Misdeclared(declared, lo, hi, w.at-1000, w.at+1000)
				require.Equal(t, declared != serves, found)
				if found {
					require.Equal(t, serves, other)
				}
			}
		}
		_, found := w.belief.Misdeclared(stepping, 7, 7, w.at-1000, w.at+1000)
		require.False(t, found)
	}
}

func TestUndecidedMonthsEndTheEpochAndTheOutputRefusesBeyondItsHorizon(t *testing.T) {
	b := NewBelief(BuiltIn(), each(1), 0)
	at := TAI(int64(date(2027, 6, 1)) + 37*second)
	require.NoError(t, b.Anchor(at, at, at))
	o := b.Output(at)
	_, _, ok := o.Interval(at, at+TAI(29*day))
	require.True(t, ok)
	_, _, ok = o.Interval(at, at+TAI(70*day))
	require.False(t, ok)
	var err error
	for month := 0; err == nil; month++ {
		require.Less(t, month, 10)
		at += TAI(30 * day)
		err = b.Advance(at, at)
		require.LessOrEqual(t, len(b.questions), maxQuestions)
	}
	require.ErrorIs(t, err, ErrBroken)
	b.Restart()
	require.NoError(t, b.Anchor(at, at, at))
}

func TestManyMonthsWithDecidedEndsKeepTheOffset(t *testing.T) {
	// Month after month with an expired table: a leap second is announced at the end of some of them.
	b := NewBelief(BuiltIn(), each(3), 1)
	offset := 37 * second
	month := date(2027, 6, 1)
	at := TAI(int64(month) + offset)
	require.NoError(t, b.Anchor(at, at, at))
	for i := range 36 {
		end := nextMonth(month)
		delta := []int{0, 1, 0, 0, -1, 0, -1}[i%7]
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

// An epoch that ends may have been wrong about the time, and so about what the voters showed by then.
func TestWhatWasDecidedOfLateIsForgottenWithItsEpoch(t *testing.T) {
	for _, say := range []Say{NoLeap, Insert, Remove} {
		b := NewBelief(BuiltIn(), each(3), 1)
		at := TAI(int64(date(2027, 7, 1)) + 37*second - 6*3600*second)
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

func TestATableThatDeniesWhatWasBelievedEndsTheEpoch(t *testing.T) {
	u := date(2027, 7, 1)
	b := NewBelief(BuiltIn(), each(1), 0)
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

func TestAnAnswerTooWideToTellEndsTheEpochWhenItDoesNotMatterAnyMore(t *testing.T) {
	for _, delta := range []int{1, 0, -1} {
		w := newWorld(t, BuiltIn(), date(2027, 7, 1), delta, 1, voter{profile: noonly}, voter{profile: noonly}, voter{profile: stepping})
		w.least = 2e9
		require.NoError(t, w.run(-40, 11))
		require.Zero(t, w.undecided)
		require.NoError(t, w.resume(40))
		require.Equal(t, 1, w.undecided)
		require.LessOrEqual(t, w.end(), Smeared(1))
	}
}

func TestWhatIsCalledTAIStaysTheSameWithinAnEpoch(t *testing.T) {
	u := date(2027, 7, 1)
	at := func(days float64) TAI { return TAI(int64(u) + 37*second + int64(days*float64(day))) }
	for _, delta := range []int{1, -1} {
		table := with(date(2027, 12, 28), decision{u, delta})
		for _, c := range []struct {
			begins, learns float64 // days after the leap
			shown          bool
		}{{0.1, 0.3, false}, {0.1, 5, false}, {0.1, 15, false}, {40, 41, false}, {0.1, 15, true}, {0.1, 0.3, true}} {
			b := NewBelief(BuiltIn(), each(1), 0)
			begins := at(c.begins)
			require.NoError(t, b.Anchor(begins, begins, begins))
			if c.shown { // a smearing server shows what has happened
				stamp := int64(begins) - 37*second + int64(delta)*second*4/10 // of a half, less 0.1 of a day of 24 hours
				b.Saw(0, noonly, stamp, stamp, begins-TAI(second/100), begins+TAI(second/100))
				require.NoError(t, b.Advance(begins, begins))
				require.Equal(t, SmearingNow, b.Report(begins, begins).Status)
			}
			for now := begins; now < at(c.learns); now += TAI(day / 4) {
				require.NoError(t, b.Advance(now, now))
			}
			require.NoError(t, b.Learn(table))
			now := at(c.learns + 20)
			require.NoError(t, b.Advance(now, now))
			require.Equal(t, 37*second, b.Output(now).Offset, c)
			lo, hi, ok := b.In(stepping, int64(now)-37*second, int64(now)-37*second)
			require.True(t, ok && lo == now && hi == now, c)

			b.Restart()
			require.NoError(t, b.Anchor(now, now, now))
			require.Equal(t, 37*second+int64(delta)*second, b.Output(now).Offset, c)
		}
	}
}

func TestATableAnswersTheQuestionsUpToItsExpiryAndIsHeldAgainstWhatWasDecidedLongAgo(t *testing.T) {
	u := date(2027, 7, 1)
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
		for now := at(15); now < at(180); now += TAI(day / 10) { // no month's end is a question
			require.NoError(t, b.Advance(now, now))
			require.Equal(t, None, b.Report(now, now).Status)
		}
		o := b.Output(at(180))
		_, _, ok := o.Interval(at(180), at(183.4))
		require.True(t, ok)
		require.False(t, b.Report(at(179), at(179)).Expired)
		require.True(t, b.Report(at(181), at(181)).Expired)
		require.Equal(t, Unknown, b.Report(at(183.6), at(183.6)).Status)
		require.Contains(t, b.Report(at(183.6), at(183.6)).String(), "install a newer one")
	}
}

func BenchmarkIntervalInASmear(b *testing.B) {
	u := date(2028, 1, 1)
	belief := NewBelief(with(date(2028, 6, 28), decision{u, 1}), each(4), 1)
	at := TAI(int64(u))
	o := belief.Output(at)
	b.ReportAllocs()
	for b.Loop() {
		o.Interval(at, at+1000)
	}
}

// BenchmarkPoll is what a sample costs: on an ordinary day, and on the last of a month that no table
// covers.
func BenchmarkPoll(b *testing.B) {
	for name, at := range map[string]TAI{"ordinary": TAI(date(2026, 11, 20)), "undecided": TAI(int64(date(2027, 7, 1)) - halfDay/2)} {
		b.Run(name, func(b *testing.B) {
			belief := NewBelief(BuiltIn(), each(4), 1)
			require.NoError(b, belief.Anchor(at, at, at))
			stamp := int64(at) - 37*second
			b.ReportAllocs()
			for b.Loop() {
				belief.Hear(1, Nothing, at, at)
				belief.Saw(1, stepping, stamp, stamp, at, at)
				belief.In(stepping, stamp, stamp)
				if belief.Advance(at, at) != nil {
					b.Fatal("broken")
				}
				_ = belief.Output(at)
			}
		})
	}
}

// What one source of three says is not what their group says, and what a source without a vote says is nothing.
func TestAGroupAnnouncesWhatMostOfItsSourcesDo(t *testing.T) {
	u := date(2028, 7, 1)
	noon := BuiltIn().timeline.fromUTC(u-1) - TAI(halfDay)
	for announcing, want := range map[int]Status{1: Unknown, 2: PendingInsert} {
		// two voters of one source each, a group of three, and two sources that have no vote
		b := NewBelief(BuiltIn(), []int{0, 1, 2, 2, 2, NoVote, NoVote}, 1)
		require.NoError(t, b.Anchor(noon-TAI(2*second), noon-TAI(second), noon-TAI(second)))
		b.Hear(0, Insert, noon, noon) // one voter, who may be the liar
		for i := range announcing {
			b.Hear(2+i, Insert, noon, noon)
		}
		for _, i := range []int{5, 6} {
			b.Hear(i, Insert, noon, noon)
		}
		require.NoError(t, b.Advance(noon+TAI(second), noon+TAI(second)))
		report := b.Report(noon+TAI(second), noon+TAI(second))
		if want == PendingInsert {
			require.Equal(t, SmearingNow, report.Status)
			continue
		}
		require.Equal(t, want, report.Status)
	}
}

// Two voters announce none and show nothing, two show none and announce nothing: together they are n−f, and one of
// them may be the liar.
func TestWhatIsShownAndWhatIsAnnouncedCountTogether(t *testing.T) {
	u := date(2028, 7, 1)
	w := newWorld(t, BuiltIn(), u, 0, 1,
		voter{profile: stepping, says: constantly(NoLeap)}, voter{profile: stepping, says: constantly(NoLeap)},
		voter{profile: noonly}, voter{profile: noonly})
	require.NoError(t, w.run(-13, 13))
	require.Less(t, w.widest["at the leap"], Smeared(60e6), "decided an hour after noon")
}

// The counter knows no leap seconds: what was TAI when the epoch began is TAI, whatever becomes of UTC.
func TestAnEpochThatBeganWithTAIKeepsIt(t *testing.T) {
	u := date(2027, 7, 1) // the table expires three days before
	b := NewBelief(BuiltIn(), each(1), 0)
	noon := BuiltIn().timeline.fromUTC(u-1) - TAI(halfDay)
	begin := noon - TAI(10*day)
	require.Less(t, b.Certain(), noon+TAI(day))
	require.NoError(t, b.Anchor(begin-TAI(second), begin, begin))
	require.EqualValues(t, never, b.Certain())
	b.Restart()
	require.NoError(t, b.Anchor(noon+TAI(3*day), noon+TAI(3*day), noon+TAI(3*day)))
	require.Less(t, b.Certain(), noon+TAI(day), "one that began after it does not know")
}
