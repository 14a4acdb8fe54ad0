//go:build !linux

package bench

import (
	"runtime"
	"testing"
	"time"
)

// processorTime is not measured here.
func processorTime(*testing.B) time.Duration { return 0 }

// heapInUse is what is left after a collection.
func heapInUse() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapInuse + m.StackInuse)
}
