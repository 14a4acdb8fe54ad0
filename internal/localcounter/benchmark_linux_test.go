package localcounter_test

import (
	"testing"
	"time"

	"github.com/epsilontime/epsilon/internal/localcounter"
	"github.com/epsilontime/epsilon/internal/testing/wallclocksource"
	"github.com/epsilontime/epsilon/internal/ticks"
	"github.com/epsilontime/epsilon/monotonic"
	"github.com/epsilontime/epsilon/truetime"
)

// counter is a monotonic.Counter that a clock takes for this machine's.
type counter struct{ *localcounter.Counter }

func (c counter) Now() monotonic.Instant { return monotonic.Instant(c.Counter.Now()) }

// BenchmarkNowOnProcessorsCounter measures, on any machine, what bench/BenchmarkNow measures where
// the kernel keeps time by the processor's counter. Beside it are time.Now and the counter alone.
//
//	go test -run '^$' -bench OnProcessorsCounter -count 10 ./internal/localcounter
func BenchmarkNowOnProcessorsCounter(b *testing.B) {
	clock, err := truetime.New([]truetime.Source{wallclocksource.Source{}},
		truetime.WithCounter(counter{localcounter.RequireHardware(b)}), truetime.WithPoll(time.Second, time.Second))
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
	for name, read := range map[string]func(){
		"Now":      now,
		"time.Now": func() { _ = time.Now() },
		"counter":  func() { ticks.Read() },
	} {
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
