package commitwait

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/truetime"
	"github.com/epsilontime/epsilon/truetime/truetimetest"
)

// sawtooth answers with time.Now ± ε in a bubble, where ε grows for a while and falls at once: then Latest goes back.
type sawtooth time.Duration

func (s sawtooth) Now() (truetime.Interval, error) {
	now := truetime.FromStd(time.Now())
	epsilon := time.Millisecond + time.Duration(now)%time.Duration(s)
	return truetime.Interval{Earliest: now.Add(-epsilon), Latest: now.Add(epsilon)}, nil
}

func newSafeTime(t *testing.T, clock truetime.Reader) (*SafeTime, *Sequencer, *Waiter) {
	waiter, err := NewWaiter(clock)
	require.NoError(t, err)
	sequencer, err := NewSequencer(clock)
	require.NoError(t, err)
	safe, err := NewSafeTime(waiter, sequencer.Raise)
	require.NoError(t, err)
	return safe, sequencer, waiter
}

// A store of versions, with writers that take their time and readers at any timestamp: what a reader sees once is what
// everybody sees at that timestamp for ever.
func TestReadsAtATimestampSeeAllThatWasCommittedUpToIt(t *testing.T) {
	for seed := range uint64(20) {
		synctest.Test(t, func(t *testing.T) {
			random := rand.New(rand.NewPCG(seed, 7))
			safe, sequencer, waiter := newSafeTime(t, sawtooth(5*time.Millisecond))
			defer waiter.Close()
			var mu sync.Mutex
			versions := map[truetime.Time]bool{}
			upTo := func(at truetime.Time) (n int) {
				mu.Lock()
				defer mu.Unlock()
				for v := range versions {
					if !v.After(at) {
						n++
					}
				}
				return n
			}
			seen := map[truetime.Time]int{}
			var all sync.WaitGroup
			for i := range 80 {
				start, takes := time.Duration(random.Int64N(6e7)), time.Duration(random.Int64N(5e6))
				fails, ahead := random.IntN(5) == 0, time.Duration(random.Int64N(8e6)-4e6)
				all.Go(func() {
					if i%4 > 0 {
						return // few enough that a timestamp is not after the others' anyway
					}
					time.Sleep(start)
					timestamp, done, err := safe.Begin(sequencer.Next)
					require.NoError(t, err)
					defer done()
					time.Sleep(takes)
					if !fails {
						mu.Lock()
						versions[timestamp] = true
						mu.Unlock()
					}
				})
				all.Go(func() {
					time.Sleep(start)
					at := truetime.FromStd(time.Now()).Add(ahead)
					if ahead%3 == 0 {
						var err error
						at, err = safe.Safe()
						require.NoError(t, err)
					} else {
						require.NoError(t, safe.Wait(t.Context(), at))
					}
					n := upTo(at)
					mu.Lock()
					seen[at] = n
					mu.Unlock()
				})
			}
			all.Wait()
			require.NotEmpty(t, versions)
			for at, n := range seen {
				require.Equal(t, upTo(at), n, "seed %d: a read at %v", seed, at)
			}
		})
	}
}

