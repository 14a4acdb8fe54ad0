package epsilonprom_test

import (
	"sync/atomic"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	epsilonprom "github.com/epsilontime/epsilon/integrations/prometheus"
)

// Now while nobody collects, and while somebody does all the time on another processor: nothing that a collector holds is
// in the way of Now.
func BenchmarkNow(b *testing.B) {
	clock := startClock(b)
	r := prometheus.NewRegistry()
	r.MustRegister(epsilonprom.NewCollector(clock))
	now := func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := clock.Now(); err != nil {
				b.Fatal(err)
			}
		}
	}
	b.Run("alone", now)
	b.Run("while it is collected", func(b *testing.B) {
		var end atomic.Bool
		done := make(chan int)
		go func() {
			n := 0
			for ; !end.Load(); n++ {
				_, _ = r.Gather()
			}
			done <- n
		}()
		now(b)
		end.Store(true)
		b.ReportMetric(float64(<-done)/b.Elapsed().Seconds(), "collections/s")
	})
}

func BenchmarkCollect(b *testing.B) {
	r := prometheus.NewRegistry()
	r.MustRegister(epsilonprom.NewCollector(startClock(b)))
	for b.Loop() {
		if _, err := r.Gather(); err != nil {
			b.Fatal(err)
		}
	}
}
