package lease

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/truetime"
)

func TestTryAcquireReturnsTheTroubleOfTheStore(t *testing.T) {
	inBubble(t, func(t *testing.T, s setting) {
		s.store.loads.Store(1)
		_, err := s.a.TryAcquire(t.Context())
		require.ErrorIs(t, err, errNetwork)
		s.store.before.Store(1)
		_, err = s.a.TryAcquire(t.Context())
		require.ErrorIs(t, err, errNetwork)
		s.store.after.Store(1)
		l, err := s.a.TryAcquire(t.Context())
		require.NoError(t, err, "the record shows that it was carried out")
		require.NoError(t, l.Close())
		require.Equal(t, int32(1), s.store.swaps.Load())
	})
}

func TestAcquireOutlastsTroubleAndEndsWithItsContext(t *testing.T) {
	inBubble(t, func(t *testing.T, s setting) {
		s.store.loads.Store(3)
		s.store.hangs.Store(1)
		s.clock.refuse(truetime.ErrNotSynchronized)
		time.AfterFunc(time.Second, func() { s.clock.refuse(nil) })
		l := acquire(t, s.a)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		_, err := s.b.Acquire(ctx)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.ErrorIs(t, err, ErrTaken, "what kept it")
		require.Regexp(t, `^lease "[^"]+" not acquired: context deadline exceeded; the last trouble: lease: taken by .*$`, err.Error())
		require.NotContains(t, err.Error(), "\n")
		require.NoError(t, l.Check())
		s.clock.refuse(truetime.ErrClosed)
		_, err = s.b.Acquire(t.Context())
		require.ErrorIs(t, err, truetime.ErrClosed)
	})
}

func TestEveryMistakeIsNamedAtOnce(t *testing.T) {
	_, err := NewCandidate((*bubbleClock)(nil), (*FileStore)(nil), "", time.Microsecond, nil,
		WithMargin(-1), WithMaxUncertainty(0), WithRenewEvery(-2), WithHolder(strings.Repeat("x", MaxName+1)))
	for _, part := range []string{"the clock is nil", "the store is nil", "an option is nil", "the lease: it has 0 bytes", "the holder: it has 1025 bytes",
		"margin of -1ns", "uncertainty of 0s", "renewals of -2ns", "TTL of 1µs"} {
		require.ErrorContains(t, err, part)
	}
	make := func(options ...Option) (*Candidate, error) {
		return NewCandidate(new(bubbleClock), new(MemoryStore), "n", time.Second, options...)
	}
	c, err := make()
	require.NoError(t, err)
	require.Contains(t, c.config.holder, ":", "a name by default")
	for name, options := range map[string][]Option{
		"uncertainty": {WithMaxUncertainty(300 * time.Millisecond)},
		"margin":      {WithMargin(420 * time.Millisecond)},
		"renewals":    {WithRenewEvery(625 * time.Millisecond)},
		"overflow":    {WithMargin(1 << 62), WithMaxUncertainty(1 << 62)},
	} {
		_, err = make(options...)
		require.ErrorContains(t, err, "TTL of 1s does not cover", name)
		require.ErrorContains(t, err, map[string]string{
			"uncertainty": "2 × uncertainty of 300ms (WithMaxUncertainty) + margin of 125ms (WithMargin): " +
				"contexts would end before a renewal. Take a longer TTL or a smaller WithMaxUncertainty",
			"margin":   "Take a longer TTL or a smaller WithMargin",
			"renewals": "Take a longer TTL or a smaller WithRenewEvery",
			"overflow": "Take a longer TTL or a smaller WithMaxUncertainty or WithMargin",
		}[name])
	}
}

