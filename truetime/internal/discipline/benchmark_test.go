package discipline

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/epsilontime/epsilon/monotonic"
)

// BenchmarkSample takes in one sample of one of four sources, of which one may be wrong, at round
// trips of about 1 ms and a poll of 1 s, when every ring is full. Limits: 20 µs, no allocation.
func BenchmarkSample(b *testing.B) {
	for _, c := range []struct {
		name      string
		stability Stability
	}{
		{"drift", Stability{}},
		{"wander", Stability{Wander: 1e-7}},
		{"wander+deviation", Stability{Wander: 1e-8, Deviation: 20e-6}},
		{"deviation", Stability{Deviation: 20e-6}},
	} {
		b.Run(c.name, func(b *testing.B) {
			d := New(Config{Counter: CounterSpec{Drift: NewDrift(200_000), Resolution: 1}, Stability: c.stability, Faulty: 1, Voter: []int{0, 1, 2, 3}})
			samples := jitteredSamples(4000)
			add := func(i int) {
				// The history again and again, later and later.
				turn := monotonic.Instant(i/len(samples)) * monotonic.Instant(len(samples)) * monotonic.Instant(second/4)
				f := samples[i%len(samples)]
				f.Upper.At, f.Lower.At = f.Upper.At+turn, f.Lower.At+turn
				f.Upper.Time, f.Lower.Time = f.Upper.Time+int64(turn), f.Lower.Time+int64(turn)
				if err := d.Add(i%4, f, 1, f.Lower.At); err != nil {
					b.Fatal(err)
				}
			}
			const warm = 20_000
			for i := range warm {
				add(i)
			}
			if c.stability.assumed() && len(d.rates.buckets) < rateBuckets-8 {
				b.Fatalf("only %d of %d buckets are full", len(d.rates.buckets), rateBuckets)
			}
			i := warm
			b.ReportAllocs()
			for b.Loop() {
				add(i)
				i++
			}
			if d.Epoch() != 1 {
				b.Fatal(d.LastDisruption().Reason)
			}
		})
	}
}

// jitteredSamples is what a counter that keeps true time sees every quarter of a second.
func jitteredSamples(n int) []Facts {
	rng := rand.New(rand.NewPCG(1, 1))
	leg := func() monotonic.Instant {
		return 300_000 + monotonic.Instant(200_000*math.Exp(0.75*rng.NormFloat64()))
	}
	samples := make([]Facts, n)
	for i := range samples {
		received := monotonic.Instant(i+1) * monotonic.Instant(second/4)
		stamp := received - leg()
		sent := stamp - leg()
		samples[i] = Facts{Upper: Point{sent, truth(stamp) + 20_000}, Lower: Point{received, truth(stamp) - 20_000}}
	}
	return samples
}
