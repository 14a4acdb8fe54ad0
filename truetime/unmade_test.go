package truetime

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A nil Clock and a zero one are closed: whoever forgot to call New, or its error, is told so where
// the clock is used.
func TestClockThatNewHasNotMadeIsClosed(t *testing.T) {
	for name, c := range map[string]*Clock{"nil": nil, "zero": {}} {
		t.Run(name, func(t *testing.T) {
			_, err := c.Now()
			require.ErrorIs(t, err, ErrClosed)
			require.ErrorContains(t, err, "was not made by New")
			_, err = c.NowTAI()
			require.ErrorIs(t, err, ErrClosed)
			require.ErrorIs(t, c.WaitSynchronized(t.Context(), time.Second), ErrClosed)
			require.False(t, c.After(1) || c.Before(1))
			s := c.Status()
			require.Equal(t, Closed, s.State)
			require.ErrorIs(t, s.Err, ErrClosed)
			require.Empty(t, s.Summary())
			require.Equal(t, "2016-12-31T23:59:59", c.FormatUTC(FromStd(time.Date(2016, 12, 31, 23, 59, 59, 0, time.UTC)))[:19])
			require.NoError(t, c.Close())
			select {
			case <-c.Changed():
				t.Fatal("a closed clock publishes nothing")
			default:
			}
		})
	}
	require.Equal(t, "no clock has reported", Status{}.Summary())
}
