package main

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/epsilontime/epsilon/monotonic"
	"github.com/epsilontime/epsilon/ntpsrc"
	"github.com/epsilontime/epsilon/truetime"
)

// nodeClock is the clock of a node: a truetime.Clock on servers of its own and a counter that can
// be made to run too fast, or the wall clock for those who want to see what comes of it.
type nodeClock struct {
	*truetime.Clock
	counter *skewed
	wall    time.Duration
}

// noWall says that the wall clock is not to be trusted, as it should not be.
const noWall = -1

func newNodeClock(ctx context.Context, servers []string, ppm float64, wall time.Duration) (*nodeClock, error) {
	if wall != noWall {
		return &nodeClock{wall: wall}, nil
	}
	if len(servers) == 1 && servers[0] == "" {
		return nil, fmt.Errorf("a node needs NTP servers: -ntp host:port,…")
	}
	counter, err := newSkewed(ppm)
	if err != nil {
		return nil, err
	}
	clock, err := truetime.New(ntpsrc.Servers(servers...),
		truetime.WithCounter(counter), truetime.WithPoll(200*time.Millisecond, time.Second))
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	if err := clock.WaitSynchronized(ctx, 100*time.Millisecond); err != nil {
		clock.Close()
		return nil, err
	}
	return &nodeClock{Clock: clock, counter: counter, wall: noWall}, nil
}

// Now is the interval, or a moment that only claims to be one.
func (c *nodeClock) Now() (truetime.Interval, error) {
	if c.Clock == nil {
		now := truetime.FromStd(time.Now().Add(c.wall))
		return truetime.Interval{Earliest: now, Latest: now}, nil
	}
	return c.Clock.Now()
}

// Changed lets commit-waits end as soon as a sample allows it.
func (c *nodeClock) Changed() <-chan struct{} {
	if c.Clock == nil {
		return nil
	}
	return c.Clock.Changed()
}

func (c *nodeClock) Close() {
	if c.Clock != nil {
		c.Clock.Close()
	}
}

func (c *nodeClock) describe() string {
	if c.Clock == nil {
		return "wall clock"
	}
	return c.Status().State.String()
}

func (c *nodeClock) uncertainty() time.Duration {
	now, err := c.Now()
	if err != nil {
		return -1
	}
	return now.Uncertainty()
}

func (c *nodeClock) skew(ppm float64) {
	if c.counter != nil {
		c.counter.set(ppm)
	}
}

// skewed is the machine's counter, run too fast.
type skewed struct {
	base monotonic.Counter

	mu        sync.Mutex
	from, was monotonic.Instant // the base, and this counter, when the rate was last changed
	rate      float64
}

func newSkewed(ppm float64) (*skewed, error) {
	base, err := monotonic.System()
	if err != nil {
		return nil, err
	}
	return &skewed{base: base, from: base.Now(), rate: 1 + ppm/1e6}, nil
}

// Now implements monotonic.Counter.
func (s *skewed) Now() monotonic.Instant {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.at(s.base.Now())
}

func (s *skewed) at(base monotonic.Instant) monotonic.Instant {
	return s.was.Add(time.Duration(float64(base.Sub(s.from)) * s.rate))
}

func (s *skewed) set(ppm float64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.base.Now()
	s.from, s.was, s.rate = now, s.at(now), 1+ppm/1e6
}
