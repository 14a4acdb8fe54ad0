package lease

import (
	"context"
	"errors"
	"math"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/epsilontime/epsilon/truetime"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

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
	Memory
	loads, before, after, hangs atomic.Int32 // how many of the next requests
	swaps                       atomic.Int32 // carried out
}

var errNetwork = errors.New("network")

func (u *unreliable) Load(ctx context.Context, name string) (Record, error) {
	if u.loads.Add(-1) >= 0 {
		return Record{}, errNetwork
	}
	return u.Memory.Load(ctx, name)
}

func (u *unreliable) CompareAndSwap(ctx context.Context, name string, version uint64, next Record) (uint64, error) {
	if u.hangs.Add(-1) >= 0 {
		<-ctx.Done()
		return 0, ctx.Err()
	}
	if u.before.Add(-1) >= 0 {
		return 0, errNetwork
	}
	got, err := u.Memory.CompareAndSwap(ctx, name, version, next)
	if err == nil {
		u.swaps.Add(1)
	}
	if u.after.Add(-1) >= 0 {
		return 0, errNetwork
	}
	return got, err
}

const (
	ttl     = 10 * time.Second
	epsilon = 5 * time.Millisecond
)

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
	c, err := New(Config{Store: s.store, Clock: s.clock, Name: "job", Holder: holder, TTL: ttl})
	require.NoError(t, err)
	return c
}

func acquire(t *testing.T, c *Candidate) *Lease {
	l, err := c.Acquire(t.Context())
	require.NoError(t, err)
	t.Cleanup(func() { _ = l.Close() })
	return l
}

func TestALeaseIsRenewedInTheBackgroundAndExcludesOthers(t *testing.T) {
	inBubble(t, func(t *testing.T, s setting) {
		l := acquire(t, s.a)
		ctx, cancel := l.Context(t.Context())
		defer cancel()
		for range 100 {
			time.Sleep(time.Second)
			require.NoError(t, l.Check())
			require.NoError(t, ctx.Err())
			_, err := s.b.TryAcquire(t.Context())
			require.ErrorIs(t, err, ErrTaken)
		}
		require.Equal(t, Held, l.State())
		require.Equal(t, Token(1), l.Token())
		// A hundred seconds with a renewal after 2.67 s to 3.33 s.
		require.GreaterOrEqual(t, s.store.swaps.Load(), int32(30))
		require.LessOrEqual(t, s.store.swaps.Load(), int32(39))
	})
}

func TestAHolderThatHasGoneIsSucceededAfterTheExpiryAndNotBefore(t *testing.T) {
	inBubble(t, func(t *testing.T, s setting) {
		begun := time.Now()
		l := acquire(t, s.a)
		require.NoError(t, l.Close())
		require.ErrorIs(t, l.Check(), ErrClosed)
		next := acquire(t, s.b)
		require.Equal(t, Token(2), next.Token())
		// The record expires at −ε + ttl, and Earliest has to be after it.
		require.Equal(t, ttl+1, time.Since(begun), "ttl − ε + ε, and strictly after")
	})
}

func TestReleaseWaitsForTheLargestTimestampAndFreesTheRecord(t *testing.T) {
	inBubble(t, func(t *testing.T, s setting) {
		l := acquire(t, s.a)
		ctx, cancel := l.Context(t.Context())
		defer cancel()
		first, err := l.Timestamp()
		require.NoError(t, err)
		second, err := l.Timestamp()
		require.NoError(t, err)
		require.Equal(t, truth().Add(epsilon), first, "Latest")
		require.Equal(t, first.Add(1), second)
		require.Equal(t, second, l.Status().Issued)

		begun := time.Now()
		require.NoError(t, l.Release(t.Context()))
		require.Equal(t, 2*epsilon+2, time.Since(begun), "until Earliest is after Latest + 1 ns")
		require.ErrorIs(t, context.Cause(ctx), ErrReleased)
		require.ErrorIs(t, l.Check(), ErrReleased)
		require.ErrorIs(t, l.Renew(t.Context()), ErrReleased)
		_, err = l.Timestamp()
		require.ErrorIs(t, err, ErrReleased)
		require.NoError(t, l.Release(t.Context()), "again")

		next, err := s.b.TryAcquire(t.Context())
		require.NoError(t, err)
		defer next.Close()
		require.Equal(t, Token(2), next.Token())
		third, err := next.Timestamp()
		require.NoError(t, err)
		require.Greater(t, third, second)
		require.NoError(t, l.Release(t.Context()))
		require.NoError(t, next.Check(), "the former holder gives up nothing of its successor's")
	})
}

