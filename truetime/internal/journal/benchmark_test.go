package journal

import (
	"fmt"
	"testing"

	"github.com/epsilontime/epsilon/truetime/internal/discipline"
)

// What a flight recorder costs a clock every half a span, with its lock held.
func BenchmarkBeginLate(b *testing.B) {
	for _, sources := range []int{1, 4, 64} {
		b.Run(fmt.Sprint(sources), func(b *testing.B) {
			config := someConfig(sources)
			config.Discipline.Stability = discipline.NewStability(100, 20)
			_, e := someEngine(config)
			names := make([]string, sources)
			for b.Loop() {
				b.SetBytes(int64(len(BeginLate(config, names, e))))
			}
		})
	}
}

// What any recorder costs for each poll, besides.
func BenchmarkFinish(b *testing.B) {
	config := someConfig(4)
	_, e := someEngine(config)
	x, r, now := e.Begin(0, e.LookBy()), someReply(0, e.LookBy()), e.LookBy()
	b.ReportAllocs()
	for b.Loop() {
		Finish(e, 0, x, r, now)
	}
}
