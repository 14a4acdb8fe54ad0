package lease

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/truetime"
)

func TestWhoDoesNotHoldTheLeaseSeesWhoDoes(t *testing.T) {
	inBubble(t, func(t *testing.T, s setting) {
		look := func() (string, Token, State) {
			r, state, err := Look(t.Context(), s.clock, s.store, "job")
			require.NoError(t, err)
			return r.Holder, r.Token, state
		}
		requireLook := func(holder string, token Token, state State) {
			t.Helper()
			h, k, is := look()
			require.Equal(t, holder, h)
			require.Equal(t, token, k)
			require.Equal(t, state, is, is.String())
		}
		requireLook("", 0, Expired)
		l := acquire(t, s.a)
		requireLook("a", 1, Held)
		time.Sleep(10 * ttl)
		requireLook("a", 1, Held)
		require.NoError(t, l.Release(t.Context()))
		requireLook("", 1, Expired)

		l = acquire(t, s.b)
		requireLook("b", 2, Held)
		require.NoError(t, l.Close())
		time.Sleep(time.Until(l.Status().Expiry.Std()))
		requireLook("b", 2, Uncertain)
		time.Sleep(epsilon + 1)
		requireLook("b", 2, Expired)

		s.clock.refuse(truetime.ErrNotSynchronized)
		requireLook("b", 2, Uncertain)
		s.clock.refuse(nil)
		s.clock.epsilon.Store(-1)
		requireLook("b", 2, Uncertain)
	})
}

func TestALookTellsTheTroubleOfTheStore(t *testing.T) {
	inBubble(t, func(t *testing.T, s setting) {
		s.store.loads.Store(1)
		_, state, err := Look(t.Context(), s.clock, s.store, "job")
		require.ErrorIs(t, err, errNetwork)
		require.ErrorContains(t, err, `"job"`)
		require.Equal(t, Uncertain, state)
		_, err = s.store.CompareAndSwap(t.Context(), "job", 0, Record{Holder: "x"})
		require.NoError(t, err)
		r, state, err := Look(t.Context(), s.clock, s.store, "job")
		require.ErrorIs(t, err, ErrCorrupt)
		require.Equal(t, Uncertain, state)
		require.Equal(t, Record{}, r)
	})
}

// What Look has seen is what Revoke takes away, and no later acquisition.
func TestWhatWasSeenCanBeRevoked(t *testing.T) {
	inBubble(t, func(t *testing.T, s setting) {
		l := acquire(t, s.a)
		seen, _, err := Look(t.Context(), s.clock, s.store, "job")
		require.NoError(t, err)
		require.NoError(t, Revoke(t.Context(), s.store, "job", seen))
		time.Sleep(time.Second)
		require.ErrorIs(t, l.Renew(t.Context()), ErrLost)
	})
}
