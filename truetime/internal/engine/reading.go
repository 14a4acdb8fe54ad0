package engine

import (
	"time"

	"github.com/epsilontime/epsilon/truetime/internal/leap"
)

// At bounds true time in smeared UTC when the counter's raw reading is raw. The error says why there is no answer.
func (a *Answer) At(raw uint64) (earliest, latest int64, err error) {
	if a.Err != nil || !a.Ahead.Covers(raw) {
		return a.beyond(raw)
	}
	earliest, latest = a.Ahead.At(raw)
	if uint64(latest-earliest) > a.maxWidth { // also if it were upside down
		return 0, 0, ErrUncertaintyTooLarge
	}
	return earliest, latest, nil
}

// beyond is At for a reading that is out of the range of what has been prepared, and while a leap second is being
// smeared.
func (a *Answer) beyond(raw uint64) (earliest, latest int64, err error) {
	if a.Err != nil {
		return 0, 0, a.Err
	}
	earliest, latest, ok := a.Late(raw)
	switch {
	case !ok:
		return 0, 0, ErrNotSynchronized // the counter went back
	case uint64(latest-earliest) > a.maxWidth:
		return 0, 0, ErrUncertaintyTooLarge
	}
	return earliest, latest, nil
}

// TooWide reports whether an answer with such an uncertainty is refused.
func (a *Answer) TooWide(uncertainty time.Duration) bool { return 2*uint64(uncertainty) > a.maxWidth }

// TAI is At in TAI. [ErrTAIUnknown] means that whether there has been a leap second since the table expired has not
// been found out.
func (a *Answer) TAI(raw uint64) (earliest, latest leap.TAI, err error) {
	if a.Err != nil {
		return 0, 0, a.Err
	}
	lo, hi, ok := a.exact.Late(raw)
	if !ok {
		return 0, 0, ErrNotSynchronized // the counter went back
	}
	earliest, latest = leap.TAI(lo), leap.TAI(hi)
	known := latest <= a.certain
	if a.smeared {
		earliest = a.table.FromSmeared(leap.Smeared(lo), leap.Down)
		latest = a.table.FromSmeared(leap.Smeared(hi), leap.Up)
		known = leap.Smeared(hi) <= a.table.Certain()
	}
	switch {
	case !known:
		return 0, 0, ErrTAIUnknown
	case uint64(latest-earliest) > a.maxWidth:
		return 0, 0, ErrUncertaintyTooLarge
	}
	return earliest, latest, nil
}
