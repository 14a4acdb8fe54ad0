package truetimetest

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/internal/testing/race"
	"github.com/epsilontime/epsilon/truetime"
)

// endOf is a world that begins 25 hours before a midnight at which a month ends, with a machine whose table has
// expired two months before, and four servers.
func endOf(midnight time.Time, leap int, b func(i int) Behavior, scale truetime.Scale) (*World, *Machine) {
	w := NewWorld(5)
	w.StartAt(truetime.FromStd(midnight.Add(-25 * time.Hour)))
	if leap != 0 {
		w.LeapSecond(midnight, leap)
	}
	config := MachineConfig{Oscillator: Constant(-150), Poll: 2 * time.Minute, TableUntil: truetime.FromStd(midnight.AddDate(0, 0, -70))}
	for i := range 4 {
		s := w.NewServer(fmt.Sprintf("s%d", i), b(i))
		s.Serve(scale)
		config.Sources = append(config.Sources, Link{Server: s, Path: LAN()})
	}
	return w, w.NewMachine("m", config)
}

// through checks an answer every minute until the noon after, and returns the greatest ε before the leap second and after it.
func through(t *testing.T, w *World, m *Machine, midnight time.Time) (before, after time.Duration) {
	t.Helper()
	for w.Now() < truetime.FromStd(midnight.Add(14*time.Hour)) {
		step := 5 * time.Minute
		if w.Now().Sub(truetime.FromStd(midnight)).Abs() < time.Minute {
			step = time.Second
		}
		w.Run(step)
		require.NoError(t, m.Check(), "the last epoch ended because %s", m.Status().Disruption)
		i, err := m.Now()
		if err != nil {
			continue
		}
		switch since := w.Now().Sub(truetime.FromStd(midnight)); {
		case since < 0:
			before = max(before, i.Uncertainty())
		case since > 10*time.Minute:
			after = max(after, i.Uncertainty())
		}
	}
	require.EqualValues(t, 1, m.Status().Epoch, m.Status().Disruption)
	return before, after
}

// Flags for a leap second stay on for months in servers that nobody tells that it is over. Whatever the month and
// however many servers show one, the clock is right: it allows for the leap second, until the servers show that there was none.
func TestStaleLeapFlagsMakeNoLeapSecond(t *testing.T) {
	race.Slow(t)
	t.Parallel()
	for month := time.January; month <= time.December; month++ {
		if month == time.June || month == time.December {
			continue // there f+1 announcements are to be believed
		}
		for _, stale := range []int{1, 2, 4} {
			t.Run(fmt.Sprint(month, " ", stale), func(t *testing.T) {
				t.Parallel()
				end := time.Date(2028, month+1, 1, 0, 0, 0, 0, time.UTC)
				w, m := endOf(end, 0, func(i int) Behavior {
					if i < stale {
						return WrongLeap(time.Millisecond)
					}
					return Honest(time.Millisecond)
				}, truetime.ScaleUTC)
				before, after := through(t, w, m, end)
				require.Less(t, after, 100*time.Millisecond)
				if stale == 1 {
					require.Less(t, before, 100*time.Millisecond, "n−f announce none")
				} else {
					require.Greater(t, before, 400*time.Millisecond)
				}
			})
		}
	}
}

// NTP's 0 is also what a server says that does not know. At the end of June and December, where leap seconds have been, the
// clock is right also if every server announces none; and after the leap second its answer is narrow again.
func TestServersThatDoNotKnowOfALeapSecondDoNotDenyIt(t *testing.T) {
	race.Slow(t)
	t.Parallel()
	for _, month := range []time.Month{time.June, time.December} {
		for _, leap := range []int{1, 0, -1} {
			for _, knowing := range []int{0, 1, 2, 4} {
				t.Run(fmt.Sprintf("%v %+d, %d of 4 know", month, leap, knowing), func(t *testing.T) {
					t.Parallel()
					end := time.Date(2028, month+1, 1, 0, 0, 0, 0, time.UTC)
					w, m := endOf(end, leap, func(i int) Behavior {
						if i >= knowing {
							return DeniesLeap(time.Millisecond)
						}
						return Honest(time.Millisecond)
					}, truetime.ScaleUTC)
					before, after := through(t, w, m, end)
					require.Less(t, after, 100*time.Millisecond)
					if leap == 0 || knowing < 2 {
						require.Greater(t, before, 400*time.Millisecond)
					} else {
						require.Less(t, before, 100*time.Millisecond, "f+1 announce it")
					}
				})
			}
		}
	}
}

// A leap second where there has never been one is announced to no avail, and shown: the clock is right throughout.
func TestALeapSecondInAnotherMonthIsAllowedForAndThenShown(t *testing.T) {
	t.Parallel()
	for _, leap := range race.Some([]int{1, -1}, 1) {
		for _, scale := range race.Some([]truetime.Scale{truetime.ScaleTAI, truetime.ScaleUTC}, 1) {
			end := time.Date(2028, 4, 1, 0, 0, 0, 0, time.UTC)
			w, m := endOf(end, leap, func(int) Behavior { return Honest(time.Millisecond) }, scale)
			_, after := through(t, w, m, end)
			require.Less(t, after, 100*time.Millisecond, "%+d, %v", leap, scale)
		}
	}
}

// PTP says how far UTC is behind TAI, and from a minute after the leap second that shows whether it has happened. It
// need not wait until the next noon.
func TestPTPShowsWhetherThereWasALeapSecond(t *testing.T) {
	t.Parallel()
	for _, leap := range race.Some([]int{1, 0, -1}, 1) {
		end := time.Date(2028, 7, 1, 0, 0, 0, 0, time.UTC)
		w, m := endOf(end, leap, func(int) Behavior { return DeniesLeap(time.Millisecond) }, truetime.ScaleTAI)
		before, after := through(t, w, m, end)
		require.Greater(t, before, 400*time.Millisecond)
		require.Less(t, after, 100*time.Millisecond, "%+d", leap)
	}
}
