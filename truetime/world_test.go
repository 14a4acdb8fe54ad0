package truetime

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/monotonic"
)

// The tests of the clock run in a bubble of testing/synctest: its time is true time, stands still
// while anybody works, and jumps to the next timer. Nothing depends on the machine's speed.

// bubbleCounter is a counter that runs ppm fast against true time.
type bubbleCounter struct {
	start time.Time
	ppm   int64
}

func newBubbleCounter(ppm int64) bubbleCounter { return bubbleCounter{time.Now(), ppm} }

func (c bubbleCounter) Now() monotonic.Instant {
	elapsed := int64(time.Since(c.start))
	return monotonic.Instant(1_000_000 + elapsed + elapsed/1_000_000*c.ppm)
}

func truth() Time { return FromStd(time.Now()) }

// fake is a source in the bubble. Its fields may be changed between polls.
type fake struct {
	name     string
	peer     string
	identity string
	there    time.Duration // delay of the request
	back     time.Duration // delay of the reply

	mu     sync.Mutex
	offset time.Duration
	claim  time.Duration
	fail   error
	silent bool
	keeps  bool          // it returns the sample of the poll before again
	age    time.Duration // it says that its samples follow from something so much older
	polls  []time.Time
	kept   Sample
}

func newFake(name string) *fake {
	return &fake{name: name, there: time.Millisecond, back: time.Millisecond, claim: 100 * time.Microsecond}
}

// fakes returns n honest sources, named a, b, c and so on.
func fakes(n int) (all []*fake) {
	for i := range n {
		all = append(all, newFake(string(rune('a'+i))))
	}
	return all
}

func asSources(all []*fake) (sources []Source) {
	for _, f := range all {
		sources = append(sources, f)
	}
	return sources
}

func (f *fake) Info() SourceInfo { return SourceInfo{Name: f.name} }

func (f *fake) change(change func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change()
}

func (f *fake) Sample(ctx context.Context, counter monotonic.Counter) (Sample, error) {
	f.mu.Lock()
	offset, claim, fail, silent := f.offset, f.claim, f.fail, f.silent
	keeps, kept, age := f.keeps, f.kept, f.age
	f.polls = append(f.polls, time.Now())
	f.mu.Unlock()

	if keeps && !kept.Latest.IsZero() {
		return kept, nil
	}
	if silent {
		<-ctx.Done()
		return Sample{}, ctx.Err()
	}
	s := Sample{Peer: f.peer, Identity: f.identity, Age: age, Sent: counter.Now(), Claim: claim, Delay: f.there + f.back, Stratum: 1}
	if err := pause(ctx, f.there); err != nil {
		return Sample{}, err
	}
	if fail != nil {
		return Sample{}, fail
	}
	stamp := truth().Add(offset)
	s.Latest, s.Earliest = stamp.Add(claim), stamp.Add(-claim)
	if err := pause(ctx, f.back); err != nil {
		return Sample{}, err
	}
	s.Received = counter.Now()
	f.change(func() { f.kept = s })
	return s, nil
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (f *fake) pollsSince(t time.Time) (n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, p := range f.polls {
		if p.After(t) {
			n++
		}
	}
	return n
}

// start makes a clock over the sources in the bubble that is closed at the end of the test.
func start(t *testing.T, sources []Source, options ...Option) *Clock {
	t.Helper()
	// Bubbles begin in the year 2000.
	options = append([]Option{WithCounter(newBubbleCounter(0)), WithPoll(time.Second, 8*time.Second), WithPlausibleSince(1)}, options...)
	c, err := New(sources, options...)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, c.Close()) })
	return c
}

// pass lets true time pass and everything in the bubble come to rest.
func pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func requireTruth(t *testing.T, c *Clock) Interval {
	t.Helper()
	i, err := c.Now()
	require.NoError(t, err)
	require.True(t, i.Contains(truth()), "%v does not contain true time %v", i, truth())
	return i
}

func verdicts(c *Clock) (text string) {
	for _, s := range c.Status().Sources {
		text += fmt.Sprintf("%s=%v ", s.Name, s.Verdict)
	}
	return text
}
