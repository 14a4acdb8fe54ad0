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
		require.NoError(t, l.Check())
		s.clock.refuse(truetime.ErrClosed)
		_, err = s.b.Acquire(t.Context())
		require.ErrorIs(t, err, truetime.ErrClosed)
	})
}

func TestNewNamesEveryMistakeAtOnce(t *testing.T) {
	_, err := New(Config{TTL: time.Microsecond, Margin: -1, Holder: strings.Repeat("x", MaxName+1)})
	require.ErrorIs(t, err, ErrInvalidConfig)
	for _, part := range []string{"Store is nil", "Clock is nil", "Name has 0 bytes", "Holder has 1025 bytes", "Margin -1ns", "TTL of 1µs"} {
		require.ErrorContains(t, err, part)
	}
	good := Config{Store: new(Memory), Clock: new(bubbleClock), Name: "n", Holder: "h", TTL: time.Second}
	_, err = New(good)
	require.NoError(t, err)
	for name, spoil := range map[string]func(*Config){
		"uncertainty": func(c *Config) { c.MaxUncertainty = 300 * time.Millisecond },
		"margin":      func(c *Config) { c.Margin = 420 * time.Millisecond },
		"renewals":    func(c *Config) { c.RenewEvery = 625 * time.Millisecond },
		"overflow":    func(c *Config) { c.Margin, c.MaxUncertainty = 1<<62, 1<<62 },
	} {
		bad := good
		spoil(&bad)
		_, err = New(bad)
		require.ErrorContains(t, err, "too short", name)
	}
}

// A machine that was suspended has a clock that is behind until that is noticed, and every good record is
// from the future to it. That passes; a clock that is wrong does not, and then somebody has to be told.
func TestARecordFromTheFutureIsReportedOnceItHasStayedSo(t *testing.T) {
	inBubble(t, func(t *testing.T, s setting) {
		held := acquire(t, s.a)
		behind := new(bubbleClock)
		behind.epsilon.Store(int64(epsilon))
		behind.skew.Store(int64(-time.Hour))
		c, err := New(Config{Store: s.store, Clock: behind, Name: "job", Holder: "c", TTL: ttl})
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
		c, err = New(Config{Store: s.store, Clock: behind, Name: "job", Holder: "d", TTL: ttl})
		require.NoError(t, err)
		begun = time.Now()
		_, err = c.Acquire(t.Context())
		require.ErrorIs(t, err, ErrFromFuture)
		require.GreaterOrEqual(t, time.Since(begun), 10*time.Second)
		require.Less(t, time.Since(begun), 20*time.Second)
	})
}
