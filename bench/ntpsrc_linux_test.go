package bench

import (
	"fmt"
	"runtime/pprof"
	"slices"
	"testing"
	"time"

	"github.com/beevik/ntp"

	"github.com/epsilontime/epsilon/internal/testing/testbed"
	"github.com/epsilontime/epsilon/monotonic"
	"github.com/epsilontime/epsilon/ntpsrc"
	"github.com/epsilontime/epsilon/ntpsrc/ntptest"
	"github.com/epsilontime/epsilon/truetime"
)

// BenchmarkPoll is what one poll costs this process, besides what beevik/ntp's own query of the same
// server does. The server is in a process of its own.
//
//	go test -run '^$' -bench Poll -count 5 ./bench
func BenchmarkPoll(b *testing.B) {
	address := testbed.StartChronyd(b).Address()
	b.Run("beevik", func(b *testing.B) {
		measurePolls(b, func() error {
			_, err := ntp.Query(address)
			return err
		})
	})
	counter, err := monotonic.System()
	if err != nil {
		b.Fatal(err)
	}
	for name, source := range map[string]truetime.Source{
		"ntpsrc":         ntpsrc.Server(address, ntpsrc.WithLocalReference()),
		"ntpsrc/program": ntpsrc.Server(address, ntpsrc.WithoutKernelStamps(), ntpsrc.WithLocalReference()),
	} {
		b.Run(name, func(b *testing.B) {
			measurePolls(b, func() error {
				_, err := source.Sample(b.Context(), counter)
				return err
			})
		})
	}
}

func measurePolls(b *testing.B, poll func() error) {
	b.Helper()
	b.ReportAllocs()
	used := processorTime(b)
	for b.Loop() {
		if err := poll(); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64((processorTime(b)-used).Nanoseconds())/float64(b.N)/1e3, "CPU-µs/op")
}

// BenchmarkStamps is what the kernel's stamps are good for: the median round-trip delay δ of
// exchanges with and without them, in turn, with a server on this machine that is asked 20 times
// a second, and the uncertainty that one of them leaves.
//
//	go test -run '^$' -bench Stamps -benchtime 500x ./bench
func BenchmarkStamps(b *testing.B) {
	address := testbed.StartChronyd(b).Address()
	counter, err := monotonic.System()
	if err != nil {
		b.Fatal(err)
	}
	sources := map[string]truetime.Source{
		"kernel":  ntpsrc.Server(address, ntpsrc.WithLocalReference()),
		"program": ntpsrc.Server(address, ntpsrc.WithoutKernelStamps(), ntpsrc.WithLocalReference()),
	}
	delays, epsilons := map[string][]time.Duration{}, map[string][]time.Duration{}
	for b.Loop() {
		for name, source := range sources {
			time.Sleep(25 * time.Millisecond)
			s, err := source.Sample(b.Context(), counter)
			if err != nil {
				b.Fatal(err)
			}
			if s.Stamps != name {
				b.Logf("%s is stamped by %s", name, s.Stamps)
			}
			const drift = 5000 // 1/(200 ppm)
			took := s.Received.Sub(s.Sent)
			delays[name] = append(delays[name], s.Delay)
			epsilons[name] = append(epsilons[name], (s.Latest.Add(took+took/drift).Sub(s.Earliest))/2)
		}
	}
	for name := range sources {
		slices.Sort(delays[name])
		slices.Sort(epsilons[name])
		b.ReportMetric(float64(delays[name][len(delays[name])/2])/1e3, name+"-δ-µs")
		b.ReportMetric(float64(epsilons[name][len(epsilons[name])/2])/1e3, name+"-ε-µs")
	}
}

// BenchmarkManySources is what a clock with many sources costs, each asked once a second. One
// operation is one second. The servers are in this process too, and take their share.
//
//	go test -run '^$' -bench ManySources -benchtime 10x ./bench
func BenchmarkManySources(b *testing.B) {
	for _, n := range []int{10, 100, 1000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			var addresses []string
			for range n {
				s, err := ntptest.Listen("127.0.0.1:0", ntptest.Behavior{})
				if err != nil {
					b.Fatal(err)
				}
				defer s.Close()
				addresses = append(addresses, s.Address())
			}
			clock, err := truetime.New(ntpsrc.Servers(addresses...), truetime.WithPoll(time.Second, time.Second), truetime.WithBurst(1))
			if err != nil {
				b.Fatal(err)
			}
			defer clock.Close()
			if err := clock.WaitSynchronized(b.Context(), time.Second); err != nil {
				b.Fatal(err)
			}
			b.ResetTimer()
			used := processorTime(b)
			time.Sleep(time.Duration(b.N) * time.Second)
			polls := float64(b.N * n)
			b.ReportMetric(float64((processorTime(b)-used).Nanoseconds())/polls/1e3, "CPU-µs/poll")
			answering := 0
			for _, s := range clock.Status().Sources {
				if s.Verdict == truetime.Truechimer {
					answering++
				}
			}
			b.ReportMetric(float64(answering), "truechimers")
			b.ReportMetric(float64(pprof.Lookup("threadcreate").Count()), "threads")
		})
	}
}
