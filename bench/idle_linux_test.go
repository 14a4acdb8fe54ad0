package bench

import (
	"runtime"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/epsilontime/epsilon/internal/testbed"
	"github.com/epsilontime/epsilon/ntpsrc"
	"github.com/epsilontime/epsilon/truetime"
)

// BenchmarkIdleClock is what a clock costs that nobody reads: four NTP servers, in processes of their
// own, asked once a second each. One operation is one second.
//
//	go test -bench IdleClock -benchtime 30x ./bench
func BenchmarkIdleClock(b *testing.B) {
	var addresses []string
	for range 4 {
		addresses = append(addresses, testbed.StartChronyd(b).Address())
	}
	heap := heapInUse()
	clock, err := truetime.New(ntpsrc.Servers(addresses...), truetime.WithPoll(time.Second, time.Second), truetime.WithBurst(1))
	if err != nil {
		b.Fatal(err)
	}
	defer clock.Close()
	if err := clock.WaitSynchronized(b.Context(), time.Second); err != nil {
		b.Fatal(err)
	}
	b.ResetTimer()
	used, start := processorTime(b), time.Now()
	time.Sleep(time.Duration(b.N) * time.Second)
	elapsed := time.Since(start)
	b.ReportMetric(100*(processorTime(b)-used).Seconds()/elapsed.Seconds(), "%core")
	b.ReportMetric(float64(heapInUse()-heap)/1024, "KiB-heap")
}

// processorTime is what this process has used so far.
func processorTime(b *testing.B) time.Duration {
	b.Helper()
	var usage unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &usage); err != nil {
		b.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// heapInUse is what is left after a collection.
func heapInUse() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapInuse + m.StackInuse)
}
