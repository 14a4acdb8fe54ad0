package hlc_test

import (
	"errors"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/hlc"
	"github.com/epsilontime/epsilon/truetime"
)

func TestNowFollowsTheChosenMomentOfTheInterval(t *testing.T) {
	for physical, want := range map[hlc.PhysicalTime]truetime.Time{
		hlc.Earliest: start - 2000,
		hlc.Midpoint: start + 1000,
		hlc.Latest:   start + 4000,
	} {
		source := &manual{}
		source.set(start-2000, start+4000)
		clock := newClock(t, source, hlc.WithPhysicalTime(physical))
		require.Equal(t, want, now(t, clock).Time())
		require.Equal(t, want+1, now(t, clock).Time(), "time stands still, timestamps do not")
	}
	require.Equal(t, start.Add(time.Millisecond), now(t, newClock(t, at(start, time.Millisecond))).Time(), "the default is Latest")
}

func TestTimestampsGoOnWhenTheIntervalGoesBack(t *testing.T) {
	source := at(start, 0)
	clock := newClock(t, source)
	before := now(t, clock)
	source.set(start-1000, start-1000)
	require.Equal(t, before+1, now(t, clock))
}

func TestUpdateIsAfterBothClocks(t *testing.T) {
	for name, row := range map[string]struct{ remote, want hlc.Timestamp }{
		"remote behind":  {remote: oldest, want: hlc.Timestamp(start) + 1},
		"remote equal":   {remote: hlc.Timestamp(start), want: hlc.Timestamp(start) + 1},
		"remote ahead":   {remote: hlc.Timestamp(start) + 50, want: hlc.Timestamp(start) + 51},
		"as tolerated":   {remote: hlc.Timestamp(start) + 100, want: hlc.Timestamp(start) + 101},
		"physical ahead": {remote: hlc.Timestamp(start) - 50, want: hlc.Timestamp(start) + 1},
	} {
		t.Run(name, func(t *testing.T) {
			clock := newClock(t, at(start, 0), hlc.WithTolerance(100))
			require.Equal(t, hlc.Timestamp(start), now(t, clock))
			got, err := clock.Update(row.remote, "peer")
			require.NoError(t, err)
			require.Equal(t, row.want, got)
			require.Equal(t, row.want, clock.Last())
		})
	}
	clock := newClock(t, at(start, 0))
	got, err := clock.Update(oldest, "peer")
	require.NoError(t, err)
	require.Equal(t, start, got.Time(), "physical time counts for receptions, too")
}

func TestWhatIsFromTheFutureIsRefusedBeforeItIsMerged(t *testing.T) {
	clock := newClock(t, at(start, time.Microsecond), hlc.WithTolerance(100))
	before := now(t, clock)
	limit := hlc.Timestamp(start.Add(time.Microsecond)) + 100

	refused := map[string]func(hlc.Timestamp) error{
		"Update":  func(r hlc.Timestamp) error { _, err := clock.Update(r, "node-7"); return err },
		"Observe": func(r hlc.Timestamp) error { return clock.Observe(r, "node-7") },
		"UpdateWithin": func(r hlc.Timestamp) error {
			_, err := clock.UpdateWithin(r, time.Hour, "node-7") // cannot widen the tolerance
			return err
		},
	}
	for name, receive := range refused {
		for _, remote := range []hlc.Timestamp{limit + 1, limit + hlc.Timestamp(8*time.Hour), math.MaxInt64} {
			err := receive(remote)
			require.ErrorIs(t, err, hlc.ErrFromFuture, name)
			var future *hlc.FutureError
			require.ErrorAs(t, err, &future, name)
			require.Equal(t, "node-7", future.From)
			require.Equal(t, remote, future.Remote)
			require.Equal(t, remote.Time().Sub(start.Add(time.Microsecond)), future.Ahead())
			require.Contains(t, err.Error(), `"node-7"`)
			require.Equal(t, before, clock.Last(), "nothing has changed")
		}
	}
	require.NoError(t, clock.Observe(limit, "node-7"), "the limit itself is tolerated")
	got, err := clock.Update(limit, "node-7")
	require.NoError(t, err)
	require.Equal(t, limit+1, got)
}

func TestADeclaredUncertaintyNarrowsTheTolerance(t *testing.T) {
	clock := newClock(t, at(start, 0), hlc.WithTolerance(1000))
	_, err := clock.UpdateWithin(hlc.Timestamp(start)+11, 10, "peer")
	require.ErrorIs(t, err, hlc.ErrFromFuture)
	_, err = clock.UpdateWithin(hlc.Timestamp(start)+1, -5, "peer")
	require.ErrorIs(t, err, hlc.ErrFromFuture)
	_, err = clock.UpdateWithin(hlc.Timestamp(start), -5, "peer")
	require.NoError(t, err, "below 0 counts as 0")
	got, err := clock.UpdateWithin(hlc.Timestamp(start)+10, 10, "peer")
	require.NoError(t, err)
	require.Equal(t, hlc.Timestamp(start)+11, got)
}

