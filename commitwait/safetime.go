package commitwait

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/epsilontime/epsilon/internal/plausible"
	"github.com/epsilontime/epsilon/truetime"
)

// SafeTime makes reads at a timestamp see all that was committed at or before it, and nothing of what is on its way: the
// t_safe of J. Corbett et al., "Spanner: Google's globally-distributed database", ACM TOCS 31(3), 2013, section 4.1.3.
//
//	timestamp, done, err := safe.Begin(sequencer.Next) // a writer, who holds its locks
//	if err != nil {
//		return err
//	}
//	…      // it writes at the timestamp
//	done() // only once the writes can be read, or it is certain that they never will be: not in a defer
//
//	err := safe.Wait(ctx, timestamp) // a reader, who needs no lock
//
// A writer takes its timestamp and is known from the same moment on, so no reader can slip in between. A reader waits
// for the writers that it must see, and promises that none will come after it: the timestamps from then on are later. It
// is safe for use by many goroutines. Its memory is not kept: after a restart, or a change of the leader, the
// transactions that are still undecided have to be begun again with the timestamps that they had, before anybody reads.
type SafeTime struct {
	waiter *Waiter
	raise  func(floor truetime.Time) error

	mu       sync.Mutex
	inFlight map[*writer]struct{}
	promised truetime.Time // the highest floor that raise has taken: nobody may begin at it or before; 0 at first
}

// writer has taken a timestamp, at which or after which it may yet commit.
type writer struct {
	from truetime.Time
	done chan struct{} // closed when readers may pass
}

// NewSafeTime makes a SafeTime that waits by a Waiter. Raise must make all timestamps that are taken from then on later
// than floor, or return an error: Raise of a [Sequencer], or of a lease, which keeps the promise under later leaders too.
func NewSafeTime(waiter *Waiter, raise func(floor truetime.Time) error) (*SafeTime, error) {
	if waiter == nil || waiter.closed == nil || raise == nil {
		return nil, errors.New("commitwait: a SafeTime needs a Waiter that NewWaiter has made, and a function that raises the floor of timestamps")
	}
	return &SafeTime{waiter: waiter, raise: raise, inFlight: make(map[*writer]struct{})}, nil
}

// Begin takes a timestamp by calling next, and has readers at that timestamp or a later one wait until done is called:
// once all of the writes at it can be read, or it is certain that there will be none. Whoever commits at a later
// timestamp than this, as a participant that has prepared, calls done all the same after that. done may be called more than once.
//
// Next is called under a lock, so it must not block, nor call this SafeTime. Sequencer.Next, and Timestamp of a lease, can be given as they
// are. Its error is returned as it is, and then nothing has begun. A timestamp that readers have been promised nobody would take any more is
// refused: next does not heed what raise was told, as clock.Now().Latest does not, or a transaction that is begun again comes too late. So is
// one before 1990, which is in another unit than nanoseconds.
func (s *SafeTime) Begin(next func() (truetime.Time, error)) (timestamp truetime.Time, done func(), err error) {
	if next == nil {
		return 0, nil, errNoSource
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if timestamp, err = next(); err != nil {
		return 0, nil, err
	}
	if err := plausible.Timestamp(timestamp); err != nil {
		return 0, nil, fmt.Errorf("commitwait: %w", err)
	}
	if !timestamp.After(s.promised) {
		return 0, nil, fmt.Errorf("%w: %v, where reads up to %v are safe already", errPromised, timestamp, s.promised)
	}
	w := &writer{timestamp, make(chan struct{})}
	s.inFlight[w] = struct{}{}
	return timestamp, sync.OnceFunc(func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.inFlight, w)
		close(w.done)
	}), nil
}

// Wait waits until reads at t are safe: t has come, every commit at or before it is done, and there will be no other.
// A t in the future is waited for first, up to the limit of [WithMaxWait].
//
// Any error means that reads at t are not safe: [ErrNotPassed] with its reason, [ErrWaitTooLong] among them, the error of raise, or ctx's.
func (s *SafeTime) Wait(ctx context.Context, t truetime.Time) error {
	if err := plausible.Timestamp(t); err != nil {
		return fmt.Errorf("commitwait: %w", err)
	}
	now, err := read(s.waiter.clock)
	if err != nil {
		return err
	}
	if t.After(now.Latest) { // or a promise would hold up everybody's commits
		if err := s.waiter.Until(ctx, t); err != nil {
			return err
		}
	}
	before, err := s.promise(t)
	if err != nil {
		return err
	}
	for _, w := range before {
		select {
		case <-w.done:
		case <-ctx.Done():
			return fmt.Errorf("commitwait: a transaction at %v is not done, so a read at %v is not safe: %w", w.from, t, context.Cause(ctx))
		}
	}
	return nil
}

// promise returns who may yet commit at or before t. From now on nobody begins to.
func (s *SafeTime) promise(t truetime.Time) (before []*writer, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.raise(t); err != nil {
		return nil, err
	}
	s.promised = max(s.promised, t)
	for w := range s.inFlight {
		if !w.from.After(t) {
			before = append(before, w)
		}
	}
	return before, nil
}

// Safe returns a timestamp at which reads are safe now: what a leader sends to its followers, which may then answer
// reads up to it. It is Earliest of the clock, or just before the first commit that is on its way. It costs a look at each of those.
func (s *SafeTime) Safe() (truetime.Time, error) {
	now, err := read(s.waiter.clock)
	if err != nil {
		return 0, err
	}
	safe := now.Earliest
	before, err := s.promise(safe)
	if err != nil {
		return 0, err
	}
	for _, w := range before {
		safe = min(safe, w.from-1)
	}
	return safe, nil
}
