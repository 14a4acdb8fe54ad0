package bench

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/cpu"

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

// BenchmarkHLCNowParallel is one clock that all processors ask without doing anything else. They pass its
// word from one to the other at nearly every call, so it takes at least what BenchmarkHLCFloorParallel takes,
// and no fraction of BenchmarkHLCNow. Two fifths of BenchmarkMutexHLCNowParallel would be less than
// BenchmarkHLCNow, so two processors would have to get more from one word than one that has it alone.
//
// BenchmarkHLCOnAllProcessors compares them on a machine that is not idle too.
//
// Tried and left out, on two processors: to add 1 where the word is ahead of physical time already, which
// cannot fail; to do so after a failed swap; to add first and swap where that is not enough; and to work out
// before the loop what does not depend on the word. None is faster. To fetch the word for writing before the counter is read is no
// faster. To back off for 2 µs after a failed swap makes it a quarter faster, as one processor goes on
// alone meanwhile, but 2 to 15 % slower as soon as callers do something else for 40 ns or more between two
// calls, and then the slowest calls take as long as the wait.
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

// BenchmarkHLCFloorParallel is the least that a call can do if all calls meet in one word: an interval, and
// one addition to the word, which never has to be repeated. It is no clock. BenchmarkNowParallel is the
// same without the word.
func BenchmarkHLCFloorParallel(b *testing.B) {
	clock := newClock(b, monotonic.System)
	var shared struct {
		_    cpu.CacheLinePad
		word atomic.Int64
		_    cpu.CacheLinePad
	}
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := clock.Now(); err != nil {
				b.Error(err)
				return
			}
			shared.word.Add(1)
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
// time, which is the shape of CockroachDB's. That one reads the wall clock before it locks, as this does,
// and has a second word in which it notices jumps; without it this is the faster of the two.
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
