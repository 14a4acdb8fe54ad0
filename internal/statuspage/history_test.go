package statuspage

import (
	"context"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/truetime"
)

// clock is one that follows a script: what it publishes when, in the time of a bubble. In between ε grows by drift.
type clock struct {
	script  []publication
	began   time.Time
	mu      sync.Mutex
	changed chan struct{} // closed at the next publication
	stall   time.Duration // how long the reading after stallAfter takes
	stallAt time.Duration
}

type publication struct {
	at     time.Duration
	budget truetime.Budget // the zero value for a refusal
}

// then returns the publication with what it has grown to at a time.
func (p publication) then(at time.Duration) truetime.Budget {
	b := p.budget
	if b != (truetime.Budget{}) {
		b.Drift += (at - p.at) / 5000
	}
	return b
}

func (c *clock) current(at time.Duration) (p publication, next int) {
	next = slices.IndexFunc(c.script, func(p publication) bool { return p.at > at })
	if next < 0 {
		next = len(c.script)
	}
	return c.script[next-1], next
}

func (c *clock) Status() truetime.Status {
	now := time.Since(c.began)
	if c.stall > 0 && now >= c.stallAt {
		time.Sleep(c.stall)
		c.stall = 0
	}
	p, _ := c.current(now)
	b := p.then(now)
	if b == (truetime.Budget{}) {
		return truetime.Status{Err: truetime.ErrNotSynchronized}
	}
	return truetime.Status{Budget: b, Uncertainty: b.Uncertainty()}
}

func (c *clock) Peak(window time.Duration) (peak time.Duration, bounded bool) {
	now := time.Since(c.began)
	for i, p := range c.script {
		until := now
		if i+1 < len(c.script) {
			until = min(until, c.script[i+1].at)
		}
		if p.at > now || until < now-window {
			continue
		}
		b := p.then(until)
		if b == (truetime.Budget{}) {
			return 0, false
		}
		peak = max(peak, b.Uncertainty())
	}
	return peak, true
}

func (c *clock) Changed() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.changed
}

func (c *clock) publish() {
	c.mu.Lock()
	defer c.mu.Unlock()
	close(c.changed)
	c.changed = make(chan struct{})
}

// keep keeps a history of a clock for a while, in the time of a bubble.
func keep(t *testing.T, c *clock, span time.Duration) (s Seconds) {
	synctest.Test(t, func(t *testing.T) {
		c.began, c.changed = time.Now(), make(chan struct{})
		var h History
		ctx, cancel := context.WithTimeout(t.Context(), span)
		defer cancel()
		var publishing sync.WaitGroup
		publishing.Go(func() {
			for _, p := range c.script[1:] {
				select {
				case <-time.After(p.at - time.Since(c.began)):
				case <-ctx.Done():
					return
				}
				c.publish()
			}
		})
		h.Keep(ctx, c)
		publishing.Wait()
		s = h.Since(0)
	})
	return s
}

// The top of each tooth of a sawtooth is just before a publication, and in no reading of the clock.
func TestTheLargestOfEachSecondIsKeptWithItsParts(t *testing.T) {
	seed := rand.Uint64()
	r := rand.New(rand.NewPCG(seed, 1))
	t.Logf("seed %d", seed)
	const seconds = 40
	c := &clock{script: []publication{{0, truetime.Budget{Delay: time.Millisecond}}}}
	for at := time.Duration(0); at < seconds*time.Second; {
		at += time.Duration(r.Int64N(3e9))
		c.script = append(c.script, publication{at, truetime.Budget{
			Delay: time.Duration(r.Int64N(1e6)), Claim: time.Duration(r.Int64N(1e5)), Disagreement: time.Duration(r.Int64N(1e4)), EarliestFrom: "a"}})
	}
	s := keep(t, c, seconds*historyEvery+historyEvery/2)
	require.Len(t, s.Uncertainty, seconds)
	for i := range seconds {
		from, to := time.Duration(i)*time.Second, time.Duration(i+1)*time.Second
		var want truetime.Budget
		for j, p := range c.script {
			until := to
			if j+1 < len(c.script) {
				until = min(to, c.script[j+1].at)
			}
			if b := p.then(until); until > from && p.at < to && b.Uncertainty() > want.Uncertainty() {
				want = b
			}
		}
		require.True(t, s.Answered[i])
		require.Equal(t, want.Uncertainty(), s.Uncertainty[i], "seed %d, second %d", seed, i)
		require.Equal(t, []time.Duration{want.Delay, want.Claim, want.Drift, want.Leap, want.Disagreement},
			[]time.Duration{s.Delay[i], s.Claim[i], s.Drift[i], s.Leap[i], s.Disagreement[i]}, "seed %d, second %d", seed, i)
	}
}

func TestAMomentWithoutAnAnswerIsSeen(t *testing.T) {
	good := truetime.Budget{Delay: time.Millisecond}
	c := &clock{script: []publication{{0, good}, {1300 * time.Millisecond, truetime.Budget{}}, {1300*time.Millisecond + 1, good}, {2 * time.Second, truetime.Budget{}}}}
	s := keep(t, c, 3*historyEvery+historyEvery/2)
	require.Equal(t, []bool{true, false, false}, s.Answered)
	require.Positive(t, s.Uncertainty[1])
	require.Zero(t, s.Uncertainty[2])
}

// A process that is stopped knows nothing of the meantime, and what came before moves on.
func TestSecondsThatNobodySawAreWithoutAnAnswer(t *testing.T) {
	c := &clock{script: []publication{{0, truetime.Budget{Delay: time.Millisecond}}}, stall: 3 * historyEvery, stallAt: historyEvery + 1}
	s := keep(t, c, 7*historyEvery)
	require.Equal(t, []bool{true, true, false, false, false, true}, s.Answered[:6])
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
