package statuspage

import (
	"context"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/truetime"
)

// clock is one of which a test says what it answers; it counts how often it is read.
type clock struct {
	answer func(reading int) (truetime.Budget, error)
	read   int
}

func (c *clock) Status() truetime.Status {
	c.read++
	b, err := c.answer(c.read)
	return truetime.Status{Budget: b, Uncertainty: b.Uncertainty(), Err: err}
}

// keep keeps a history of a clock for a while, in the time of a bubble.
func keep(t *testing.T, c *clock, span time.Duration) (s Seconds) {
	synctest.Test(t, func(t *testing.T) {
		var h History
		ctx, cancel := context.WithTimeout(t.Context(), span)
		defer cancel()
		h.Keep(ctx, c)
		s = h.Since(0)
	})
	return s
}

const perSecond = int(historyEvery / readEvery)

func TestTheLargestOfEachSecondIsKeptWithItsParts(t *testing.T) {
	seed := rand.Uint64()
	r := rand.New(rand.NewPCG(seed, 1))
	t.Logf("seed %d", seed)
	want := make([]truetime.Budget, 20)
	var budget truetime.Budget
	c := &clock{answer: func(reading int) (truetime.Budget, error) {
		if r.IntN(5) == 0 { // a sawtooth: a publication, and drift until the next
			budget = truetime.Budget{Delay: time.Duration(r.Int64N(1e6)), Claim: time.Duration(r.Int64N(1e5)), Disagreement: time.Duration(r.Int64N(1e4)), EarliestFrom: "a"}
		}
		budget.Drift += time.Duration(r.Int64N(1e5))
		if second := (reading - 1) / perSecond; second < len(want) && budget.Uncertainty() > want[second].Uncertainty() {
			want[second] = budget
		}
		return budget, nil
	}}
	s := keep(t, c, time.Duration(len(want))*historyEvery+readEvery/2)
	require.Len(t, s.Uncertainty, len(want))
	for i, b := range want {
		require.True(t, s.Answered[i])
		require.Equal(t, b.Uncertainty(), s.Uncertainty[i], "seed %d", seed)
		require.Equal(t, []time.Duration{b.Delay, b.Claim, b.Drift, b.Leap, b.Disagreement},
			[]time.Duration{s.Delay[i], s.Claim[i], s.Drift[i], s.Leap[i], s.Disagreement[i]}, "seed %d, second %d", seed, i)
	}
}

func TestAMomentWithoutAnAnswerIsSeen(t *testing.T) {
	c := &clock{answer: func(reading int) (truetime.Budget, error) {
		if reading == perSecond+3 || reading > 2*perSecond {
			return truetime.Budget{}, truetime.ErrNotSynchronized
		}
		return truetime.Budget{Delay: time.Millisecond}, nil
	}}
	s := keep(t, c, 3*historyEvery+readEvery/2)
	require.Equal(t, []bool{true, false, false}, s.Answered)
	require.Equal(t, []time.Duration{time.Millisecond, time.Millisecond, 0}, s.Uncertainty)
}

// A process that is stopped knows nothing of the meantime, and what came before moves on.
func TestSecondsThatNobodySawAreWithoutAnAnswer(t *testing.T) {
	c := &clock{}
	c.answer = func(reading int) (truetime.Budget, error) {
		if reading == perSecond+1 {
			time.Sleep(3 * historyEvery)
		}
		return truetime.Budget{Delay: time.Millisecond}, nil
	}
	s := keep(t, c, 6*historyEvery)
	require.Equal(t, []bool{true, true, false, false, true}, s.Answered[:5])
	require.Equal(t, len(s.Answered), s.End)
}

func TestOnlySoMuchIsKeptAndNoneIsMissed(t *testing.T) {
	seed := rand.Uint64()
	r := rand.New(rand.NewPCG(seed, 2))
	var h History
	seen := 0
	for i := 1; i <= 3*historySize; i++ {
		h.add(Second{Answered: true, Largest: truetime.Budget{Delay: time.Duration(i)}})
		if r.IntN(20) > 0 {
			continue
		}
		s := h.Since(seen)
		require.Len(t, s.Uncertainty, i-seen, "seed %d", seed)
		require.EqualValues(t, seen+1, s.Uncertainty[0], "seed %d", seed)
		seen = s.End
		require.Len(t, h.Since(0).Uncertainty, min(i, historySize), "seed %d", seed)
		require.Empty(t, h.Since(i).Uncertainty)
		require.Empty(t, h.Since(i+7).Uncertainty, "of a daemon that has run for longer")
	}
}
