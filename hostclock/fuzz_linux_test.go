package hostclock

import (
	"math"
	"os"
	"testing"

	"github.com/epsilontime/epsilon/internal/localcounter"
)

// FuzzSegment has a reader open any file, and read at any reading of the counter what it can decode. It must neither
// panic nor hang, and what it answers is no interval that is upside down.
func FuzzSegment(f *testing.F) {
	h, r := vector()
	f.Add(bytesOf(segmentOf(h, r)), uint64(4e9), uint64(1))
	r.Answers = false
	f.Add(bytesOf(segmentOf(h, r)), uint64(1<<63), uint64(2))
	f.Add([]byte("hello"), uint64(0), uint64(0))
	path := clockPath(f)
	here := host{boot: h.boot}
	counter, err := localcounter.Raw()
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, content []byte, raw, boot uint64) {
		if len(content) >= (wordBoot+2)*8 && boot%4 > 0 { // else nothing gets past the boot id
			copy(content[wordBoot*8:], h.boot[:])
		}
		_ = os.Remove(path) // and not truncate what is mapped
		if err := os.WriteFile(path, content, 0o644); err != nil {
			t.Fatal(err)
		}
		s, err := openSegment(path, here, owners{anyOwner})
		if err != nil {
			return
		}
		record, generation, err := s.record()
		if err != nil {
			t.Fatalf("what was opened cannot be read: %v", err)
		}
		v := &view{counter: counter, segment: s}
		v.use(record, generation, math.MaxInt64)
		v.settle(path, false)
		record.Shown.Late(raw)
		record.TAI.Late(raw)
		if i, err := v.now(); err == nil && i.Earliest > i.Latest {
			t.Fatalf("%v is upside down", i)
		}
	})
}
