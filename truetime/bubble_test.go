package truetime

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/monotonic"
)

func TestMachinesCounterInABubbleIsRefusedAndSaysWhatToDo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, err := New(asSources(fakes(1)))
		require.ErrorContains(t, err, "WithCounter")
		require.ErrorContains(t, err, "testing/synctest")

		counter, err := monotonic.System()
		require.NoError(t, err)
		_, err = New(asSources(fakes(1)), WithCounter(counter))
		require.ErrorContains(t, err, "testing/synctest")

		c, err := New(asSources(fakes(1)), WithCounter(newBubbleCounter(0)))
		require.NoError(t, err)
		require.NoError(t, c.Close())
	})
}

// A machine whose battery is empty begins in the year 2000 and is no bubble, however coarse its
// clock.
func TestMachineInTheYear2000IsNoBubble(t *testing.T) {
	for _, tick := range []time.Duration{1, time.Microsecond, 15625 * time.Microsecond} {
		counter := ticking(0)
		clock := func() time.Time {
			return time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(counter)).Truncate(tick)
		}
		require.False(t, inBubble(clock, &counter), "%v", tick)
	}
	counter := ticking(0)
	frozen := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	require.False(t, inBubble(func() time.Time { return frozen }, &counter), "bubbles begin in 2000")
}

// ticking is a counter that goes on by a microsecond each time it is read.
type ticking time.Duration

func (c *ticking) Now() monotonic.Instant {
	*c += ticking(time.Microsecond)
	return monotonic.Instant(*c)
}
