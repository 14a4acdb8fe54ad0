package main

import (
	"bytes"
	"io"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/internal/testing/race"
)

// Both schedules send as many datagrams, and neither makes an answer wrong.
func TestPairsAreAsManyExchanges(t *testing.T) {
	race.Slow(t)
	t.Parallel()
	for seed := range uint64(3) {
		for q := range queues {
			e := experiment{machines: 2, jitter: 50 * time.Microsecond, queue: q, poll: time.Second, polls: 100, seed: seed, atLimit: true}
			r := e.runPairs()
			require.InEpsilon(t, r.asked[single], r.asked[paired], 0.03, "seed %d, %s", seed, queueNames[q])
			for way := range schedules {
				s := r.of[way][alone]
				require.NotEmpty(t, s.eps, "seed %d, %s", seed, queueNames[q])
				require.Zero(t, s.wrong, "seed %d, %s", seed, queueNames[q])
				require.Zero(t, s.none, "seed %d, %s", seed, queueNames[q])
			}
		}
	}
}

// A queue that lasts delays both of a pair, so the second one says nothing new, and all that is left is that
// nobody was asked for twice as long.
func TestPairsGainNothingFromAQueueThatLasts(t *testing.T) {
	race.Slow(t)
	t.Parallel()
	for seed := range uint64(3) {
		e := experiment{machines: 4, base: time.Millisecond, jitter: time.Millisecond, queue: commonShort, poll: 16 * time.Second, polls: 50, seed: seed}
		r := e.runPairs()
		for _, v := range assumed {
			require.Greater(t, r.of[paired][v].mean(), r.of[single][v].mean(), "seed %d, %s", seed, variantNames[v])
			require.Zero(t, r.of[paired][v].wrong+r.of[single][v].wrong, "seed %d, %s", seed, variantNames[v])
		}
	}
}

// Where a second exchange comes at no cost, and datagrams are delayed independently, it helps: the simulation can show a gain.
func TestSecondExchangeHelpsWhereItIsFree(t *testing.T) {
	race.Slow(t)
	t.Parallel()
	for seed := range uint64(3) {
		e := experiment{machines: 4, base: time.Millisecond, jitter: time.Millisecond, poll: 16 * time.Second, polls: 50, seed: seed}
		twice := e
		twice.poll /= 2
		require.Less(t, twice.runPairs().of[paired][alone].mean(), e.runPairs().of[single][alone].mean(), "seed %d", seed)
	}
}

func TestEqualSeedsPrintEqualPairs(t *testing.T) {
	race.Slow(t)
	table := func(seed string) string {
		var out bytes.Buffer
		require.NoError(t, run([]string{"-pairs", "-polls", "2", "-seed", seed}, &out))
		return out.String()
	}
	first := table("7")
	require.Equal(t, first, table("7"))
	require.NotEqual(t, first, table("8"))
	require.ErrorContains(t, run([]string{"-pairs", "-wrong"}, io.Discard), "give one of them")
}
