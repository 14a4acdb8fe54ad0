package ntpsrc

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// rosterOf returns a roster of a name with these addresses. Its time stands still.
func rosterOf(addresses ...string) *roster {
	r := newRoster("pool.example.net")
	now := time.Now()
	r.now = func() time.Time { return now }
	r.lookup = func(context.Context, string, string) (found []netip.Addr, err error) {
		for _, a := range addresses {
			found = append(found, netip.MustParseAddr(a))
		}
		return found, nil
	}
	return r
}

func anybody(candidate) bool { return true }

// takes has servers taken until there are none, and returns their addresses.
func takes(t *testing.T, r *roster) (taken []string) {
	for {
		c, _, err := r.take(t.Context(), anybody)
		if err != nil {
			return taken
		}
		taken = append(taken, c.at.String())
	}
}

func TestEveryMachineOfANameIsTakenOnce(t *testing.T) {
	r := rosterOf("64:ff9b::192.0.2.1", "2001:db8:5::192.0.2.2", "192.0.2.1", "::ffff:192.0.2.1", "192.0.2.2", "192.0.2.3", "2001:db8::9", "192.0.2.3", "0.0.0.0", "224.0.1.1")
	require.Equal(t, []string{"64:ff9b::c000:201", "2001:db8:5::c000:202", "192.0.2.3", "2001:db8::9"}, takes(t, r))
}

// The resolver puts IPv6 first, and nobody answers there.
func TestAFamilyThatDoesNotAnswerIsTriedLast(t *testing.T) {
	r := rosterOf("2001:db8::1", "2001:db8::2", "2001:db8::3", "192.0.2.1", "192.0.2.2")
	c, _, err := r.take(t.Context(), anybody)
	require.NoError(t, err)
	require.True(t, c.at.Is6())
	r.leave(c, 0, true)
	require.Equal(t, []string{"192.0.2.1", "192.0.2.2", "2001:db8::2", "2001:db8::3", "2001:db8::1"}, takes(t, r))
}

// A machine with an address of each kind has two chances to be taken twice if both kinds are used.
func TestAFamilyThatHasAnsweredIsTriedFirst(t *testing.T) {
	r := rosterOf("192.0.2.1", "192.0.2.2", "2001:db8::1", "2001:db8::2", "2001:db8::3")
	r.answered(netip.MustParseAddr("2001:db8::2"))
	require.Equal(t, []string{"2001:db8::1", "2001:db8::2", "2001:db8::3", "192.0.2.1", "192.0.2.2"}, takes(t, r))
}

// Where all are asked in vain, each has its turn, whatever the order in which the name server gives
// them.
func TestWhoWasAskedTheLongestAgoIsAskedNext(t *testing.T) {
	r := rosterOf("192.0.2.1", "192.0.2.2", "192.0.2.3")
	now := r.now()
	r.now = func() time.Time { return now }
	last := map[netip.Addr]int{}
	for turn := range 12 {
		now = now.Add(time.Second)
		c, _, err := r.take(t.Context(), anybody)
		require.NoError(t, err)
		if before, again := last[c.at]; again {
			require.Equal(t, 3, turn-before)
		}
		last[c.at] = turn
		r.leave(c, 0, true)
	}
}

func TestANameIsOneServerIfItHasOneAddressOfEachKind(t *testing.T) {
	for single, names := range map[bool][][]string{
		true:  {{"192.0.2.1"}, {"2001:db8::1"}, {"2001:db8::1", "192.0.2.1"}, {"192.0.2.1", "64:ff9b::192.0.2.1", "2001:db8::1"}, {"192.0.2.1", "192.0.2.1"}},
		false: {{"192.0.2.1", "192.0.2.2"}, {"2001:db8::1", "2001:db8::2"}, {"192.0.2.1", "2001:db8::1", "2001:db8::2"}, {"64:ff9b::192.0.2.1", "64:ff9b::192.0.2.2"}},
	} {
		for _, addresses := range names {
			_, got, err := rosterOf(addresses...).take(t.Context(), anybody)
			require.NoError(t, err)
			require.Equal(t, single, got, addresses)
		}
	}
}

func TestWhatIsRememberedOfANameIsBounded(t *testing.T) {
	r := rosterOf()
	now := r.now()
	r.now = func() time.Time { return now }
	for i := range 10 * maxAddresses {
		now = now.Add(time.Second)
		a := netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)})
		r.leave(candidate{a, a}, wrongFor, true)
	}
	require.Len(t, r.left, maxAddresses)
	require.Equal(t, netip.AddrFrom4([4]byte{10, 0, 9, 0}), oldest(r.left))
	now = now.Add(wrongFor)
	r.leave(candidate{}, 0, false)
	require.Len(t, r.left, 1)
}

// A look-up that takes longer than the first poll may is tried again with the next, which has more
// time.
func TestANameIsResolvedAgainWhereAPollEndedFirst(t *testing.T) {
	r := rosterOf("192.0.2.1")
	quick := r.lookup
	r.lookup = func(ctx context.Context, _, _ string) ([]netip.Addr, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, _, err := r.take(ctx, anybody)
	require.ErrorIs(t, err, context.Canceled)
	require.ErrorIs(t, r.resolve(ctx), context.Canceled)
	r.lookup = quick
	_, _, err = r.take(t.Context(), anybody)
	require.NoError(t, err)
}

// The name server has died, or packets to it vanish. The servers that are known are asked all the
// same.
func TestANameServerThatHangsLeavesTimeToAskWhoIsKnown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := rosterOf("192.0.2.1")
		c, _, err := r.take(t.Context(), anybody)
		require.NoError(t, err)
		r.leave(c, 0, true)
		now := r.now().Add(resolveAfter)
		r.now = func() time.Time { return now }
		lookups := 0
		r.lookup = func(ctx context.Context, _, _ string) ([]netip.Addr, error) {
			lookups++
			<-ctx.Done()
			return nil, fmt.Errorf("no answer: %w", ctx.Err())
		}
		for range 3 {
			ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
			again, _, err := r.take(ctx, anybody)
			require.NoError(t, err)
			require.Equal(t, c, again)
			require.NoError(t, ctx.Err())
			cancel()
			r.leave(again, 0, true)
		}
		require.Equal(t, 1, lookups, "and not at every poll")
	})
}

func TestARosterSaysWhyThereIsNobody(t *testing.T) {
	r := rosterOf()
	_, _, err := r.take(t.Context(), anybody)
	require.ErrorContains(t, err, "the name pool.example.net has no address")
	r = rosterOf("192.0.2.1")
	require.Len(t, takes(t, r), 1)
	_, _, err = r.take(t.Context(), anybody)
	require.ErrorContains(t, err, "pool.example.net has no more servers: of 1 addresses 1 are in use by sources of it, and 0 were asked in vain")
	r = rosterOf("192.0.2.1")
	r.lookup = func(context.Context, string, string) ([]netip.Addr, error) { return nil, errors.New("no such host") }
	_, _, err = r.take(t.Context(), anybody)
	require.ErrorContains(t, err, "cannot resolve the name: no such host")
}
