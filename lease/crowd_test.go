package lease

import (
	"context"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/truetime"
)

// erratic is a store that takes time, and loses requests and replies.
type erratic struct {
	MemoryStore
	mu  sync.Mutex
	rng *rand.Rand
}

func (e *erratic) draw() (delay time.Duration, lost bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return time.Duration(e.rng.Int64N(int64(200 * time.Millisecond))), e.rng.IntN(8) == 0
}

func (e *erratic) travel(ctx context.Context) error {
	delay, lost := e.draw()
	if err := sleep(ctx, delay); err != nil {
		return err
	}
	if lost {
		return errNetwork
	}
	return nil
}

func (e *erratic) Load(ctx context.Context, name string) (Record, error) {
	if err := e.travel(ctx); err != nil {
		return Record{}, err
	}
	r, err := e.MemoryStore.Load(ctx, name)
	if lost := e.travel(ctx); lost != nil {
		return Record{}, lost
	}
	return r, err
}

func (e *erratic) CompareAndSwap(ctx context.Context, name string, version uint64, next Record) (uint64, error) {
	if err := e.travel(ctx); err != nil {
		return 0, err
	}
	got, err := e.MemoryStore.CompareAndSwap(ctx, name, version, next)
	if lost := e.travel(ctx); lost != nil {
		return 0, lost
	}
	return got, err
}

// crowd watches the leases of several candidates in one bubble.
type crowd struct {
	mu       sync.Mutex
	leases   []*Lease
	issued   truetime.Time // or promised not to be
	acquired int
}

// look finds out whether another lease than l is held while l is.
func (c *crowd) look(t *testing.T, l *Lease, rng *rand.Rand) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if l.Check() != nil {
		return
	}
	if ts, err := l.Timestamp(); err == nil {
		assert.Greater(t, ts, c.issued)
		c.issued = ts
	}
	floor := truth().Add(time.Duration(rng.Int64N(int64(ttl))))
	if ts, err := l.TimestampAfter(floor); err == nil {
		assert.Greater(t, ts, max(c.issued, floor))
		c.issued = ts
	}
	floor = truth().Add(time.Duration(rng.Int64N(int64(ttl))))
	if l.Raise(floor) == nil {
		c.issued = max(c.issued, floor)
	}
	for _, other := range c.leases {
		if other != l && other.Check() == nil {
			t.Errorf("tokens %d and %d are both held", l.Token(), other.Token())
		}
	}
}

// What the simulated worlds do with the protocol alone, this does with candidates and leases: their
// timers, their goroutines, their locks. The order of goroutines is not the seed's, so a failure
// may not repeat.
func TestInACrowdOfCandidatesOneHoldsTheLease(t *testing.T) {
	for seed := range uint64(20) {
		synctest.Test(t, func(t *testing.T) {
			t.Logf("seed %d", seed)
			store, everybody := &erratic{rng: rand.New(rand.NewPCG(seed, 1))}, new(crowd)
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
			defer cancel()
			var wg sync.WaitGroup
			for id := range uint64(4) {
				rng := rand.New(rand.NewPCG(seed, 2+id))
				clock := new(bubbleClock)
				clock.epsilon.Store(rng.Int64N(int64(ttl / 8)))
				clock.skew.Store((rng.Int64N(3) - 1) * clock.epsilon.Load()) // at an edge, or in the middle
				c, err := NewCandidate(clock, store, "job", ttl, WithHolder("h"))
				require.NoError(t, err)
				wg.Go(func() {
					for ctx.Err() == nil {
						everybody.live(t, ctx, c, rng)
					}
				})
			}
			wg.Wait()
			require.Greater(t, everybody.acquired, 10)
		})
	}
}

// live is one term of a candidate.
func (c *crowd) live(t *testing.T, ctx context.Context, candidate *Candidate, rng *rand.Rand) {
	l, err := candidate.Acquire(ctx)
	if err != nil {
		return
	}
	c.mu.Lock()
	for _, other := range c.leases {
		assert.NotEqual(t, other.Token(), l.Token())
	}
	c.leases = append(c.leases, l)
	c.acquired++
	c.mu.Unlock()
	if rng.IntN(3) == 0 {
		l.stop() // nothing is renewed and no context ends, as if only that part of the process stood still
	}
	_ = l.Do(ctx, func(ctx context.Context, _ Token) error {
		for range rng.IntN(30) {
			c.look(t, l, rng)
			if sleep(ctx, time.Duration(rng.Int64N(int64(time.Second)))) != nil {
				break
			}
		}
		return nil
	})
	if rng.IntN(3) > 0 {
		patience, cancel := context.WithTimeout(ctx, ttl)
		defer cancel()
		_ = l.Release(patience)
	}
	assert.NoError(t, l.Close())
}
