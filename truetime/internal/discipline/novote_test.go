package discipline

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/monotonic"
)

// Two disciplines hear the same voters. One hears a crowd of others besides, who say anything and have
// no vote. Their bounds are the same to the nanosecond at every moment, and so are their epochs.
func TestNothingFollowsFromSourcesWithoutAVote(t *testing.T) {
	seed := rand.Uint64()
	for world := range uint64(100) {
		rng := rand.New(rand.NewPCG(seed, world))
		voter := []int{0, NoVote, 1, NoVote, NoVote, 2, NoVote, NoVote, 1}
		config := Config{Counter: CounterSpec{Drift: NewDrift(200_000)}, Faulty: 1, Voter: voter}
		if world%2 == 1 {
			config.Stability = Stability{Wander: 100e-9}
		}
		with, without := New(config), New(config)
		require.Equal(t, 3, with.Voters())

		now := at(1)
		for range 400 {
			now += monotonic.Instant(rng.Int64N(10 * second))
			i := rng.IntN(len(voter))
			var offset int64
			if i == 0 || !with.Votes(i) {
				offset = rng.Int64N(1<<rng.IntN(36)+1) - ms // one voter lies too
			}
			f := exchange(now, offset)
			errWith := with.Add(i, f, with.Epoch(), now)
			if voter[i] == NoVote {
				without.Observe(now)
			} else {
				require.Equal(t, errWith, without.Add(i, f, without.Epoch(), now))
			}
			boundsWith, okWith := with.Bounds()
			boundsWithout, okWithout := without.Bounds()
			require.Equal(t, okWithout, okWith, "seed %d world %d", seed, world)
			require.Equal(t, boundsWithout.At(now), boundsWith.At(now), "seed %d world %d", seed, world)
			require.Equal(t, without.Epoch(), with.Epoch(), "seed %d world %d", seed, world)
			require.Equal(t, without.isBrief(), with.isBrief(), "seed %d world %d", seed, world)
		}
	}
}

// An epoch has lasted when those who vote have spoken often enough, however many others are silent.
func TestEpochIsNoLongerBriefThoughSourcesWithoutAVoteAreSilent(t *testing.T) {
	n := newNetwork(t, 0, 0, NoVote, NoVote, NoVote)
	for i := range briefSamples {
		require.True(t, n.isBrief())
		n.sample(0, at(1+float64(i)*100), 0)
	}
	require.False(t, n.isBrief())
}

func TestSourcesWithoutAVoteAreJudged(t *testing.T) {
	n := newNetwork(t, 0, 0, NoVote, NoVote, NoVote)
	n.sample(1, at(1), 0)
	n.requireNoAnswer()
	require.Equal(t, Undecided, n.Verdict(1))
	n.sample(0, at(2), 0)
	require.Equal(t, Truechimer, n.Verdict(1))
	n.sample(2, at(3), second)
	require.Equal(t, Falseticker, n.Verdict(2))
	n.sample(2, at(4), 0)
	require.Equal(t, Convicted, n.Verdict(2))
	require.Equal(t, Unheard, n.Verdict(3))
	require.Equal(t, Truechimer, n.Verdict(0))
	require.EqualValues(t, 1, n.Epoch())
}
