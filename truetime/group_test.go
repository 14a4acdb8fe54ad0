package truetime

import (
	"errors"
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
		requireTruth(t, c)
		require.Equal(t, 2, c.Status().Heard)
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

// One machine with two addresses, which by themselves are two peers, would be two votes. Its replies give it away.
func TestMachineWithTwoAddressesCountsOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sources := fakes(3)
		for _, s := range sources[1:] {
			s.offset, s.identity = 250*time.Millisecond, "one machine"
		}
		sources[1].peer, sources[2].peer = "192.0.2.7:123", "[2001:db8::7]:123"
		c := start(t, asSources(sources))
		for range 100 {
			pass(time.Second)
			requireTruth(t, c)
		}
		s := c.Status()
		require.Equal(t, 2, s.Heard)
		require.Empty(t, s.Sources[0].SameAs)
		require.Equal(t, []string{"c"}, s.Sources[1].SameAs)
		require.Equal(t, []string{"b"}, s.Sources[2].SameAs)
		require.Contains(t, s.Summary(), "b may be the same machine as c")
	})
}

// Two sources that read one clock, one of them in case the other fails, as ntpsrc.Chrony and ntpsrc.Kernel do.
func TestSourceThatFallsSilentLeavesItsPeersVoteToAnother(t *testing.T) {
	for name, end := range map[string]error{"silence": errors.New("the daemon has died"), "denial": ErrDenied} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				sources := fakes(4)
				sources[0].peer, sources[1].peer = "the system clock", "the system clock"
				sources[1].fail = errors.New("it has not begun")
				c := start(t, asSources(sources))
				pass(time.Minute)
				sources[1].change(func() { sources[1].fail = nil })
				pass(2 * time.Minute)
				require.Equal(t, Unusable, c.Status().Sources[1].Verdict, "the first has the vote")
				sources[0].change(func() { sources[0].fail = end })
				pass(20 * time.Minute)
				s := c.Status()
				require.Equal(t, Truechimer, s.Sources[1].Verdict, "the second has it now")
				require.Zero(t, s.Sources[0].Interval, "and the first none besides")
				require.EqualValues(t, 1, s.Epoch)
				requireTruth(t, c)

				sources[0].change(func() { sources[0].fail = nil })
				pass(10 * time.Minute)
				require.Equal(t, Truechimer, c.Status().Sources[1].Verdict, "nor does it take it back")
			})
		})
	}
}
