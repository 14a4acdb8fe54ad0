package bench

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/epsilontime/epsilon/hostclock"
	"github.com/epsilontime/epsilon/monotonic"
	"github.com/epsilontime/epsilon/truetime"
)

// BenchmarkHostclock reads a clock in its own process, the same one through the segment, and the wall clock, by turns in
// one run, and reports the quickest hundred reads of each: what else the machine does is in none of these. The ratio is
// that of hostclock to truetime, of which at most 1.25 is wanted.
func BenchmarkHostclock(b *testing.B) {
	for name, counter := range map[string]func() (monotonic.Counter, error){"System": monotonic.System, "Raw": monotonic.Raw} {
		b.Run(name, func(b *testing.B) {
			clock := newClock(b, counter)
			path := filepath.Join(b.TempDir(), "clock")
			publisher, err := hostclock.NewPublisher(clock, path)
			if err != nil {
				b.Fatal(err)
			}
			b.Cleanup(func() { publisher.Close() })
			host, err := hostclock.Open(path)
			if err != nil {
				b.Fatal(err)
			}
			b.Cleanup(func() { host.Close() })
			b.ReportAllocs()
			const batch = 100
			inProcess, published, wall := time.Hour, time.Hour, time.Hour
			for b.Loop() {
				inProcess = min(inProcess, timeReads(b, clock, batch))
				published = min(published, timeReads(b, host, batch))
				began := time.Now()
				for range batch {
					time.Now()
				}
				wall = min(wall, time.Since(began))
			}
			b.ReportMetric(float64(inProcess)/batch, "ns/truetime")
			b.ReportMetric(float64(published)/batch, "ns/hostclock")
			b.ReportMetric(float64(wall)/batch, "ns/time.Now")
			b.ReportMetric(float64(published)/float64(inProcess), "ratio")
		})
	}
}

func timeReads(b *testing.B, clock truetime.Reader, n int) time.Duration {
	began := time.Now()
	for range n {
		if _, err := clock.Now(); err != nil {
			b.Fatal(err)
		}
	}
	return time.Since(began)
}
