package commitwait

import (
	"fmt"
	"math"
	"sync/atomic"

	"github.com/epsilontime/epsilon/internal/invariants"
	"github.com/epsilontime/epsilon/internal/plausible"
	"github.com/epsilontime/epsilon/truetime"
)

// Sequencer hands out strictly increasing commit timestamps, which [Waiter.DoFrom] takes from its
// Next. It is one atomic word, and safe for use by many goroutines.
//
// It orders the commits of one process. Its memory is not kept: a new leader raises the floor to
// the last timestamp of the one before, or waits until that has passed.
type Sequencer struct {
	sequencerConfig
	clock truetime.Reader
	last  atomic.Int64 // handed out, or the floor; 0 before the first
}

// NewSequencer makes a Sequencer on a clock. All mistakes are reported at once.
func NewSequencer(clock truetime.Reader, options ...SequencerOption) (*Sequencer, error) {
	config := sequencerConfig{maxAhead: defaultMaxAhead}
	if err := configure(&config, &config.mistakes, clock, options); err != nil {
		return nil, err
	}
	return &Sequencer{sequencerConfig: config, clock: clock}, nil
}

// Next returns a timestamp that is not before Latest of an interval read during the call, and after
// every timestamp handed out before and every floor. It costs a reading of the clock and one atomic
// operation, and allocates nothing.
//
// The error is the clock's, or [ErrTooFarAhead], which ends when time has caught up. Then no
// timestamp was used up.
func (s *Sequencer) Next() (truetime.Time, error) {
	for {
		// The last one first, then the clock: so a call that is interrupted in between does not
		// compare what others have been given since with an old interval.
		last := s.last.Load()
		now, err := read(s.clock)
		if err != nil {
			return 0, err
		}
		next := now.Latest
		if int64(next) <= last {
			if last == math.MaxInt64 {
				return 0, s.tooFar(truetime.Time(last), now)
			}
			next = truetime.Time(last + 1)
		}
		if next.Sub(now.Latest) > s.maxAhead {
			return 0, s.tooFar(next, now)
		}
		if s.last.CompareAndSwap(last, int64(next)) {
			if invariants.Enabled && (int64(next) <= last || next < now.Latest) {
				invariants.Check(false, "commitwait: %d is not after %d and at %v", next, last, now)
			}
			return next, nil
		}
	}
}

// Raise makes every timestamp from now on later than floor: the prepare timestamp of a participant,
// or the last one of the leader before. A floor that is not above the last timestamp changes
// nothing.
//
// A floor further ahead of Latest than [WithMaxAhead] is refused with [ErrTooFarAhead] and changes
// nothing, and so is one that cannot be compared because the clock refuses, with the clock's error:
// one wrong timestamp from elsewhere would hold up every commit here. So is a floor before 1990,
// which is in another unit than nanoseconds.
func (s *Sequencer) Raise(floor truetime.Time) error {
	if err := plausible.Timestamp(floor); err != nil {
		return fmt.Errorf("commitwait: %w", err)
	}
	for {
		last := s.last.Load()
		if int64(floor) <= last {
			return nil
		}
		now, err := read(s.clock)
		if err != nil {
			return err
		}
		if floor.Sub(now.Latest) > s.maxAhead {
			return s.tooFar(floor, now)
		}
		if s.last.CompareAndSwap(last, int64(floor)) {
			return nil
		}
	}
}

// Last returns the last timestamp handed out, or the floor if that is higher: what a leader passes
// on to the next. It is zero if there is neither.
func (s *Sequencer) Last() truetime.Time { return truetime.Time(s.last.Load()) }

func (s *Sequencer) tooFar(t truetime.Time, now truetime.Interval) error {
	return fmt.Errorf("%w: %v is %v after Latest, and at most %v is allowed", ErrTooFarAhead, t, t.Sub(now.Latest), s.maxAhead)
}