// A reader was told that nothing will be committed at or before the floor, so the next holder must not.
func TestReleaseWaitsForTheFloorAsForATimestamp(t *testing.T) {
	inBubble(t, func(t *testing.T, s setting) {
		l := acquire(t, s.a)
		first, err := l.Timestamp()
		require.NoError(t, err)
		floor := truth().Add(3 * time.Second)
		require.NoError(t, l.Raise(floor))
		require.Equal(t, floor, l.Status().Issued)
		require.NoError(t, l.Raise(first), "lower: it changes nothing")
		require.Equal(t, floor, l.Status().Issued)

		require.NoError(t, l.Release(t.Context()))
		require.True(t, truth().Add(-epsilon).After(floor), "given up before %v had passed", floor)
		require.ErrorIs(t, l.Raise(floor), ErrReleased)
		next, err := s.b.TryAcquire(t.Context())
		require.NoError(t, err)
		defer next.Close()
		ts, err := next.Timestamp()
		require.NoError(t, err)
		require.Greater(t, ts, floor)
	})
}

func TestTimestampsAreAfterFloorsAndBeforeTheExpiry(t *testing.T) {
	inBubble(t, func(t *testing.T, s setting) {
		l := acquire(t, s.a)
		latest, expiry := truth().Add(epsilon), l.Status().Expiry
		for _, c := range []struct{ raise, floor, want truetime.Time }{
			{0, latest - 5, latest},
			{0, latest + 5, latest + 6},
			{0, 0, latest + 7},
			{latest + 9, 0, latest + 10},
			{latest + 20, latest + 15, latest + 21},
			{expiry - 3, 0, expiry - 2},
			{0, 0, expiry - 1},
		} {
			require.NoError(t, l.Raise(c.raise))
			ts, err := l.TimestampAfter(c.floor)
			require.NoError(t, err, "%+v", c)
			require.Equal(t, c.want, ts, "%+v", c)
		}
		_, err := l.Timestamp()
		require.ErrorIs(t, err, ErrBeyondExpiry)
		require.NoError(t, l.Check(), "it is still held")
		for _, floor := range []truetime.Time{expiry, expiry.Add(time.Hour), math.MaxInt64} {
			_, err = l.TimestampAfter(floor)
			require.ErrorIs(t, err, ErrBeyondExpiry)
			require.ErrorIs(t, l.Raise(floor), ErrBeyondExpiry)
		}
		require.Equal(t, expiry-1, l.Status().Issued, "nothing has changed")
		time.Sleep(time.Second)
		require.NoError(t, l.Renew(t.Context()))
		ts, err := l.Timestamp()
		require.NoError(t, err, "the next renewal makes room")
		require.Equal(t, expiry, ts)
	})
}

// Whoever cannot be sure to hold the lease can promise nothing about what later holders issue.
func TestAFloorIsRaisedOnlyWhileTheLeaseIsHeld(t *testing.T) {
	inBubble(t, func(t *testing.T, s setting) {
		l := acquire(t, s.a)
		s.clock.refuse(truetime.ErrNotSynchronized)
		require.ErrorIs(t, l.Raise(truth()), ErrClock)
		s.clock.refuse(nil)
		s.store.before.Store(1 << 20)
		time.Sleep(ttl - 2*epsilon - 1)
		require.NoError(t, l.Raise(truth()))
		time.Sleep(1)
		require.ErrorIs(t, l.Raise(truth()), ErrUncertain)
		_, err := l.TimestampAfter(truth())
		require.ErrorIs(t, err, ErrUncertain)
		time.Sleep(ttl)
		require.ErrorIs(t, l.Raise(truth().Add(-ttl)), ErrExpired)
	})
}

