package journal

import (
	"errors"
	"io"
	"sync"
	"time"

	"github.com/epsilontime/epsilon/monotonic"
)

// MaxFlight is how many bytes a [Flight] keeps at most, besides the record that comes next.
const MaxFlight = 64 << 20

// ErrNotBegun is returned by [Flight.WriteTo] before [Flight.Begin].
var ErrNotBegun = errors.New("no clock has begun to record")

// Flight keeps the last part of a journal. It is safe for concurrent use.
//
// It keeps chunks, each of which is a journal of its own and begins with the state of the engine.
// To write that down takes 40 µs and another 15 µs for each source (BenchmarkBeginLate), as much as
// twenty polls. So a chunk ends after half a span, and the oldest one goes when the next one covers
// the span.
type Flight struct {
	mu     sync.Mutex
	span   time.Duration
	begin  func() []byte     // the first lines of a journal from now on
	last   monotonic.Instant // when something was recorded
	age    time.Duration     // what has passed by the counter, leaving out where it went back
	chunks []chunk           // the oldest first
	bytes  int               // of all of them
}

type chunk struct {
	begun time.Duration // the flight's age
	first int           // how many bytes of the text its first lines are
	text  []byte        // only ever appended to
}

// Begin begins to keep a span. Begin is also the function that returns the first lines of a journal that
// begins now. It is called by Begin and Record.
func (f *Flight) Begin(span time.Duration, now monotonic.Instant, begin func() []byte) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.span, f.begin, f.last = span, begin, now
	f.beginChunk()
}

// Record adds the lines of a call that has just been made.
func (f *Flight) Record(now monotonic.Instant, lines []byte) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.age, f.last = f.age+max(now.Sub(f.last), 0), now
	newest := &f.chunks[len(f.chunks)-1]
	newest.text = append(newest.text, lines...)
	f.bytes += len(lines)
	if f.age-newest.begun >= f.span/2 || len(newest.text)-newest.first >= MaxFlight/4 {
		f.beginChunk()
	}
	for len(f.chunks) > 1 && (f.age-f.chunks[1].begun >= f.span || f.bytes > MaxFlight) {
		f.bytes -= len(f.chunks[0].text)
		f.chunks = append([]chunk(nil), f.chunks[1:]...)
	}
}

func (f *Flight) beginChunk() {
	text := f.begin()
	f.chunks = append(f.chunks, chunk{f.age, len(text), text})
	f.bytes += len(text)
}

// WriteTo writes a journal of all that is kept. What is recorded meanwhile does not wait.
func (f *Flight) WriteTo(w io.Writer) (written int64, err error) {
	f.mu.Lock()
	chunks := append([]chunk(nil), f.chunks...)
	f.mu.Unlock()
	if len(chunks) == 0 {
		return 0, ErrNotBegun
	}
	for i, c := range chunks {
		if i > 0 {
			c.text = c.text[c.first:] // it follows from what comes before
		}
		n, err := w.Write(c.text)
		written += int64(n)
		if err != nil {
			return written, err
		}
	}
	return written, nil
}
