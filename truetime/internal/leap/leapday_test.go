package leap

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
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
			w := newWorld(t, table, u, delta, 2, voter{scale: ScaleUTC}, voter{scale: ScaleUTCSmeared}, voter{scale: ScaleUTCSmeared},
				voter{ScaleUTC, constantly(Insert), unapplied}, voter{ScaleUTC, constantly(Remove), unapplied}, voter{scale: ScaleTAI})
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
	t.Parallel()
	for _, delta := range []int{1, 0, -1} {
		for _, lie := range []Say{Nothing, NoLeap, Insert, Remove} {
			t.Run(fmt.Sprint(delta, lie), func(t *testing.T) {
				lying, third := voter{ScaleUTC, constantly(lie), applying(1)}, voter{scale: ScaleUTC, says: honest}
				if delta != 0 {
					lying.lie, third.scale = unapplied, ScaleTAI // who shows nothing, and announces it
				}
				w := newWorld(t, BuiltIn(), date(2027, 7, 1), delta, 2, voter{scale: ScaleUTC, says: honest}, voter{scale: ScaleUTC, says: honest},
					third, lying, lying)
				require.NoError(t, w.run(-40, 40))
				require.LessOrEqual(t, w.widest["after the leap"], Smeared(1))
				if delta == 0 {
					require.Greater(t, w.widest["before the leap"], Smeared(990e6), "it has to be shown")
				} else {
					require.LessOrEqual(t, w.widest["at noon"], Smeared(2*5000*11575), "until an hour after noon")
					require.LessOrEqual(t, w.widest["before the leap"], Smeared(1))
					require.NotZero(t, w.seen[map[int]Status{1: PendingInsert, -1: PendingRemove}[delta]])
				}
			})
		}
	}
}

// At the end of July n−f that announce none are believed, and any number that announce one are not.
func TestWholeDaysAtTheEndOfAnotherMonth(t *testing.T) {
	t.Parallel()
	for _, stale := range []int{0, 2, 3, 5} {
		for _, flag := range []Say{Insert, Remove} {
			t.Run(fmt.Sprint(stale, flag), func(t *testing.T) {
				var voters []voter
				for i := range 5 {
					says := honest
					if i < stale {
						says = constantly(flag)
					}
					voters = append(voters, voter{scale: ScaleUTC, says: says})
				}
				w := newWorld(t, BuiltIn(), date(2027, 8, 1), 0, 2, voters...)
				require.NoError(t, w.run(-40, 40))
				require.LessOrEqual(t, w.widest["after the leap"], Smeared(1), "all have shown it")
				require.Zero(t, w.seen[PendingInsert]+w.seen[PendingRemove])
				if stale <= 2 {
					require.LessOrEqual(t, w.widest["before the leap"], Smeared(1), "n−f announce none")
				} else {
					require.Greater(t, w.widest["before the leap"], Smeared(990e6), "it is allowed for")
				}
			})
		}
	}
}

func TestFLiarsNeitherCreateNorSuppressALeapWhenTheOthersAreSilent(t *testing.T) {
	t.Parallel()
	for _, delta := range []int{1, 0, -1} {
		for _, lie := range []Say{NoLeap, Insert, Remove} {
			t.Run(fmt.Sprint(delta, lie), func(t *testing.T) {
				lying := voter{ScaleUTC, constantly(lie), applying(int64(-delta))}
				w := newWorld(t, BuiltIn(), date(2027, 7, 1), delta, 2, voter{scale: ScaleUTC}, voter{scale: ScaleUTC}, voter{scale: ScaleUTC}, lying, lying)
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
			w := newWorld(t, BuiltIn(), date(2027, 7, 1), delta, 1, voter{scale: ScaleUTC}, voter{scale: ScaleUTC}, voter{scale: ScaleUTC})
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
		w := newWorld(t, BuiltIn(), date(2027, 7, 1), delta, 0, voter{scale: ScaleUTCSmeared}, voter{scale: ScaleUTC}, voter{scale: ScaleUTC})
		require.NoError(t, w.run(-80, 40))
		if delta == 0 { // takes all of them, and two show nothing before the leap
			require.LessOrEqual(t, w.end(), Smeared(1))
			continue
		}
		require.LessOrEqual(t, w.widest["before the leap"], Smeared(2*3*3600*11575), "two hours after noon and a little at the latest")
		require.LessOrEqual(t, w.widest["at the leap"], Smeared(1))
	}
}

func TestATableThatComesLateDecides(t *testing.T) {
	for _, delta := range []int{1, 0, -1} {
		for _, hour := range []int64{-20, -9, -1, 1, 8, 20} {
			t.Run(fmt.Sprint(delta, hour), func(t *testing.T) {
				u := date(2027, 7, 1)
				table := with(date(2027, 12, 28))
				if delta != 0 {
					table = with(date(2027, 12, 28), decision{u, delta})
				}
				w := newWorld(t, BuiltIn(), u, delta, 0, voter{scale: ScaleUTC})
				w.mute = func(TAI) bool { return true }
				w.learn = map[UTC]*Table{UTC(hour): table}
				require.NoError(t, w.run(-40, 40))
				require.LessOrEqual(t, w.end(), Smeared(1))
			})
		}
	}
}