func TestReleaseWaitsForRunningWork(t *testing.T) {
	inBubble(t, func(t *testing.T, s setting) {
		l := acquire(t, s.a)
		result := make(chan error)
		go func() {
			result <- l.Do(t.Context(), func(ctx context.Context, _ Token) error {
				<-ctx.Done()
				time.Sleep(time.Second) // to clean up
				return context.Cause(ctx)
			})
		}()
		synctest.Wait()
		begun := time.Now()
		impatient, cancel := context.WithTimeout(t.Context(), time.Second/2)
		defer cancel()
		require.ErrorIs(t, l.Release(impatient), context.DeadlineExceeded)
		_, err := s.b.TryAcquire(t.Context())
		require.ErrorIs(t, err, ErrTaken, "not given up while work is running")
		done := make(chan error)
		go func() { done <- l.Release(t.Context()) }()
		err = <-result
		require.ErrorIs(t, err, ErrReleased, "the cause that work returned")
		require.NotErrorIs(t, err, ErrExpired)
		require.NoError(t, <-done)
		require.Equal(t, time.Second, time.Since(begun))
		require.ErrorIs(t, l.Do(t.Context(), nil), ErrReleased)
	})
}

func TestAContextEndsWhileTheLeaseIsStillHeld(t *testing.T) {
	inBubble(t, func(t *testing.T, s setting) {
		l := acquire(t, s.a)
		s.store.before.Store(1 << 20) // no renewal succeeds any more
		begun := time.Now()
		ctx, cancel := l.Context(t.Context())
		defer cancel()
		<-ctx.Done()
		require.ErrorIs(t, context.Cause(ctx), ErrExpiring)
		require.NoError(t, l.Check(), "still held")
		require.Equal(t, ttl-2*epsilon-ttl/8, time.Since(begun), "the margin before Latest reaches the expiry")
		late, cancel := l.Context(t.Context())
		defer cancel()
		require.ErrorIs(t, context.Cause(late), ErrExpiring, "it has ended from the beginning")
		err := l.Do(t.Context(), func(context.Context, Token) error { t.Error("work was begun in the margin"); return nil })
		require.ErrorIs(t, err, ErrExpiring)

		status := l.Status()
		require.Positive(t, status.Failures)
		require.ErrorIs(t, status.Failure, errNetwork)
		time.Sleep(ttl)
		require.ErrorIs(t, l.Check(), ErrExpired)
		require.Equal(t, Expired, l.State())
		require.ErrorIs(t, l.Status().Ended, ErrExpired, "noticed in the background")
	})
}

func TestDoTellsThatWorkOutlivedTheLease(t *testing.T) {
	inBubble(t, func(t *testing.T, s setting) {
		l := acquire(t, s.a)
		s.store.before.Store(1 << 20)
		mine := errors.New("mine")
		err := l.Do(t.Context(), func(_ context.Context, token Token) error {
			require.Equal(t, Token(1), token)
			time.Sleep(ttl) // and does not look at its context
			return mine
		})
		require.ErrorIs(t, err, mine)
		require.ErrorIs(t, err, ErrUncertain, "ttl after the request: past the expiry for some clocks")
		s.store.before.Store(0)
		require.NoError(t, acquire(t, s.b).Do(t.Context(), func(context.Context, Token) error { return nil }))
	})
}

