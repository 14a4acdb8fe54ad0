package epsilonraft

import (
	"fmt"
	"sync/atomic"

	"github.com/epsilontime/epsilon/truetime"
)

// A hold is what keeps a leader from telling what is committed in its term: the latest lease that earlier terms have granted.
type hold struct {
	grant
	floor   bool        // it is that of what was revoked, which comes from Latest, and from no lease
	through uint64      // the last entry of earlier terms: whatever their leaders have told is in the log up to there
	over    atomic.Bool // stays so, whatever the clock says later
}

func newHold(latest, floor grant, through uint64) *hold {
	h := &hold{grant: later(latest, floor), floor: floor.expiry > latest.expiry, through: through}
	h.over.Store(h.expiry == 0)
	return h
}

// isOver reports whether the lease of earlier terms has certainly expired.
func (h *hold) isOver(now truetime.Interval) bool {
	if h.over.Load() {
		return true
	}
	if !now.After(h.expiry) {
		return false
	}
	h.over.Store(true)
	return true
}

// why says why the hold is not over.
func (h *hold) why(now truetime.Interval) error {
	if err := h.fromFuture(now); err != nil && !h.floor {
		return err
	}
	return fmt.Errorf("%w: at %v, and it is %v", ErrDeferred, h.expiry, now)
}