func TestObserveMergesWithoutATick(t *testing.T) {
	source := at(start, 0)
	clock := newClock(t, source)
	before := now(t, clock)
	require.NoError(t, clock.Observe(before, "row"))
	require.NoError(t, clock.Observe(before-100, "row"))
	require.Equal(t, before, clock.Last())
	require.NoError(t, clock.Observe(before+100, "row"))
	require.Equal(t, before+100, clock.Last())
	require.Equal(t, before+101, now(t, clock))

	source.answer.Store(nil)
	source.err = truetime.ErrNotSynchronized
	require.NoError(t, clock.Observe(before, "row"), "what is past already needs no interval")
	require.ErrorIs(t, clock.Observe(before+200, "row"), truetime.ErrNotSynchronized)
}

func TestRunningAheadEndsInAnErrorThatPasses(t *testing.T) {
	source := at(start, 0)
	clock := newClock(t, source, hlc.WithMaxAhead(100), hlc.WithTolerance(90))
	_, err := clock.Update(hlc.Timestamp(start)+90, "peer")
	require.NoError(t, err)
	for want := start + 92; want <= start+100; want++ {
		require.Equal(t, want, now(t, clock).Time())
	}
	for range 3 { // time stands still
		_, err = clock.Now()
		require.ErrorIs(t, err, hlc.ErrTooFarAhead)
		_, err = clock.Update(oldest, "peer")
		require.ErrorIs(t, err, hlc.ErrTooFarAhead)
		require.Equal(t, start+100, clock.Last().Time(), "no ratchet")
	}
	source.set(start-1_000_000, start-1_000_000) // a disruption
	_, err = clock.Now()
	var ahead *hlc.AheadError
	require.ErrorAs(t, err, &ahead)
	require.Equal(t, time.Millisecond+1, ahead.Wait)
	require.Contains(t, err.Error(), "try again in 1.000001ms")

	short := (start - 1_000_000).Add(ahead.Wait - 1)
	source.set(short, short)
	_, err = clock.Now()
	require.ErrorIs(t, err, hlc.ErrTooFarAhead, "a nanosecond too early")
	waited := (start - 1_000_000).Add(ahead.Wait)
	source.set(waited, waited)
	require.Equal(t, start+101, now(t, clock).Time())
}

func TestTheEndsOfTimeAreErrorsAndNotWrapped(t *testing.T) {
	source := &manual{}
	clock := newClock(t, source)
	source.set(math.MaxInt64-1, math.MaxInt64-1)
	require.Equal(t, truetime.Time(math.MaxInt64-1), now(t, clock).Time())
	require.Equal(t, truetime.Time(math.MaxInt64), now(t, clock).Time())
	_, err := clock.Now()
	require.ErrorIs(t, err, hlc.ErrTooFarAhead)
	_, err = clock.Update(math.MaxInt64, "peer")
	require.ErrorIs(t, err, hlc.ErrTooFarAhead)
	require.Equal(t, hlc.Timestamp(math.MaxInt64), clock.Last())

	source = &manual{}
	clock = newClock(t, source, hlc.WithMaxAhead(1))
	source.set(math.MinInt64, math.MinInt64)
	_, err = clock.Now()
	var ahead *hlc.AheadError
	require.ErrorAs(t, err, &ahead, "long before 1970 no timestamp is valid")
	require.Equal(t, time.Duration(math.MaxInt64), ahead.Wait)
}

func TestWhatIsNoTimestampIsNotMerged(t *testing.T) {
	clock := newClock(t, at(start, 0))
	for _, remote := range []hlc.Timestamp{0, -1, math.MinInt64} {
		_, err := clock.Update(remote, "node-7")
		require.ErrorIs(t, err, hlc.ErrInvalidTimestamp)
		require.ErrorContains(t, err, `"node-7"`)
		_, err = clock.UpdateWithin(remote, 0, "node-7")
		require.ErrorIs(t, err, hlc.ErrInvalidTimestamp)
		require.ErrorIs(t, clock.Observe(remote, "node-7"), hlc.ErrInvalidTimestamp)
	}
	require.Zero(t, clock.Last())
}

