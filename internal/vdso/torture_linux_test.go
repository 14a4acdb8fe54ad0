package vdso

import (
	"bytes"
	"flag"
	"os"
	"os/signal"
	"runtime"
	"runtime/pprof"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

var tortureFor = flag.Duration("torture", 500*time.Millisecond, "how long TestTorture lasts")

// TestTorture reads the kernel's clocks on many goroutines while everything happens that could
// disturb code on a goroutine's stack: garbage collection, stacks that grow, shrink and move,
// preemption, profiling at 1 kHz, and signals to every thread. No reading may go back on its
// goroutine, and the process must live.
//
//	go test -run Torture -torture 30s ./internal/vdso
func TestTorture(t *testing.T) {
	c := Open()
	t.Log("the kernel's clocks are read ", c)
	runtime.SetCPUProfileRate(1000) // StartCPUProfile says that it cannot set 100, and goes on
	var profile bytes.Buffer
	if err := pprof.StartCPUProfile(&profile); err != nil {
		t.Log("without a profile: ", err)
	} else {
		defer pprof.StopCPUProfile()
	}
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, unix.SIGUSR1)
	defer signal.Stop(signals)

	var stop atomic.Bool
	var running sync.WaitGroup
	var readings, back atomic.Int64
	for range 8 {
		running.Go(func() {
			var last int64
			for !stop.Load() {
				readings.Add(int64(descend(c, 200, &last, &back)))
				fresh := make(chan struct{}) // and on a stack that begins at its smallest
				go func() {
					var last int64
					readings.Add(int64(descend(c, 20, &last, &back)))
					close(fresh)
				}()
				<-fresh
			}
		})
	}
	disturb := func(what func()) {
		running.Go(func() {
			for !stop.Load() {
				what()
			}
		})
	}
	disturb(runtime.GC)
	disturb(func() {
		threads, err := os.ReadDir("/proc/self/task")
		if err != nil {
			t.Error(err)
		}
		for _, thread := range threads {
			id, _ := strconv.Atoi(thread.Name())
			_ = unix.Tgkill(os.Getpid(), id, unix.SIGUSR1) // it may have ended meanwhile
			select {
			case <-signals:
			default:
			}
		}
	})
	disturb(func() { _ = make([]byte, 64<<10); runtime.Gosched() })
	time.Sleep(*tortureFor)
	stop.Store(true)
	running.Wait()
	t.Logf("%d readings, %d of which went back", readings.Load(), back.Load())
	if back.Load() > 0 || readings.Load() == 0 {
		t.Fail()
	}
}

// descend reads at every depth of a stack that grows.
//
//go:noinline
func descend(c *Clock, left int, last *int64, back *atomic.Int64) int {
	var room [64]byte // of each level
	now, err := c.Now(unix.CLOCK_MONOTONIC_RAW)
	if err != nil || now < *last {
		back.Add(1)
	}
	*last = now
	room[left%len(room)] = byte(now)
	if left == 0 {
		return 1 + int(room[0]>>7>>1) // that is 1: room is used
	}
	return 1 + descend(c, left-1, last, back)
}
