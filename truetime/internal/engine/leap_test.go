package engine

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/monotonic"
	"github.com/epsilontime/epsilon/truetime/internal/discipline"
	"github.com/epsilontime/epsilon/truetime/internal/leap"
	"github.com/epsilontime/epsilon/truetime/internal/polling"
)

// What an exchange brings that began before a disruption is at odds with the counter, and looks like a smear of a leap
// second that there is not.
func TestAnExchangeThatSpansAnEpochShowsNothingAboutLeapSeconds(t *testing.T) {
	e := New(Config{
		Discipline: discipline.Config{Counter: discipline.CounterSpec{Drift: discipline.NewDrift(200_000)}, Voter: []int{0, 1, 2}},
		Poll:       polling.Config{Min: 16 * time.Second, Max: time.Minute, Burst: 1},
		Scale:      []leap.Scale{leap.ScaleUTC, leap.ScaleUTC, leap.ScaleUTCSmeared},
	})
	now, utc := monotonic.Instant(0), time.Date(2027, 6, 30, 18, 0, 0, 0, time.UTC).UnixNano()
	facts := func() Reply {
		return Reply{Facts: discipline.Facts{Upper: discipline.Point{At: now, Time: utc + 1000}, Lower: discipline.Point{At: now, Time: utc - 1000}}}
	}
	status := func() leap.Status {
		return e.Leap(now).Status
	}
	late, reply := e.Begin(2, now), facts()
	const stood = int64(250 * time.Millisecond) // six of the 24 hours of the smear of a leap second
	utc += stood
	e.Look(now, discipline.CounterSpec{Drift: discipline.NewDrift(200_000)}, "the machine was suspended")
	for i := range 2 {
		require.NoError(t, e.Finish(i, e.Begin(i, now), facts(), now))
	}
	require.Equal(t, leap.Unknown, status())
	require.ErrorIs(t, e.Finish(2, late, reply, now), discipline.ErrOtherEpoch)
	require.Equal(t, leap.Unknown, status())

	utc -= stood
	require.NoError(t, e.Finish(2, e.Begin(2, now), facts(), now), "and in an epoch it does")
	require.Equal(t, leap.SmearingNow, status())
}
