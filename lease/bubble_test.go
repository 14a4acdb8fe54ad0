package lease

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/truetime"
)

// bubbleClock answers with the time of the test's bubble, off by skew and ± ε, or with err.
type bubbleClock struct {
	epsilon, skew atomic.Int64
	err           atomic.Pointer[error]
}

func (c *bubbleClock) Now() (truetime.Interval, error) {
	if err := c.err.Load(); err != nil {
		return truetime.Interval{}, *err
	}
	now, epsilon := truth().Add(time.Duration(c.skew.Load())), time.Duration(c.epsilon.Load())
	return truetime.Interval{Earliest: now.Add(-epsilon), Latest: now.Add(epsilon)}, nil
}

func (c *bubbleClock) refuse(err error) {
	if err == nil {
		c.err.Store(nil)
		return
	}
	c.err.Store(&err)
}

func truth() truetime.Time { return truetime.FromStd(time.Now()) }

// unreliable is a store that can be made to fail, before or after it has done what it was asked to.
type unreliable struct {
	MemoryStore
	loads, before, after, hangs atomic.Int32 // how many of the next requests
	swaps                       atomic.Int32 // carried out
}

func (u *unreliable) Load(ctx context.Context, name string) (Record, error) {
	if u.loads.Add(-1) >= 0 {
		return Record{}, errNetwork
	}
	return u.MemoryStore.Load(ctx, name)
}

func (u *unreliable) CompareAndSwap(ctx context.Context, name string, version uint64, next Record) (uint64, error) {
	if u.hangs.Add(-1) >= 0 {
		<-ctx.Done()
		return 0, ctx.Err()
	}
	if u.before.Add(-1) >= 0 {
		return 0, errNetwork
	}
	got, err := u.MemoryStore.CompareAndSwap(ctx, name, version, next)
	if err == nil {
		u.swaps.Add(1)
	}
	if u.after.Add(-1) >= 0 {
		return 0, errNetwork
	}
	return got, err
}

type setting struct {
	clock *bubbleClock
	store *unreliable
	a, b  *Candidate
}

// inBubble runs test in a bubble, where time passes only when everybody waits.
func inBubble(t *testing.T, test func(t *testing.T, s setting)) {
	synctest.Test(t, func(t *testing.T) {
		s := setting{clock: new(bubbleClock), store: new(unreliable)}
		s.clock.epsilon.Store(int64(epsilon))
		s.a, s.b = s.candidate(t, "a"), s.candidate(t, "b")
		test(t, s)
	})
}

func (s setting) candidate(t *testing.T, holder string) *Candidate {
	c, err := NewCandidate(s.clock, s.store, "job", ttl, WithHolder(holder))
	require.NoError(t, err)
	return c
}

func acquire(t *testing.T, c *Candidate) *Lease {
	l, err := c.Acquire(t.Context())
	require.NoError(t, err)
	t.Cleanup(func() { _ = l.Close() })
	return l
}
