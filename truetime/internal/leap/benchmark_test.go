package leap

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func BenchmarkIntervalInASmear(b *testing.B) {
	u := date(2028, 1, 1)
	belief := NewBelief(with(date(2028, 6, 28), decision{u, 1}), each(4, 1))
	at := TAI(int64(u))
	o := belief.Output(at)
	b.ReportAllocs()
	for b.Loop() {
		o.Interval(at, at+1000)
	}
}

// BenchmarkPoll is what a sample costs: on an ordinary day, and on the last of a month that no table
// covers.
func BenchmarkPoll(b *testing.B) {
	for name, at := range map[string]TAI{"ordinary": TAI(date(2026, 11, 20)), "undecided": TAI(int64(date(2027, 7, 1)) - halfDay/2)} {
		b.Run(name, func(b *testing.B) {
			belief := NewBelief(BuiltIn(), each(4, 1))
			require.NoError(b, belief.Anchor(at, at, at))
			stamp := int64(at) - 37*second
			b.ReportAllocs()
			for b.Loop() {
				belief.Hear(1, Nothing, at, at)
				belief.Saw(1, ScaleUTC, stamp, stamp, at, at)
				belief.In(ScaleUTC, stamp, stamp)
				if belief.Advance(at, at) != nil {
					b.Fatal("broken")
				}
				_ = belief.Output(at)
			}
		})
	}
}
