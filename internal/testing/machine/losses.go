//go:build linux

package machine

import (
	"fmt"
	"time"
)

// losses is how much a machine's counter may have lost in pauses, one after the other, and so by how much its clock's
// answers may be wrong. They rest on samples of their epoch, of whatever age: what counts is all that was lost
// since the epoch began, in pauses that nobody has noticed and in the last one.
type losses struct {
	allowed time.Duration // the clock allows for so much in all
	lost    time.Duration // at most, since the oldest sample that an answer may rest on
	epoch   uint64        // the clock's when the last pause was answered for
	began   uint64        // the clock's just after the last pause: what is of a later one rests on no sample from before
}

// pause counts a pause that is over, and the epoch just after it.
func (l *losses) pause(took time.Duration, epoch uint64) {
	l.lost += took
	l.began = epoch
}

// judge says whether an answer is wrong that must not be, of those since the last pause began.
func (l *losses) judge(a Answer) error {
	switch wrong := a.Wrong(); {
	case wrong == 0:
		return nil
	case l.lost <= l.allowed:
		return fmt.Errorf("wrong, though no more than %v was lost and %v is allowed for: %v", l.lost, l.allowed, a)
	case wrong > l.lost:
		return fmt.Errorf("wrong by more than the %v that were lost: %v", l.lost, a)
	case a.Epoch > l.began:
		return fmt.Errorf("wrong after a majority of the servers had contradicted the past: %v", a)
	}
	return nil
}

// exceeded reports whether more was lost than is allowed for, if anything is.
func (l *losses) exceeded() bool { return l.allowed > 0 && l.lost > l.allowed }

// answered says that servers have been asked since the last pause, which took so long, and whether the clock has noticed.
func (l *losses) answered(took time.Duration, epoch uint64) (noticed bool) {
	noticed = epoch > l.epoch
	switch {
	case epoch > l.began:
		l.lost = 0 // all samples are from after the pause
	case noticed:
		l.lost = took // or from before it, if an epoch ended just then
	}
	l.epoch = epoch
	return noticed
}
