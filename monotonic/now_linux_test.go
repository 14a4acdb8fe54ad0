package monotonic_test

import (
	"context"
	"testing"
	"time"

	"github.com/epsilontime/epsilon/internal/ticks"
	"github.com/epsilontime/epsilon/monotonic"
	"github.com/epsilontime/epsilon/truetime"
)

// wallClock is a source that costs next to nothing: the wall clock of this host.
type wallClock struct{}

func (wallClock) Info() truetime.SourceInfo { return truetime.SourceInfo{Name: "host"} }

func (wallClock) Sample(_ context.Context, counter monotonic.Counter) (truetime.Sample, error) {
	sent := counter.Now()
	now := truetime.FromStd(time.Now())
	return truetime.Sample{Sent: sent, Latest: now, Received: counter.Now(), Earliest: now}, nil
}

// BenchmarkNowOnProcessorsCounter is what bench/BenchmarkNow is where the kernel keeps time by the processor's
// counter, on any machine: the kernel is said to. With time.Now and the counter alone beside it.
//
//	go test -run '^$' -bench OnProcessorsCounter -count 10 ./monotonic
func BenchmarkNowOnProcessorsCounter(b *testing.B) {
	clock, err := truetime.New([]truetime.Source{wallClock{}}, truetime.WithCounter(monotonic.RequireHardware(b)), truetime.WithPoll(time.Second, time.Second))
	if err != nil {
		b.Fatal(err)
	}
	defer clock.Close()
	if err := clock.WaitSynchronized(b.Context(), time.Second); err != nil {
		b.Fatal(err)
	}
	now := func() {
		if _, err := clock.Now(); err != nil {
			b.Error(err)
		}
	}
	for name, read := range map[string]func(){"Now": now, "time.Now": func() { time.Now() }, "counter": func() { ticks.Read() }} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				read()
			}
		})
		b.Run(name+"/parallel", func(b *testing.B) {
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					read()
				}
			})
		})
	}
}
