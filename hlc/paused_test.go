package hlc_test

import (
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/hlc"
	"github.com/epsilontime/epsilon/truetime"
)

// interrupted is a manual clock whose reader loses its processor right after a reading: everything
// in meanwhile happens before the reader goes on with the interval that it has.
type interrupted struct {
	*manual
	mu        sync.Mutex
	meanwhile []func() // one for each reading to come; nil where nothing happens
}

func (i *interrupted) Now() (truetime.Interval, error) {
	now, err := i.manual.Now()
	i.mu.Lock()
	var happens func()
	if len(i.meanwhile) > 0 {
		happens, i.meanwhile = i.meanwhile[0], i.meanwhile[1:]
	}
	i.mu.Unlock()
	if happens != nil {
		happens()
	}
	return now, err
}

// at the next readings these things happen, and nothing at those after them.
func (i *interrupted) at(meanwhile ...func()) (rest []func()) {
	i.mu.Lock()
	defer i.mu.Unlock()
	rest, i.meanwhile = i.meanwhile, meanwhile
	return rest
}

// A goroutine is paused for longer than timestamps may run ahead, between its reading and its look
// at the last timestamp. Nobody is ahead of physical time, so nobody may be told so.
func TestAReaderThatIsPausedIsNotAhead(t *testing.T) {
	for name, call := range map[string]func(*hlc.Clock) (hlc.Timestamp, error){
		"Now":          (*hlc.Clock).Now,
		"Update":       func(c *hlc.Clock) (hlc.Timestamp, error) { return c.Update(hlc.Timestamp(start), "peer") },
		"UpdateWithin": func(c *hlc.Clock) (hlc.Timestamp, error) { return c.UpdateWithin(hlc.Timestamp(start), 0, "peer") },
	} {
		for _, pauses := range []int{1, 2, 5} { // in a row: also while the interval is read again
			source := &interrupted{manual: at(start, time.Millisecond)}
			clock := newClock(t, source)
			var given hlc.Timestamp
			var meanwhile []func()
			for n := range pauses {
				meanwhile = append(meanwhile, func() {
					source.set(start.Add(time.Duration(n+1)*time.Hour), start.Add(time.Duration(n+1)*time.Hour))
					rest := source.at()
					given = now(t, clock) // by another goroutine
					source.at(rest...)
				})
			}
			source.at(meanwhile...)
			got, err := call(clock)
			require.NoError(t, err, "%s, paused %d times", name, pauses)
			require.Greater(t, got, given, name)
			require.Equal(t, clock.Last(), got, name)
		}
	}
}

// The refusal that is right is still one, and names the interval by which it is.
func TestAReaderThatIsPausedIsRefusedByANewInterval(t *testing.T) {
	source := &interrupted{manual: at(start, 0)}
	clock := newClock(t, source, hlc.WithMaxAhead(time.Second), hlc.WithTolerance(time.Second))
	source.at(func() {
		source.set(start.Add(time.Minute), start.Add(time.Minute))
		require.NoError(t, clock.Observe(hlc.Timestamp(start.Add(time.Minute+time.Second)), "peer"))
	})
	_, err := clock.Now()
	var ahead *hlc.AheadError
	require.ErrorAs(t, err, &ahead)
	require.Equal(t, start.Add(time.Minute), ahead.Latest)
	require.Equal(t, time.Duration(1), ahead.Wait)

	// If the clock refuses when it is asked again, that is the reason.
	source.set(start, start)
	source.err = truetime.ErrNotSynchronized
	source.at(func() { source.answer.Store(nil) })
	_, err = clock.Now()
	require.ErrorIs(t, err, truetime.ErrNotSynchronized)
	require.NotErrorIs(t, err, hlc.ErrTooFarAhead)
}

// What could not be issued while the interval for the next bound was read is within that bound.
func TestABoundCoversWhatWasRefusedWhileTheIntervalWasRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source, store := &interrupted{manual: at(start, 0)}, &memoryStore{}
		clock := open(t, source, store, hlc.WithReserve(3*time.Second), hlc.WithMaxAhead(time.Hour), hlc.WithTolerance(time.Hour))
		remote := hlc.Timestamp(start.Add(10 * time.Second))
		source.at(func() { // the reading of the first renewal
			require.ErrorIs(t, clock.Observe(remote, "peer"), hlc.ErrNotDurable)
		})
		time.Sleep(time.Second + time.Millisecond) // that renewal, and the one that was asked for
		synctest.Wait()
		require.NoError(t, clock.Observe(remote, "peer"))
	})
}

// The clock is asked once at the start, and not again when it may refuse: what was waited for is
// there.
func TestOpenStartsByTheIntervalThatItWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source := &interrupted{manual: &manual{err: truetime.ErrNotSynchronized}}
		lost := func() { source.answer.Store(nil) }
		source.at(nil, nil, lost)
		time.AfterFunc(30*time.Millisecond, func() { source.set(start, start) })
		clock := open(t, source, &memoryStore{}, hlc.WithReserve(time.Second))
		source.set(start.Add(time.Second), start.Add(time.Second))
		require.Equal(t, start.Add(time.Second), now(t, clock).Time(), "the bound is the reserve after that interval")
	})
}
