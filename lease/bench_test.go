package lease_test

import (
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/lease"
	"github.com/epsilontime/epsilon/truetime"
)

func BenchmarkFenceAdmit(b *testing.B) {
	b.Run("Same", func(b *testing.B) {
		b.ReportAllocs()
		fence := lease.NewFence(7)
		for b.Loop() {
			if fence.Admit(7) != nil {
				b.Fatal("refused")
			}
		}
	})
	b.Run("Higher", func(b *testing.B) {
		b.ReportAllocs()
		var fence lease.Fence
		var token lease.Token
		for b.Loop() {
			token++
			if fence.Admit(token) != nil {
				b.Fatal("refused")
			}
		}
	})
	b.Run("SameParallel", func(b *testing.B) {
		b.ReportAllocs()
		fence := lease.NewFence(7)
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				if fence.Admit(7) != nil {
					b.Error("refused")
				}
			}
		})
	})
	b.Run("Stale", func(b *testing.B) {
		b.ReportAllocs()
		fence := lease.NewFence(7)
		for b.Loop() {
			if fence.Admit(6) == nil {
				b.Fatal("admitted")
			}
		}
	})
}

// stopped always shows the same interval, so that a benchmark measures the lease and not the clock.
type stopped struct{ at atomic.Int64 }

func (s *stopped) Now() (truetime.Interval, error) {
	t := truetime.Time(s.at.Load())
	return truetime.Interval{Earliest: t, Latest: t.Add(time.Microsecond)}, nil
}

func held(b *testing.B) *lease.Lease {
	clock := new(stopped)
	clock.at.Store(time.Date(2026, 11, 20, 0, 0, 0, 0, time.UTC).UnixNano())
	c, err := lease.NewCandidate(clock, new(lease.MemoryStore), "bench", time.Hour, lease.WithHolder("bench"))
	require.NoError(b, err)
	l, err := c.Acquire(b.Context())
	require.NoError(b, err)
	b.Cleanup(func() { _ = l.Close() })
	return l
}

func BenchmarkCheck(b *testing.B) {
	l := held(b)
	b.Run("Serial", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if err := l.Check(); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("Parallel", func(b *testing.B) {
		b.ReportAllocs()
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				if err := l.Check(); err != nil {
					b.Error(err)
				}
			}
		})
	})
}

func BenchmarkTimestamp(b *testing.B) {
	l := held(b)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := l.Timestamp(); err != nil {
			b.Fatal(err)
		}
	}
}
