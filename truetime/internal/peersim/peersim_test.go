package main

import (
	"bytes"
	"io"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/internal/testing/race"
	"github.com/epsilontime/epsilon/monotonic"
	"github.com/epsilontime/epsilon/truetime/internal/agreement"
	"github.com/epsilontime/epsilon/truetime/internal/discipline"
)

// Claims and drifts are at their limits and some datagrams take no time, where a few nanoseconds too little show.
func TestNoAnswerIsWrongAtTheLimits(t *testing.T) {
	race.Slow(t)
	t.Parallel()
	for seed := range uint64(4) {
		for q := range queues {
			e := experiment{machines: 8, jitter: 50 * time.Microsecond, queue: q, poll: time.Second, polls: 20, seed: seed, atLimit: true}
			r := e.run()
			for v := range variants {
				require.NotEmpty(t, r.of[v].eps, "seed %d, %s, %s", seed, queueNames[q], variantNames[v])
				require.Zero(t, r.of[v].wrong, "seed %d, %s, %s", seed, queueNames[q], variantNames[v])
				require.Zero(t, r.of[v].none, "seed %d, %s, %s", seed, queueNames[q], variantNames[v])
				require.Zero(t, r.ended[v], "seed %d, %s, %s", seed, queueNames[q], variantNames[v])
			}
		}
	}
}

// With no way between them, and no drift, what a neighbour knows is known here, to the roundings.
func TestCarriedFactIsTheNeighboursAtTheTwoReadings(t *testing.T) {
	f := carried(100, told{agreement.Interval{Lo: 4000, Hi: 9000}, true}, 300)
	require.Equal(t, discipline.Facts{Upper: discipline.Point{At: 100, Time: 9000}, Lower: discipline.Point{At: 300, Time: 4000}}, f)
	d := newDiscipline(alone)
	require.False(t, tell(d, 0, 0).ok, "nobody has been heard")
	require.NoError(t, d.Add(0, f, d.Epoch(), 300))
	require.False(t, tell(d, 0, 300).ok, "one server of four makes no answer")
	require.NoError(t, d.Add(1, f, d.Epoch(), 300))
	answer := tell(d, 0, 1_000_000_300)
	require.True(t, answer.ok)
	require.InDelta(t, 4000+1_000_000_000-200_040, answer.Lo, 10)
	require.InDelta(t, 9000+1_000_000_200+200_040, answer.Hi, 10)
}

// One neighbour that is wrong moves an end past the truth, and two that agree do not.
func TestPanelOutvotesOneNeighbour(t *testing.T) {
	p := panel{wrong: 1, spec: counterSpec}
	p.forget(3, 1)
	say := func(neighbour int, lo, hi int64) {
		p.take(0, neighbour, carried(0, told{agreement.Interval{Lo: lo, Hi: hi}, true}, 0))
	}
	say(0, -10_000, -5_000) // the truth is 0
	_, ok := p.fact(0, 0)
	require.False(t, ok, "one is not enough")
	say(1, -1_000, 1_000)
	say(2, -2_000, 2_000)
	f, ok := p.fact(0, 0)
	require.True(t, ok)
	require.Equal(t, int64(1_000+2), f.Upper.Time)
	require.Equal(t, int64(-2_000-2), f.Lower.Time)
	say(2, -500, 3_000)
	f, _ = p.fact(0, 0)
	require.Equal(t, int64(-1_000-2), f.Lower.Time, "the better end counts, each by itself")
	require.Equal(t, monotonic.Instant(0), f.Lower.At)
}

// What the new assumption costs when it is false: everybody who listens is wrong, or has no answer, and each server was right.
func TestOneNeighbourMakesEverybodyWrong(t *testing.T) {
	race.Slow(t)
	t.Parallel()
	for l := truthful; l < lies; l++ {
		for seed := range uint64(3) {
			e := experiment{machines: 8, base: time.Millisecond, jitter: time.Millisecond, poll: time.Second, polls: 100, seed: seed, lie: l}
			r := e.run()
			for _, v := range []variant{alone, often, guarded, served, steady} {
				require.Zero(t, r.of[v].wrong, "seed %d, %s, %s", seed, lieNames[l], variantNames[v])
				require.Zero(t, r.of[v].none, "seed %d, %s, %s", seed, lieNames[l], variantNames[v])
			}
			for _, v := range []variant{direct, relayed, both} {
				harm := r.of[v].wrong + r.of[v].none
				switch l {
				case truthful:
					require.Zero(t, harm, "seed %d, %s", seed, variantNames[v])
				case within, far: // a counter that is wrong may be noticed by its own machine before anybody has asked it
					require.NotZero(t, harm, "seed %d, %s, %s", seed, lieNames[l], variantNames[v])
				}
			}
		}
	}
}

// A read between two reads of the counter of who asks is not before the first or after the second, whatever the counter does.
func TestCounterNeverGoesBack(t *testing.T) {
	e := experiment{machines: 2, base: time.Millisecond}
	for l := truthful; l < lies; l++ {
		m := newMachine(1, e, rand.New(rand.NewPCG(1, 1)))
		l.corrupt(m)
		before := m.read(0)
		for at := instant(0); at < after(time.Minute); at += after(333 * time.Microsecond) {
			now := m.read(at)
			require.GreaterOrEqual(t, now, before, lieNames[l])
			before = now
		}
	}
}

func TestEqualSeedsPrintEqualTables(t *testing.T) {
	race.Slow(t)
	table := func(args ...string) string {
		var out bytes.Buffer
		require.NoError(t, run(append(args, "-machines", "3", "-polls", "2"), &out))
		return out.String()
	}
	first := table("-seed", "7")
	require.Equal(t, first, table("-seed", "7"))
	require.NotEqual(t, first, table("-seed", "8"))
	require.Equal(t, table("-wrong"), table("-wrong"))
	require.ErrorContains(t, run([]string{"-polls", "1"}, io.Discard), "at least 2")
}