func TestALostReplyIsDecidedByTheRecord(t *testing.T) {
	inBubble(t, func(t *testing.T, s setting) {
		s.store.after.Store(1)
		l := acquire(t, s.a)
		require.Equal(t, Token(1), l.Token(), "taken by the request whose reply was lost, and not again")
		require.Equal(t, int32(1), s.store.swaps.Load())

		before := l.Status().Expiry
		time.Sleep(time.Second)
		s.store.after.Store(1)
		require.ErrorIs(t, l.Renew(t.Context()), errNetwork)
		require.Equal(t, before, l.Status().Expiry, "what was not confirmed is not believed")
		time.Sleep(time.Millisecond)
		require.NoError(t, l.Renew(t.Context()))
		require.Greater(t, l.Status().Expiry, before)
		require.NoError(t, l.Status().Failure)

		s.store.after.Store(1)
		require.NoError(t, l.Release(t.Context()))
		require.Equal(t, int32(4), s.store.swaps.Load(), "one to take, two renewals, one to release")
	})
}

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

func TestAClockThatRefusesMakesTheLeaseFailClosed(t *testing.T) {
	inBubble(t, func(t *testing.T, s setting) {
		l := acquire(t, s.a)
		ctx, cancel := l.Context(t.Context())
		defer cancel()
		time.Sleep(time.Second)
		s.clock.refuse(truetime.ErrNotSynchronized)
		refused := time.Now()
		for _, err := range []error{l.Check(), l.Renew(t.Context()), l.Do(t.Context(), nil)} {
			require.ErrorIs(t, err, ErrClock)
			require.ErrorIs(t, err, truetime.ErrNotSynchronized)
		}
		_, err := l.Timestamp()
		require.ErrorIs(t, err, ErrClock)
		require.Equal(t, Uncertain, l.State())
		_, err = s.b.TryAcquire(t.Context())
		require.ErrorIs(t, err, ErrClock)
		<-ctx.Done()
		require.ErrorIs(t, context.Cause(ctx), ErrClock)
		require.LessOrEqual(t, time.Since(refused), ttl/16, "noticed within half a margin")

		s.clock.refuse(nil)
		require.NoError(t, l.Check(), "the record has kept running")
		s.clock.epsilon.Store(int64(ttl/8 + 1))
		require.ErrorIs(t, l.Check(), ErrClock, "wider than MaxUncertainty")
		s.clock.epsilon.Store(-1)
		require.ErrorIs(t, l.Check(), ErrClock, "upside down")
		s.clock.epsilon.Store(int64(epsilon))
		require.NoError(t, l.Check())
		_, err = l.Timestamp()
		require.NoError(t, err)
		s.clock.refuse(truetime.ErrClosed)
		require.ErrorIs(t, l.Release(t.Context()), truetime.ErrClosed)
	})
}

func TestARevokedHolderFindsOutAtItsNextRenewal(t *testing.T) {
	inBubble(t, func(t *testing.T, s setting) {
		l := acquire(t, s.a)
		seen, err := s.store.Memory.Load(t.Context(), "job")
		require.NoError(t, err)
		require.NoError(t, Revoke(t.Context(), s.store, "job", seen))
		require.ErrorIs(t, Revoke(t.Context(), s.store, "job", seen), ErrConflict)
		next := acquire(t, s.b)
		require.Equal(t, Token(2), next.Token())
		err = l.Do(t.Context(), func(context.Context, Token) error { time.Sleep(ttl / 3); return nil })
		require.ErrorIs(t, err, ErrLost)
		require.ErrorIs(t, l.Check(), ErrLost)
		require.NoError(t, next.Check())
	})
}

func TestNothingRunsAfterClose(t *testing.T) {
	inBubble(t, func(t *testing.T, s setting) {
		l := acquire(t, s.a)
		s.store.hangs.Store(1 << 20) // a renewal is stuck in the store
		time.Sleep(ttl / 2)
		ctx, cancel := l.Context(t.Context())
		defer cancel()
		require.NoError(t, l.Close())
		require.NoError(t, l.Close())
		require.ErrorIs(t, context.Cause(ctx), ErrClosed)
		goleak.VerifyNone(t, goleak.IgnoreCurrent())
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
