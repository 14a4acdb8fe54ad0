package commitwait

import (
	"sync/atomic"
	"time"

	"github.com/epsilontime/epsilon/internal/histogram"
	"github.com/epsilontime/epsilon/truetime"
)

// Stats is what a [Waiter] has done since it was made.
type Stats struct {
	Waiting int // at this moment

	Passed uint64 // waits that have ended because the timestamp had certainly passed, also those that needed no waiting
	Failed uint64 // with an error, whatever it was

	// Waited is how long the waits took that did not end at once and are over, whatever ended them, by Go's
	// clock.
	Waited truetime.Distribution
}

// Stats returns what the Waiter has done. It is not one moment's: a wait that ends meanwhile may be in some of the
// numbers and not yet in others.
func (w *Waiter) Stats() Stats {
	s := Stats{
		Waiting: int(w.stats.waiting.Load()),
		Passed:  w.stats.passed.Load(),
		Failed:  w.stats.failed.Load(),
		Waited:  truetime.Distribution{Bounds: histogram.Bounds(), Sum: time.Duration(w.stats.sum.Load())},
	}
	for i := range w.stats.counts {
		s.Waited.Counts = append(s.Waited.Counts, w.stats.counts[i].Load())
	}
	return s
}

// stats counts as Stats does.
type stats struct {
	waiting        atomic.Int64
	passed, failed atomic.Uint64
	sum            atomic.Int64
	counts         [histogram.Buckets]atomic.Uint64
}

// made is what begun counts from: a moment as a number takes a third of a time.Time. It is of Go's clock, as people are told how long waits took,
// and whether a time has passed is the clock's to say.
var made = time.Now()

// begin counts one that has to wait, and says when it began.
func (s *stats) begin() (begun time.Duration) {
	s.waiting.Add(1)
	return time.Since(made)
}

// waited counts how long that has taken.
func (s *stats) waited(begun time.Duration) {
	d := time.Since(made) - begun
	s.waiting.Add(-1)
	s.sum.Add(int64(d))
	s.counts[histogram.Bucket(d)].Add(1)
}

// fail counts a wait that has ended with an error, and returns what the caller is told.
func (s *stats) fail(t truetime.Time, err error) error {
	s.failed.Add(1)
	return notPassed(t, err)
}
