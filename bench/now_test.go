package bench

import (
	"testing"
	"time"

	"github.com/epsilontime/epsilon/internal/testing/wallclocksource"
	"github.com/epsilontime/epsilon/internal/ticks"
	"github.com/epsilontime/epsilon/monotonic"
	"github.com/epsilontime/epsilon/truetime"
)

func newClock(b *testing.B, counter func() (monotonic.Counter, error)) *truetime.Clock {
	b.Helper()
	c, err := counter()
	if err != nil {
		b.Fatal(err)
	}
	clock, err := truetime.New([]truetime.Source{wallclocksource.Source{}}, truetime.WithCounter(c), truetime.WithPoll(time.Second, time.Second))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { clock.Close() })
	if err := clock.WaitSynchronized(b.Context(), time.Second); err != nil {
		b.Fatal(err)
	}
	return clock
}

func benchmarkNow(b *testing.B, counter func() (monotonic.Counter, error)) {
	clock := newClock(b, counter)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := clock.Now(); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkNow is the clock on the machine's fastest counter.
func BenchmarkNow(b *testing.B) { benchmarkNow(b, monotonic.System) }

// BenchmarkNowFallback is the clock on a machine whose hardware counter cannot be used.
func BenchmarkNowFallback(b *testing.B) { benchmarkNow(b, monotonic.Raw) }

func BenchmarkNowParallel(b *testing.B) {
	clock := newClock(b, monotonic.System)
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

// BenchmarkTimeNow is what a program reads that does not ask how wrong the time may be.
func BenchmarkTimeNow(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		time.Now()
	}
}

func BenchmarkTimeNowParallel(b *testing.B) {
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			_ = time.Now()
		}
	})
}

// BenchmarkCounter is the physical limit: the fenced read of the processor's counter alone.
func BenchmarkCounter(b *testing.B) {
	if err := ticks.Usable(); err != nil {
		b.Skip(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		ticks.Read()
	}
}

// BenchmarkMonotonicRaw is the counter to fall back on.
func BenchmarkMonotonicRaw(b *testing.B) {
	c, err := monotonic.Raw()
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		c.Now()
	}
}
