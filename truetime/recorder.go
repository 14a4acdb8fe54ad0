package truetime

import (
	"fmt"
	"io"
)

// maxQueuedRecords bounds the memory of a recorder whose writer is slow.
const maxQueuedRecords = 4096

// recorder hands a clock's journal to the user's writer, on a goroutine of its own. A recorder that
// is nil records nothing. The clock's lock guards record and close.
type recorder struct {
	records chan []byte
	done    chan struct{}
	ended   bool
}

// newRecorder starts a recorder; failed is called, from the recorder's goroutine, if the writer
// fails.
func newRecorder(w io.Writer, failed func(error)) *recorder {
	if w == nil {
		return nil
	}
	r := &recorder{records: make(chan []byte, maxQueuedRecords), done: make(chan struct{})}
	go func() {
		defer close(r.done)
		var err error
		for b := range r.records {
			if err != nil {
				continue // the journal has ended; what is still queued is dropped
			}
			if _, err = w.Write(b); err != nil {
				failed(fmt.Errorf("recording ended: %w", err))
			}
		}
	}()
	return r
}

// record adds lines. A journal with a gap in it would be worth nothing, so it ends where its writer
// is too slow; record then returns false, once.
func (r *recorder) record(lines func() []byte) bool {
	if r == nil || r.ended {
		return true
	}
	select {
	case r.records <- lines():
		return true
	default:
		r.ended = true
		return false
	}
}

// finish lets the writer have what is queued, and ends the goroutine.
func (r *recorder) finish() {
	if r != nil {
		close(r.records)
		<-r.done
	}
}
