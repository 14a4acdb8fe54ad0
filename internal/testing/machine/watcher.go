//go:build linux

package machine

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// Watcher asks a machine's clock all the time, and keeps the answers.
type Watcher struct {
	machine atomic.Pointer[Machine]
	cancel  context.CancelFunc
	done    sync.WaitGroup

	mu      sync.Mutex
	answers []Answer
	failed  error // the machine answered with something else
}

// askPause is the time between an answer and the next question, of which each takes some milliseconds of the machine's time.
const askPause = 5 * time.Millisecond

// lostAfter is how long an answer is waited for. A machine that goes to sleep drops what it has not read yet.
const lostAfter = 2 * time.Second

// Watch starts to ask. It ends with the test.
func Watch(t testing.TB, m *Machine) *Watcher {
	ctx, cancel := context.WithCancel(context.Background())
	w := &Watcher{cancel: cancel}
	w.machine.Store(m)
	w.done.Go(func() { w.ask(ctx) })
	t.Cleanup(w.Close)
	return w
}

// Close ends the asking.
func (w *Watcher) Close() {
	w.cancel()
	w.done.Wait()
}

// Follow asks the machine where it has moved to.
func (w *Watcher) Follow(m *Machine) { w.machine.Store(m) }

func (w *Watcher) ask(ctx context.Context) {
	for ctx.Err() == nil {
		patience, cancel := context.WithTimeout(ctx, lostAfter)
		a, err := w.machine.Load().Now(patience)
		cancel()
		w.mu.Lock()
		switch {
		case err == nil:
			w.answers = append(w.answers, a)
		case errors.As(err, new(refusal)), errors.Is(err, errAnswer):
			w.failed = err
		} // otherwise nobody is there: the machine moves, and or sleeps, and what was asked just before is lost
		w.mu.Unlock()
		select {
		case <-ctx.Done():
		case <-time.After(askPause):
		}
	}
}

// Answers returns all answers so far.
func (w *Watcher) Answers() []Answer { return w.AnswersFrom(0) }

// AnswersFrom returns the answers so far but for the first n.
func (w *Watcher) AnswersFrom(n int) []Answer {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.answers[n:])
}

// Until waits for an answer that meets the condition, and fails the test when none comes within limit.
func (w *Watcher) Until(t testing.TB, limit time.Duration, what string, met func(Answer) bool) Answer {
	t.Helper()
	seen := 0
	for end := time.Now().Add(limit); ; time.Sleep(pollPause) {
		w.mu.Lock()
		answers, failed := w.answers, w.failed
		w.mu.Unlock()
		if failed != nil {
			t.Fatalf("machine: %v", failed)
		}
		for ; seen < len(answers); seen++ {
			if met(answers[seen]) {
				return answers[seen]
			}
		}
		if time.Now().After(end) {
			last := "none"
			if seen > 0 {
				last = answers[seen-1].String()
			}
			w.machine.Load().fatal("not within %v: %s; the last of %d answers: %s", limit, what, seen, last)
		}
	}
}
