package lease

import (
	"fmt"

	"github.com/epsilontime/epsilon/truetime"
)

// lost returns an error if the record, which is known, is not this holder's any more: somebody has
// taken the lease over, or it was given up.
func (p *protocol) lost() error {
	if p.mine() {
		return nil
	}
	return fmt.Errorf("%w to %.80q with token %d", ErrLost, p.record.Holder, p.record.Token)
}

// judge says whether a lease may be acted on at a moment, by the expiry that the store has confirmed.
func judge(now truetime.Interval, expiry truetime.Time) error {
	switch stateAt(now, expiry) {
	case Held:
		return nil
	case Expired:
		return fmt.Errorf("%w at %v, and it is %v at the earliest", ErrExpired, expiry, now.Earliest)
	}
	return fmt.Errorf("%w: it is %v, and it was %v", ErrUncertain, expiry, now)
}

// end makes the lease over for the reason why, if it is not over yet and there is one, and returns
// the reason why it is.
func (l *Lease) end(why error) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ended != nil || why == nil {
		return l.ended
	}
	l.ended = why
	l.over.Store(true)
	l.cancelContextsLocked(why)
	return why
}