// A time in milliseconds is a valid Timestamp, of 1970, and is behind every clock: to merge it would
// succeed, and order nothing.
func TestATimestampInAnotherUnitIsNotMerged(t *testing.T) {
	clock := newClock(t, at(start, 0))
	now := start.Std()
	for _, remote := range []hlc.Timestamp{
		hlc.Timestamp(now.Unix()), hlc.Timestamp(now.UnixMilli()), hlc.Timestamp(now.UnixMicro()), oldest - 1,
	} {
		_, err := clock.Update(remote, "node-7")
		require.ErrorIs(t, err, hlc.ErrInvalidTimestamp)
		require.ErrorContains(t, err, `from "node-7"`)
		require.ErrorContains(t, err, "before 1990: it must be in nanoseconds")
		_, err = clock.UpdateWithin(remote, 0, "node-7")
		require.ErrorIs(t, err, hlc.ErrInvalidTimestamp)
		require.ErrorIs(t, clock.Observe(remote, "node-7"), hlc.ErrInvalidTimestamp)
	}
	require.Zero(t, clock.Last())
	_, err := clock.Update(0, "node-7")
	require.EqualError(t, err, `hlc: invalid timestamp from "node-7": the timestamp is zero, which stands for no time`)
	require.NoError(t, clock.Observe(oldest, "node-7"))
}

func TestWithoutAnIntervalThereIsNoTimestamp(t *testing.T) {
	source := &manual{err: truetime.ErrNotSynchronized}
	clock := newClock(t, source)
	_, err := clock.Now()
	require.ErrorIs(t, err, truetime.ErrNotSynchronized)
	_, err = clock.Update(oldest, "peer")
	require.ErrorIs(t, err, truetime.ErrNotSynchronized)

	for _, bad := range []truetime.Interval{{}, {Earliest: start + 1, Latest: start}} {
		source.set(bad.Earliest, bad.Latest)
		_, err = clock.Now()
		require.ErrorIs(t, err, hlc.ErrInvalidInterval)
		require.ErrorIs(t, clock.Observe(oldest, "peer"), hlc.ErrInvalidInterval)
	}
	require.Zero(t, clock.Last())
}

func TestAClosedClockSaysSo(t *testing.T) {
	source := at(start, 0)
	clock := newClock(t, source)
	now(t, clock)
	require.NoError(t, clock.Close())
	require.NoError(t, clock.Close())
	for range 2 {
		_, err := clock.Now()
		require.ErrorIs(t, err, hlc.ErrClosed)
		_, err = clock.Update(hlc.Timestamp(start)+5, "peer")
		require.ErrorIs(t, err, hlc.ErrClosed)
		require.ErrorIs(t, clock.Observe(oldest, "peer"), hlc.ErrClosed)
		require.Zero(t, clock.Last())
		source.answer.Store(nil)
		source.err = errors.New("closed, too")
	}
}

func TestMistakesInOptionsAreReportedTogether(t *testing.T) {
	_, err := hlc.Open(t.Context(), (*manual)(nil), (*hlc.FileStore)(nil), nil, hlc.Option(nil), hlc.WithPhysicalTime(3), hlc.WithTolerance(-1), hlc.WithMaxAhead(0), hlc.WithReserve(0))
	for _, mistake := range []string{"the interval clock is nil", "the store is nil", "an option is nil", "physical time: 3", "tolerance of -1ns", "running ahead", "reserve of 0s"} {
		require.ErrorContains(t, err, mistake)
	}
	_, err = hlc.New(nil, nil)
	require.ErrorContains(t, err, "the interval clock is nil")
	require.ErrorContains(t, err, "an option is nil")
	_, err = hlc.New(at(start, 0), hlc.WithTolerance(2*time.Second))
	require.ErrorContains(t, err, "tolerance of 2s")
	_, err = hlc.New(at(start, 0), hlc.WithMaxAhead(time.Millisecond))
	require.NoError(t, err, "the default tolerance follows")
	_, err = hlc.Open(t.Context(), at(start, 0), nil)
	require.ErrorContains(t, err, "the store is nil")
}

func TestAZeroClockOrStoreSaysHowItIsMade(t *testing.T) {
	var clock hlc.Clock
	_, err := clock.Now()
	require.ErrorIs(t, err, hlc.ErrUnmade)
	_, err = clock.Update(hlc.Timestamp(start), "peer")
	require.ErrorIs(t, err, hlc.ErrUnmade)
	require.ErrorIs(t, clock.Observe(hlc.Timestamp(start), "peer"), hlc.ErrUnmade)
	require.Zero(t, clock.Last())
	require.NoError(t, clock.Close())

	var store hlc.FileStore
	_, err = store.Load(t.Context())
	require.ErrorIs(t, err, hlc.ErrUnmade)
	require.ErrorIs(t, store.Save(t.Context(), hlc.Timestamp(start)), hlc.ErrUnmade)
	require.NoError(t, store.Close())
}

func TestNothingIsAllocated(t *testing.T) {
	clock := newClock(t, at(start, 0))
	remote, from := now(t, clock), "peer"
	for name, call := range map[string]func(){
		"Now":          func() { now(t, clock) },
		"Update":       func() { _, _ = clock.Update(remote, from) },
		"UpdateWithin": func() { _, _ = clock.UpdateWithin(remote, 0, from) },
		"Observe":      func() { _ = clock.Observe(clock.Last()+1, from) },
		"Last":         func() { clock.Last() },
	} {
		require.Zero(t, testing.AllocsPerRun(100, call), name)
	}
}