// What a text column refuses would make a lease that works with one store only.
func TestANameThatSomeStoreCouldNotKeepIsRefused(t *testing.T) {
	files, err := OpenFileStore(t.TempDir())
	require.NoError(t, err)
	for _, name := range []string{"", "a\x00b", "a\xffb", strings.Repeat("x", MaxName+1)} {
		_, err := NewCandidate(new(bubbleClock), new(MemoryStore), name, ttl)
		require.ErrorContains(t, err, "name of the lease", "%q", name)
		_, err = NewCandidate(new(bubbleClock), new(MemoryStore), "job", ttl, WithHolder(name))
		require.ErrorContains(t, err, "name of the holder", "%q", name)
		_, _, err = Look(t.Context(), new(bubbleClock), new(MemoryStore), name)
		require.Error(t, err)
		_, err = files.Load(t.Context(), name)
		require.Error(t, err)
		_, err = files.CompareAndSwap(t.Context(), name, 0, Record{Token: 1, TTL: 1})
		require.Error(t, err)
	}
	for _, name := range []string{"保", "a b/../c", strings.Repeat("x", MaxName), "\ufffd\n\"'"} {
		_, err := NewCandidate(new(bubbleClock), files, name, ttl, WithHolder(name))
		require.NoError(t, err, name)
	}
}

func TestAZeroValueSaysHowItIsMade(t *testing.T) {
	_, err := new(Candidate).Acquire(t.Context())
	require.ErrorIs(t, err, errUnmade)
	_, err = new(Candidate).TryAcquire(t.Context())
	require.ErrorIs(t, err, errUnmade)

	l := new(Lease)
	require.ErrorIs(t, l.Check(), errUnmade)
	require.ErrorIs(t, l.Renew(t.Context()), errUnmade)
	require.ErrorIs(t, l.Release(t.Context()), errUnmade)
	require.ErrorIs(t, l.Do(t.Context(), nil), errUnmade)
	_, err = l.Timestamp()
	require.ErrorIs(t, err, errUnmade)
	ctx, cancel := l.Context(t.Context())
	cancel()
	require.ErrorIs(t, context.Cause(ctx), errUnmade)
	require.Equal(t, Uncertain, l.Status().State)
	require.NoError(t, l.Close())

	_, _, err = Look(t.Context(), (*bubbleClock)(nil), new(MemoryStore), "job")
	require.ErrorContains(t, err, "nil")
	_, _, err = Look(t.Context(), new(bubbleClock), (*FileStore)(nil), "job")
	require.ErrorContains(t, err, "nil")
	require.ErrorContains(t, Revoke(t.Context(), nil, "job", Record{}), "nil")

	_, err = new(FileStore).Load(t.Context(), "job")
	require.ErrorIs(t, err, errUnmade)
}

// A machine that was suspended has a clock that is behind until that is noticed, and every good
// record is from the future to it. That passes; a clock that is wrong does not, and then somebody
// has to be told.
func TestARecordFromTheFutureIsReportedOnceItHasStayedSo(t *testing.T) {
	inBubble(t, func(t *testing.T, s setting) {
		held := acquire(t, s.a)
		behind := new(bubbleClock)
		behind.epsilon.Store(int64(epsilon))
		behind.skew.Store(int64(-time.Hour))
		c, err := NewCandidate(behind, s.store, "job", ttl, WithHolder("c"))
		require.NoError(t, err)
		begun := time.Now()
		_, err = c.TryAcquire(t.Context())
		require.ErrorIs(t, err, ErrFromFuture)
		require.Equal(t, begun, time.Now(), "who does not want to wait is told at once")

		time.AfterFunc(3*time.Second, func() { behind.refuse(truetime.ErrNotSynchronized) })
		time.AfterFunc(time.Minute, func() { behind.skew.Store(0); behind.refuse(nil) })
		time.AfterFunc(2*time.Minute, func() { _ = held.Release(t.Context()) })
		l := acquire(t, c)
		require.Equal(t, Token(2), l.Token())

		behind.skew.Store(0)
		behind = new(bubbleClock)
		behind.skew.Store(int64(-time.Hour))
		c, err = NewCandidate(behind, s.store, "job", ttl, WithHolder("d"))
		require.NoError(t, err)
		begun = time.Now()
		_, err = c.Acquire(t.Context())
		require.ErrorIs(t, err, ErrFromFuture)
		require.GreaterOrEqual(t, time.Since(begun), 10*time.Second)
		require.Less(t, time.Since(begun), 20*time.Second)
	})
}

func TestNoWorkIsAMistakeThatIsTold(t *testing.T) {
	inBubble(t, func(t *testing.T, s setting) {
		require.ErrorContains(t, acquire(t, s.a).Do(t.Context(), nil), "the work is nil")
	})
}
