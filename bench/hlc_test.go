package bench

import (
	"sync"
	"testing"
	"time"

	"github.com/epsilontime/epsilon/hlc"
	"github.com/epsilontime/epsilon/monotonic"
)

func newHLC(b *testing.B) *hlc.Clock {
	b.Helper()
	clock, err := hlc.New(newClock(b, monotonic.System))
	if err != nil {
		b.Fatal(err)
	}
	return clock
}

// BenchmarkHLCNow is a hybrid logical clock on a synchronized interval clock.
func BenchmarkHLCNow(b *testing.B) {
	clock := newHLC(b)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := clock.Now(); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkHLCNowParallel(b *testing.B) {
	clock := newHLC(b)
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := clock.Now(); err != nil {
				b.Error(err)
				return
			}
		}
	})
}

// BenchmarkHLCUpdate merges a timestamp that is a little behind or, every second time, ahead.
func BenchmarkHLCUpdate(b *testing.B) {
	clock := newHLC(b)
	remote, err := clock.Now()
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if remote, err = clock.Update(remote+hlc.Timestamp(i&1*20), "peer"); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkHLCObserve merges a timestamp that is behind, as most that are read are.
func BenchmarkHLCObserve(b *testing.B) {
	clock := newHLC(b)
	remote, err := clock.Now()
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if err := clock.Observe(remote, "peer"); err != nil {
			b.Fatal(err)
		}
	}
}

// mutexHLC is the usual hybrid logical clock: a mutex, the wall clock, and a pair of wall and logical
// time, which is the shape of CockroachDB's.
type mutexHLC struct {
	mu   sync.Mutex
	last pair
}

type pair struct {
	wall    int64
	logical int32
}

func (c *mutexHLC) now() pair {
	wall := time.Now().UnixNano()
	c.mu.Lock()
	defer c.mu.Unlock()
	if wall > c.last.wall {
		c.last = pair{wall: wall}
	} else {
		c.last.logical++
	}
	return c.last
}

func (c *mutexHLC) update(remote pair) pair {
	wall := time.Now().UnixNano()
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case wall > c.last.wall && wall > remote.wall:
		c.last = pair{wall: wall}
	case remote.wall > c.last.wall:
		c.last = pair{remote.wall, remote.logical + 1}
	case remote.wall == c.last.wall:
		c.last.logical = max(c.last.logical, remote.logical) + 1
	default:
		c.last.logical++
	}
	return c.last
}

func BenchmarkMutexHLCNow(b *testing.B) {
	var clock mutexHLC
	b.ReportAllocs()
	for b.Loop() {
		clock.now()
	}
}

func BenchmarkMutexHLCNowParallel(b *testing.B) {
	var clock mutexHLC
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			clock.now()
		}
	})
}

func BenchmarkMutexHLCUpdate(b *testing.B) {
	var clock mutexHLC
	remote := clock.now()
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		remote.wall += int64(i & 1 * 20)
		remote = clock.update(remote)
	}
}
