package bench

import (
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/cpu"
	"golang.org/x/sys/unix"

	"github.com/epsilontime/epsilon/hlc"
	"github.com/epsilontime/epsilon/monotonic"
)

// BenchmarkHLCOnAllProcessors is what a call takes while every processor makes one after the other, and
// how many times the floor that is: an interval and one addition to a word that all share, which is no
// clock.
//
//	go test -run '^$' -bench HLCOnAllProcessors -cpu 1,2 -benchtime 100x ./bench
//
// The ways take turns. A turn counts only if every goroutine had a processor from its beginning to its
// end: on a machine that does something else as well, one that is left alone with the word would look
// fast. An iteration is a turn of each way that counts, for which a busy machine takes many.
//
// An addition need not be repeated and its result need not be read first, so a word that goes from h to
// max(h+1, pt) costs more. "swap" is the least of that: one load and one swap, taken for good when it has
// failed, which is no clock either.
func BenchmarkHLCOnAllProcessors(b *testing.B) {
	interval := newClock(b, monotonic.System)
	processors := runtime.GOMAXPROCS(0)
	clock, err := hlc.New(interval)
	if err != nil {
		b.Fatal(err)
	}
	shards, err := hlc.NewShards(interval, processors)
	if err != nil {
		b.Fatal(err)
	}
	var shared struct {
		_    cpu.CacheLinePad
		word atomic.Int64
		_    cpu.CacheLinePad
	}
	ways := []struct {
		name string
		call func(processor int) error
		took []time.Duration
	}{
		{name: "now", call: func(int) error { _, err := interval.Now(); return err }},
		{name: "floor", call: func(int) error { _, err := interval.Now(); shared.word.Add(1); return err }},
		{name: "swap", call: func(int) error {
			now, err := interval.Now()
			last := shared.word.Load()
			shared.word.CompareAndSwap(last, max(last+1, int64(now.Latest)))
			return err
		}},
		{name: "hlc", call: func(int) error { _, err := clock.Now(); return err }},
		{name: "shards", call: func(processor int) error { _, err := shards[processor].Now(); return err }},
	}
	missing := len(ways)
	for turns := 0; missing > 0 && turns < maxTurns*b.N; turns++ {
		for i := range ways {
			way := &ways[i]
			took, counts := turn(b, processors, way.call)
			if !counts || len(way.took) == b.N {
				continue
			}
			if way.took = append(way.took, took); len(way.took) == b.N {
				missing--
			}
		}
	}
	if missing > 0 {
		b.Skipf("the machine is too busy: all %d processors were there in too few of %d turns", processors, maxTurns*b.N)
	}
	medians := map[string]float64{}
	for _, way := range ways {
		slices.Sort(way.took)
		medians[way.name] = float64(way.took[len(way.took)/2]) / turnCalls
		b.ReportMetric(medians[way.name], "ns/"+way.name)
	}
	for _, name := range []string{"swap", "hlc", "shards"} {
		b.ReportMetric(medians[name]/medians["floor"], name+"/floor")
	}
	b.ReportMetric(0, "ns/op")
}

const (
	turnCalls = 4000 // some 200 µs: longer, and the scheduler comes in between; shorter, and the start is seen
	maxTurns  = 300  // for one that counts
)

// turn lets each processor make its calls, all beginning at once, and returns how long they took on
// average, and whether all had a processor all the time.
func turn(b *testing.B, processors int, call func(processor int) error) (time.Duration, bool) {
	type span struct{ begin, end, used time.Duration }
	spans := make([]span, processors)
	var ready atomic.Int32
	var running sync.WaitGroup
	begun := time.Now()
	for p := range processors {
		running.Go(func() {
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			ready.Add(1)
			for ready.Load() < int32(processors) { // without a yield, which would begin late
			}
			used := threadTime(b)
			spans[p].begin = time.Since(begun)
			for range turnCalls {
				if err := call(p); err != nil {
					b.Error(err)
					return
				}
			}
			spans[p].end = time.Since(begun)
			spans[p].used = threadTime(b) - used
		})
	}
	running.Wait()
	all, sum := spans[0], time.Duration(0)
	for _, s := range spans {
		all.begin, all.end = min(all.begin, s.begin), max(all.end, s.end)
		sum += s.end - s.begin
	}
	counts := !slices.ContainsFunc(spans, func(s span) bool {
		took := float64(s.end - s.begin)
		return float64(s.used) < 0.97*took || took < 0.93*float64(all.end-all.begin)
	})
	return sum / time.Duration(processors), counts
}

// threadTime is the processor time of this thread so far.
func threadTime(b *testing.B) time.Duration {
	var used unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &used); err != nil {
		b.Error(err)
	}
	return time.Duration(used.Nano())
}
