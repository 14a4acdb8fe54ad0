package lease

import (
	"fmt"

	"github.com/epsilontime/epsilon/internal/invariants"
	"github.com/epsilontime/epsilon/internal/plausible"
	"github.com/epsilontime/epsilon/truetime"
)

// Timestamp returns a commit timestamp: not before true time, larger than every one issued under
// this lease or under one before it, above the floor ([Lease.Raise]), and before the expiry.
// Release waits until it has passed. The errors are those of Check, and ErrBeyondExpiry.
//
// If timestamps are asked for faster than one per nanosecond, or the clock falls back, or the floor
// was raised, they run ahead of Latest, and near the expiry there may be none left:
// ErrBeyondExpiry.
//
// DoFrom of package commitwait takes it, and overlaps the wait until it has passed with the work.
func (l *Lease) Timestamp() (truetime.Time, error) { return l.TimestampAfter(0) }

// TimestampAfter is Timestamp, and later than floor: the largest of the timestamps at which the
// participants of a transaction have prepared. The zero Time is no floor. Another one before 1990
// is refused, because it is in another unit than nanoseconds and would be no floor either.
//
// A floor that leaves nothing before the expiry is refused with ErrBeyondExpiry and changes
// nothing. One below it is taken at its word: timestamps run ahead up to there, for everybody, and
// so does the commit-wait, by the TTL at the most. Compare one that comes from elsewhere with your
// own clock first.
func (l *Lease) TimestampAfter(floor truetime.Time) (truetime.Time, error) {
	if err := plausible.Timestamp(floor); err != nil && !floor.IsZero() {
		return 0, fmt.Errorf("lease: floor: %w", err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	now, expiry, err := l.heldLocked()
	if err != nil {
		return 0, err
	}
	next, ok := timestamp(now, expiry, max(l.issued, floor))
	if !ok {
		return 0, fmt.Errorf("%w: nothing is left between %v and %v",
			ErrBeyondExpiry, max(now.Latest, l.issued, floor), expiry)
	}
	if invariants.Enabled {
		invariants.Check(next >= now.Latest && next > max(l.issued, floor) && next < expiry,
			"lease: timestamp %v, where it is %v, the last one was %v, the floor is %v and the expiry %v", next, now, l.issued, floor, expiry)
	}
	l.issued = next
	return next, nil
}

// Raise makes every timestamp from now on later than floor, those of later holders too. That is
// what a reader at floor needs to be told: once nothing that has a timestamp already is under way
// any more, what is there at floor is all there will ever be (the safe time of Corbett et al.,
// "Spanner", OSDI 2012, section 4.1.3). A floor that is not above the last timestamp changes
// nothing. One that is zero or before 1990, which is in another unit than nanoseconds, is refused.
//
// The lease was Held at some moment between call and return if it returns nil. Otherwise nothing
// has changed and the error is one of Check, or ErrBeyondExpiry: the next holder begins after the
// expiry, and knows nothing of a floor beyond it. Release waits until the floor has passed.
func (l *Lease) Raise(floor truetime.Time) error {
	if err := plausible.Timestamp(floor); err != nil {
		return fmt.Errorf("lease: floor: %w", err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	_, expiry, err := l.heldLocked()
	if err != nil {
		return err
	}
	raised, ok := raise(expiry, l.issued, floor)
	if !ok {
		return fmt.Errorf("%w: the floor is %v, and the expiry %v", ErrBeyondExpiry, floor, expiry)
	}
	l.issued = raised
	return nil
}

// heldLocked returns an interval at which the lease is Held, and its expiry.
func (l *Lease) heldLocked() (now truetime.Interval, expiry truetime.Time, err error) {
	if l.ended != nil {
		return now, 0, l.ended
	}
	if now, err = l.config.now(); err != nil {
		return now, 0, err
	}
	expiry = truetime.Time(l.granted.Load())
	return now, expiry, judge(now, expiry)
}

// timestamp returns what to issue while the lease is Held: at least Latest, above last, and before
// the expiry.
func timestamp(now truetime.Interval, expiry, last truetime.Time) (truetime.Time, bool) {
	next := now.Latest
	if next <= last {
		next = last.Add(1)
	}
	return next, stateAt(now, expiry) == Held && next < expiry && next > last
}

// raise returns the floor below which nothing is issued any more, if the next holder will keep to
// it.
func raise(expiry, last, floor truetime.Time) (truetime.Time, bool) {
	return max(last, floor), floor < expiry
}
