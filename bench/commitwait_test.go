package bench

import (
	"fmt"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/epsilontime/epsilon/commitwait"
	"github.com/epsilontime/epsilon/monotonic"
	"github.com/epsilontime/epsilon/truetime"
)

// counterClock is a clock whose Earliest is the machine's counter, which begins in 2020 here, so that what is measured
// is the wait and not the samples that come in.
type counterClock struct{ monotonic.Counter }

func newCounterClock(b *testing.B) counterClock {
	b.Helper()
	counter, err := monotonic.System()
	if err != nil {
		b.Fatal(err)
	}
	return counterClock{counter}
}

func (c counterClock) Now() (truetime.Interval, error) {
	now := c.earliest()
	return truetime.Interval{Earliest: now, Latest: now.Add(time.Millisecond)}, nil
}

const counterBegins truetime.Time = 1_577_836_800_000_000_000

func (c counterClock) earliest() truetime.Time { return counterBegins + truetime.Time(c.Counter.Now()) }

// BenchmarkCommitWaitOvershoot is how late a wait of the given length ends and what it costs, of one
// goroutine that waits again and again.
//
//	go test -run '^$' -bench CommitWaitOvershoot -benchtime 500x -count 3 ./bench
func BenchmarkCommitWaitOvershoot(b *testing.B) {
	clock := newCounterClock(b)
	waiter := func(options ...commitwait.WaiterOption) func(*testing.B, truetime.Time) error {
		w, err := commitwait.NewWaiter(clock, options...)
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { w.Close() })
		return func(b *testing.B, t truetime.Time) error { return w.Until(b.Context(), t) }
	}
	ways := []struct {
		name string
		wait func(*testing.B, truetime.Time) error
	}{
		{"spin", waiter()},
		{"nospin", waiter(commitwait.WithSpin(0))},
		{"single", func(b *testing.B, t truetime.Time) error { return commitwait.Until(b.Context(), clock, t) }},
		{"sleep", func(b *testing.B, t truetime.Time) error {
			time.Sleep(t.Sub(clock.earliest()))
			return nil
		}},
	}
	for _, want := range []time.Duration{20 * time.Microsecond, 100 * time.Microsecond, 500 * time.Microsecond, 2 * time.Millisecond, 8 * time.Millisecond} {
		for _, way := range ways {
			b.Run(fmt.Sprintf("%v/%s", want, way.name), func(b *testing.B) {
				var late []time.Duration
				used := processorTime(b)
				for b.Loop() {
					t := clock.earliest().Add(want)
					if err := way.wait(b, t); err != nil {
						b.Fatal(err)
					}
					late = append(late, clock.earliest().Sub(t))
				}
				reportMicroseconds(b, (processorTime(b)-used)/time.Duration(len(late)), "µs-cpu")
				reportLateness(b, late)
			})
		}
	}
}

const crowd = 100_000

// BenchmarkCommitWaitMany is 100 000 goroutines in Until of one Waiter at the same time: how late they are,
// what each takes beside what a goroutine takes that waits for a channel, and the processor time for
// one, from the call to the return. Due over a second, every 10 µs one; and all due at one instant.
//
//	go test -run '^$' -bench CommitWaitMany -benchtime 3x -count 3 ./bench
func BenchmarkCommitWaitMany(b *testing.B) {
	for _, spread := range []time.Duration{time.Second, 0} {
		for _, spin := range []time.Duration{80 * time.Microsecond, 0} {
			b.Run(fmt.Sprintf("over=%v/spin=%v", spread, spin), func(b *testing.B) {
				crowdOnChannel() // the runtime keeps what describes a goroutine for the next one
				plain := crowdOnChannel()
				b.ResetTimer()
				var late []time.Duration
				var memory int64
				var used time.Duration
				for b.Loop() {
					l, m, u := waitInCrowd(b, spread, spin)
					late, memory, used = append(late, l...), memory+m-plain, used+u
				}
				b.ReportMetric(float64(memory)/float64(len(late)), "B/waiter")
				reportMicroseconds(b, used/time.Duration(len(late)), "µs-cpu")
				reportLateness(b, late)
			})
		}
	}
}

// crowdOnChannel is the memory that the goroutines of a crowd take when they only wait for a channel.
func crowdOnChannel() int64 {
	before := heapInUse()
	over, late := make(chan struct{}), make([]time.Duration, crowd)
	var running sync.WaitGroup
	for i := range crowd {
		running.Go(func() {
			<-over
			late[i] = time.Duration(i)
		})
	}
	time.Sleep(500 * time.Millisecond)
	memory := heapInUse() - before
	close(over)
	running.Wait()
	return memory
}

func waitInCrowd(b *testing.B, spread, spin time.Duration) (late []time.Duration, memory int64, used time.Duration) {
	b.Helper()
	clock := newCounterClock(b)
	before := heapInUse()
	late = make([]time.Duration, crowd)
	w, err := commitwait.NewWaiter(clock, commitwait.WithSpin(spin))
	if err != nil {
		b.Fatal(err)
	}
	defer w.Close()
	usedBefore := processorTime(b)
	first := clock.earliest().Add(4 * time.Second)
	var running sync.WaitGroup
	var begun atomic.Int64
	var failed sync.Once // one line will do where all have failed
	for i := range crowd {
		running.Go(func() {
			// In no order: neighbours in the queue came at different times.
			t := first.Add(spread / crowd * time.Duration(i*7919%crowd))
			begun.Add(1)
			if err := w.Until(b.Context(), t); err != nil {
				failed.Do(func() { b.Error(err) })
			}
			late[i] = clock.earliest().Sub(t)
		})
	}
	for begun.Load() < crowd {
		time.Sleep(time.Millisecond)
	}
	time.Sleep(500 * time.Millisecond)
	collect := processorTime(b)
	memory = heapInUse() - before
	usedBefore += processorTime(b) - collect
	if now := clock.earliest(); now >= first {
		b.Fatalf("not all were waiting before the first was due; %v late", now.Sub(first))
	}
	running.Wait()
	used = processorTime(b) - usedBefore
	runtime.KeepAlive(w)
	return late, memory, used
}

func reportLateness(b *testing.B, late []time.Duration) {
	b.Helper()
	slices.Sort(late)
	reportMicroseconds(b, late[len(late)/2], "µs-p50")
	reportMicroseconds(b, late[len(late)*99/100], "µs-p99")
	reportMicroseconds(b, late[len(late)-1], "µs-max")
	b.ReportMetric(0, "ns/op") // it would be the length of the wait
}

func reportMicroseconds(b *testing.B, d time.Duration, unit string) {
	b.Helper()
	b.ReportMetric(float64(d.Nanoseconds())/1000, unit)
}
