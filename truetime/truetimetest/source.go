package truetimetest

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/epsilontime/epsilon/monotonic"
	"github.com/epsilontime/epsilon/truetime"
)

// Source is a [truetime.Source] without a network, which says that it is time.Now, off by as much as it is told to. It is for
// tests of code that makes a [truetime.Clock]: in a bubble of testing/synctest with the options of [BubbleOptions], or
// outside of one, where it serves the machine's wall clock. Its methods may be called by several goroutines, and what they
// change holds from the next poll on.
type Source struct {
	name string

	mu            sync.Mutex
	offset, claim time.Duration
	there, back   time.Duration
	silent        bool
	err           error
	polls         int
}

// NewSource returns a source that is off by offset and claims to be off by claim at most: it lies if that is less. An
// exchange with it takes no time. It panics without a name, or if claim is below 0, since that is a mistake in a test.
func NewSource(name string, offset, claim time.Duration) *Source {
	s := &Source{name: name}
	if name == "" {
		panic("truetimetest: a source needs a name, which tells it from the others of a clock")
	}
	s.Set(offset, claim)
	return s
}

// Set changes what it is off by and claims, and has it answer again if it was silent or failed.
func (s *Source) Set(offset, claim time.Duration) {
	if claim < 0 {
		panic(fmt.Sprintf("truetimetest: source %s claims %v: it must not be below 0", s.name, claim))
	}
	s.change(func() { s.offset, s.claim, s.silent, s.err = offset, claim, false, nil })
}

// Delay makes requests take so long to it, and replies so long back.
func (s *Source) Delay(there, back time.Duration) { s.change(func() { s.there, s.back = there, back }) }

// Silence has it not answer until Set is called.
func (s *Source) Silence() { s.change(func() { s.silent = true }) }

// Fail has it answer with an error, such as [truetime.ErrUnusable], until Set is called.
func (s *Source) Fail(err error) { s.change(func() { s.err = err }) }

// Polls returns how many times it has been asked.
func (s *Source) Polls() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.polls
}

func (s *Source) change(change func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change()
}

// Info describes the source.
func (s *Source) Info() truetime.SourceInfo {
	return truetime.SourceInfo{Name: s.name, Peer: s.name}
}

// Sample performs an exchange.
func (s *Source) Sample(ctx context.Context, counter monotonic.Counter) (truetime.Sample, error) {
	s.mu.Lock()
	s.polls++
	offset, claim, there, back, silent, err := s.offset, s.claim, s.there, s.back, s.silent, s.err
	s.mu.Unlock()
	sent := counter.Now()
	if silent {
		<-ctx.Done()
		return truetime.Sample{}, ctx.Err()
	}
	if err := passing(ctx, there); err != nil {
		return truetime.Sample{}, err
	}
	stamp := truetime.FromStd(time.Now()).Add(offset)
	if err := passing(ctx, back); err != nil {
		return truetime.Sample{}, err
	}
	if err != nil {
		return truetime.Sample{}, fmt.Errorf("%s: %w", s.name, err)
	}
	received := counter.Now()
	return truetime.Sample{
		Sent: sent, Latest: stamp.Add(claim),
		Received: received, Earliest: stamp.Add(-claim),
		Peer: s.name, Identity: s.name, Leap: truetime.LeapNone,
		Delay: received.Sub(sent), Claim: claim,
	}, nil
}

// passing lets a time pass, unless ctx ends.
func passing(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// BubbleOptions returns the options with which a [truetime.Clock] runs in a bubble of testing/synctest: a counter that goes by the
// bubble's time and runs fast by driftPPM, and that sources are believed in the year 2000, in which bubbles begin, and a year before.
func BubbleOptions(driftPPM float64) []truetime.Option {
	begun := time.Now()
	return []truetime.Option{
		truetime.WithCounter(bubbleCounter{begun, driftPPM * 1e-6}),
		truetime.WithPlausibleSince(truetime.FromStd(begun.AddDate(-1, 0, 0))),
	}
}

// bubbleCounter goes by the time of a bubble.
type bubbleCounter struct {
	begun time.Time
	fast  float64
}

// Now returns the counter's reading.
func (c bubbleCounter) Now() monotonic.Instant {
	elapsed := time.Since(c.begun)
	return monotonic.Instant(elapsed + time.Duration(c.fast*float64(elapsed)))
}
