package truetime

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

func TestGroupSharesOneVote(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sources := fakes(6)
		for _, liar := range sources[:3] {
			liar.offset = 200 * time.Millisecond
		}
		all := append(Group("one operator", asSources(sources[:3])...), asSources(sources[3:])...)
		c := start(t, all)
		pass(time.Second)
		requireTruth(t, c)
		s := c.Status()
		require.Equal(t, 4, s.Voters)
		require.Equal(t, 1, s.Faulty)
		require.Equal(t, "one operator", s.Sources[0].Group)
		require.Equal(t, Falseticker, s.Sources[0].Verdict)
		require.Empty(t, s.Sources[3].Group)
	})
}

// One server under two names would have two votes.
func TestServerUnderTwoNamesHasOneVote(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sources := fakes(3)
		sources[1].offset, sources[2].offset = 250*time.Millisecond, 250*time.Millisecond
		sources[1].peer, sources[2].peer = "192.0.2.7:123", "192.0.2.7:123"
		c := start(t, asSources(sources))
		pass(time.Minute)
		_, err := c.Now()
		require.ErrorIs(t, err, ErrNotSynchronized, "two voters are too few where three are configured")
		unusable := 0
		for _, s := range c.Status().Sources {
			if s.Verdict == Unusable {
				unusable++
				require.ErrorContains(t, s.Err, "it is 192.0.2.7:123, the same server as ")
			}
		}
		require.Equal(t, 1, unusable)
	})
}
