package bench

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/epsilontime/epsilon/internal/testing/testbed"
	"github.com/epsilontime/epsilon/monotonic"
	"github.com/epsilontime/epsilon/ntpsrc"
	"github.com/epsilontime/epsilon/truetime"
)

// BenchmarkIdleClock is what a clock costs that nobody reads: four NTP servers, in processes of their
// own, asked once a second each, or every two. They are asked in two turns. One operation is one second.
//
//	go test -run '^$' -bench Idle -benchtime 30x ./bench
func BenchmarkIdleClock(b *testing.B) {
	for _, poll := range []time.Duration{time.Second, 2 * time.Second} {
		b.Run(poll.String(), func(b *testing.B) {
			addresses := startServers(b)
			heap := heapInUse()
			clock, err := truetime.New(ownClocks(addresses...), truetime.WithPoll(poll, poll), truetime.WithBurst(1))
			if err != nil {
				b.Fatal(err)
			}
			defer clock.Close()
			if err := clock.WaitSynchronized(b.Context(), time.Second); err != nil {
				b.Fatal(err)
			}
			measureIdle(b)
			b.ReportMetric(float64(heapInUse()-heap)/1024, "KiB-heap")
		})
	}
}

// BenchmarkIdleExchanges is the part of that which is not the clock's: the same four exchanges a
// second, all at once, and nothing done with them.
func BenchmarkIdleExchanges(b *testing.B) {
	sources := ownClocks(startServers(b)...)
	counter, err := monotonic.Raw()
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(b.Context())
	var asking sync.WaitGroup
	asking.Go(func() {
		ticker := time.NewTicker(time.Second)
		defer ticker.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-ticker.C:
			}
			for _, s := range sources {
				asking.Go(func() {
					if _, err := s.Sample(ctx, counter); err != nil && ctx.Err() == nil {
						b.Error(err)
					}
				})
			}
		}
	})
	measureIdle(b)
	cancel()
	asking.Wait()
}

// ownClocks are sources that ask daemons which serve this host's clock and follow nobody.
func ownClocks(addresses ...string) (sources []truetime.Source) {
	for _, a := range addresses {
		sources = append(sources, ntpsrc.Server(a, ntpsrc.WithLocalReference()))
	}
	return sources
}

func startServers(b *testing.B) (addresses []string) {
	b.Helper()
	for range 4 {
		addresses = append(addresses, testbed.StartChronyd(b).Address())
	}
	return addresses
}

// measureIdle sleeps for b.N seconds and reports what the process has used meanwhile.
func measureIdle(b *testing.B) {
	b.Helper()
	b.ResetTimer()
	used, start := processorTime(b), time.Now()
	time.Sleep(time.Duration(b.N) * time.Second)
	elapsed := time.Since(start)
	b.ReportMetric(100*(processorTime(b)-used).Seconds()/elapsed.Seconds(), "%core")
}
