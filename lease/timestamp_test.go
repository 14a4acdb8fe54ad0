package lease

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/truetime"
)

func TestTimestampsAreAfterFloorsAndBeforeTheExpiry(t *testing.T) {
	inBubble(t, func(t *testing.T, s setting) {
		l := acquire(t, s.a)
		latest, expiry := truth().Add(epsilon), l.Status().Expiry
		for _, c := range []struct{ raise, floor, want truetime.Time }{
			{0, latest - 5, latest},
			{0, latest + 5, latest + 6},
			{0, 0, latest + 7},
			{latest + 9, 0, latest + 10},
			{latest + 20, latest + 15, latest + 21},
			{expiry - 3, 0, expiry - 2},
			{0, 0, expiry - 1},
		} {
			if c.raise != 0 {
				require.NoError(t, l.Raise(c.raise))
			}
			ts, err := l.TimestampAfter(c.floor)
			require.NoError(t, err, "%+v", c)
			require.Equal(t, c.want, ts, "%+v", c)
		}
		_, err := l.TimestampAfter(latest / 1e9)
		require.ErrorContains(t, err, "nanoseconds", "seconds would be no floor at all")
		require.ErrorContains(t, l.Raise(latest/1e3), "nanoseconds")
		require.ErrorContains(t, l.Raise(0), "zero")
		_, err = l.Timestamp()
		require.ErrorIs(t, err, ErrBeyondExpiry)
		require.NoError(t, l.Check(), "it is still held")
		for _, floor := range []truetime.Time{expiry, expiry.Add(time.Hour), math.MaxInt64} {
			_, err = l.TimestampAfter(floor)
			require.ErrorIs(t, err, ErrBeyondExpiry)
			require.ErrorIs(t, l.Raise(floor), ErrBeyondExpiry)
		}
		require.Equal(t, expiry-1, l.Status().Issued, "nothing has changed")
		time.Sleep(time.Second)
		require.NoError(t, l.Renew(t.Context()))
		ts, err := l.Timestamp()
		require.NoError(t, err, "the next renewal makes room")
		require.Equal(t, expiry, ts)
	})
}

// Whoever cannot be sure to hold the lease can promise nothing about what later holders issue.
func TestAFloorIsRaisedOnlyWhileTheLeaseIsHeld(t *testing.T) {
	inBubble(t, func(t *testing.T, s setting) {
		l := acquire(t, s.a)
		s.clock.refuse(truetime.ErrNotSynchronized)
		require.ErrorIs(t, l.Raise(truth()), ErrClock)
		s.clock.refuse(nil)
		s.store.before.Store(1 << 20)
		time.Sleep(ttl - 2*epsilon - 1)
		require.NoError(t, l.Raise(truth()))
		time.Sleep(time.Nanosecond)
		require.ErrorIs(t, l.Raise(truth()), ErrUncertain)
		_, err := l.TimestampAfter(truth())
		require.ErrorIs(t, err, ErrUncertain)
		time.Sleep(ttl)
		require.ErrorIs(t, l.Raise(truth().Add(-ttl)), ErrExpired)
	})
}