func TestAReadThatIsNotSafeSaysWhy(t *testing.T) {
	clock := truetimetest.NewManual(truetime.FromStd(time.Now()), time.Millisecond)
	safe, sequencer, waiter := newSafeTime(t, clock)
	timestamp, done, err := safe.Begin(sequencer.Next)
	require.NoError(t, err)
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("gone away"))
	require.ErrorContains(t, safe.Wait(ctx, timestamp), "is not done, so a read at")
	require.NoError(t, safe.Wait(ctx, timestamp-1), "nobody has to be waited for")
	before, err := safe.Safe()
	require.NoError(t, err)
	require.True(t, before.Before(timestamp))
	done()
	done()
	require.NoError(t, safe.Wait(t.Context(), timestamp))
	later, err := sequencer.Next()
	require.NoError(t, err)
	require.True(t, later.After(timestamp))

	now, err := clock.Now()
	require.NoError(t, err)
	require.ErrorIs(t, safe.Wait(t.Context(), now.Latest.Add(2*time.Hour)), ErrWaitTooLong)
	require.ErrorContains(t, safe.Wait(t.Context(), 5), "1970")
	clock.Refuse(truetime.ErrNotSynchronized)
	require.ErrorIs(t, safe.Wait(t.Context(), timestamp), truetime.ErrNotSynchronized)
	_, err = safe.Safe()
	require.ErrorIs(t, err, truetime.ErrNotSynchronized)
	_, _, err = safe.Begin(sequencer.Next)
	require.ErrorIs(t, err, truetime.ErrNotSynchronized)
	_, _, err = safe.Begin(nil)
	require.Error(t, err)
	require.NoError(t, waiter.Close())

	broken := errors.New("the lease is over")
	clock.Set(now)
	waiter, err = NewWaiter(clock)
	require.NoError(t, err)
	defer waiter.Close()
	safe, err = NewSafeTime(waiter, func(truetime.Time) error { return broken })
	require.NoError(t, err)
	require.ErrorIs(t, safe.Wait(t.Context(), now.Earliest), broken)
	_, err = safe.Safe()
	require.ErrorIs(t, err, broken)
	for _, w := range []*Waiter{nil, {}} {
		_, err = NewSafeTime(w, sequencer.Raise)
		require.ErrorContains(t, err, "needs a Waiter")
	}
}

// Latest of a clock whose ε falls goes back, so a source that only looks at the clock takes a timestamp at which somebody
// has read already.
func TestAWriterDoesNotBeginWhereReadsAreSafe(t *testing.T) {
	start := truetime.FromStd(time.Now())
	clock := truetimetest.NewManual(start, 10*time.Millisecond)
	safe, sequencer, waiter := newSafeTime(t, clock)
	defer waiter.Close()
	latest := func() (truetime.Time, error) {
		now, err := clock.Now()
		return now.Latest, err
	}
	refused := func(at truetime.Time) {
		t.Helper()
		timestamp, done, err := safe.Begin(func() (truetime.Time, error) { return at, nil })
		require.ErrorIs(t, err, errPromised)
		require.Zero(t, timestamp)
		require.Nil(t, done)
	}
	require.NoError(t, safe.Wait(t.Context(), start.Add(5*time.Millisecond)))
	clock.Set(truetime.Interval{Earliest: start.Add(-time.Millisecond), Latest: start.Add(time.Millisecond)})
	_, _, err := safe.Begin(latest)
	require.ErrorIs(t, err, errPromised)
	require.ErrorContains(t, err, "Next of the same Sequencer")
	refused(start.Add(5 * time.Millisecond))
	timestamp, done, err := safe.Begin(sequencer.Next)
	require.NoError(t, err, "a source that heeds the floor goes on")
	require.True(t, timestamp.After(start.Add(5*time.Millisecond)))
	done()

	require.NoError(t, safe.Wait(t.Context(), start), "an earlier read takes nothing back")
	refused(start.Add(5 * time.Millisecond))
	for _, at := range []truetime.Time{0, 5} {
		_, _, err = safe.Begin(func() (truetime.Time, error) { return at, nil })
		require.ErrorContains(t, err, "timestamp")
	}
	require.Empty(t, safe.inFlight)
}

func TestAFloorThatWasNotRaisedPromisesNothing(t *testing.T) {
	start := truetime.FromStd(time.Now())
	waiter, err := NewWaiter(truetimetest.NewManual(start, time.Millisecond))
	require.NoError(t, err)
	defer waiter.Close()
	safe, err := NewSafeTime(waiter, func(truetime.Time) error { return truetime.ErrNotSynchronized })
	require.NoError(t, err)
	require.Error(t, safe.Wait(t.Context(), start))
	_, done, err := safe.Begin(func() (truetime.Time, error) { return start, nil })
	require.NoError(t, err)
	done()
}
