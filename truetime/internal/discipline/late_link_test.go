package discipline

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/monotonic"
)

// One machine has two addresses and lies, and its clock is corrected between its first reply at the one and its first at
// the other, so that it shows two identities. It alone is wrong, so no answer may be from the next replies on, which
// show one.
func TestAnAnswerOfTwoVotersThatTurnOutToBeOneMachineIsDropped(t *testing.T) {
	for name, voters := range map[string][]int{
		"voters":        {0, 1, 2},
		"in a group":    {0, 0, 0, 1, 2},
		"beside groups": {0, 1, 2, 2, 2},
	} {
		t.Run(name, func(t *testing.T) {
			d := New(Config{Counter: CounterSpec{Drift: NewDrift(200_000)}, Faulty: 1, Voter: voters})
			now := monotonic.Instant(0)
			add := func(i int, identity string, off time.Duration) {
				now += monotonic.Instant(time.Second)
				truth := int64(now) + int64(off)
				epoch := d.Epoch()
				d.Observe(now)
				d.Show(i, identity, now)
				_ = d.Add(i, Facts{Upper: Point{now, truth + 1000}, Lower: Point{now, truth - 1000}}, epoch, now)
			}
			const lie = time.Second
			add(0, "M at 12:00", lie)
			add(1, "M at 12:01", lie)
			require.EqualValues(t, 1, d.Epoch())
			for range 50 {
				add(0, "M", lie)
				add(1, "M", lie)
				for i := 2; i < len(voters); i++ {
					add(i, string(rune('A'+i)), 0)
				}
				if bounds, ok := d.Bounds(); ok {
					answer := bounds.At(now)
					require.LessOrEqual(t, answer.Lo, int64(now))
					require.GreaterOrEqual(t, answer.Hi, int64(now))
				}
			}
			require.Equal(t, []int{1}, d.Twins(0))
			require.EqualValues(t, 2, d.Epoch(), "and only once")
			require.Contains(t, d.LastDisruption().Reason, "sources 0 and 1 have counted as two machines")
			_, ok := d.Bounds()
			require.True(t, ok)
		})
	}
}

// Whoever has not been used yet has been counted for nothing, and nothing is dropped.
func TestALinkThatShowsWithTheFirstSampleEndsNothing(t *testing.T) {
	d := New(Config{Counter: CounterSpec{Drift: NewDrift(200_000)}, Faulty: 1, Voter: []int{0, 1, 2, 3}})
	now := monotonic.Instant(0)
	for round := range 20 {
		for i, identity := range []string{"M", "A", "B", "M"} {
			now += monotonic.Instant(time.Second)
			d.Observe(now)
			if i == 3 && round == 10 {
				d.Replace(3) // another machine speaks for it now
				identity = "A"
			}
			d.Show(i, identity, now)
			require.NoError(t, d.Add(i, Facts{Upper: Point{now, int64(now) + 1000}, Lower: Point{now, int64(now) - 1000}}, 1, now))
		}
		if round == 10 {
			break
		}
	}
	require.EqualValues(t, 1, d.Epoch())
}
