package hostclock

import (
	"errors"
	"fmt"

	"github.com/epsilontime/epsilon/truetime"
)

// A Clock is whatever commitwait, hlc and lease stand on.
var _ truetime.Reader = (*Clock)(nil)

// After reports whether t has certainly passed. It is false when the clock has no answer.
func (c *Clock) After(t truetime.Time) bool {
	i, err := c.Now()
	return err == nil && i.After(t)
}

// Before reports whether t has certainly not arrived. It is false when the clock has no answer.
func (c *Clock) Before(t truetime.Time) bool {
	i, err := c.Now()
	return err == nil && i.Before(t)
}

// errNoTAI: TAI cannot be told from what is published.
var errNoTAI = fmt.Errorf("%w: so says the host's clock", truetime.ErrTAIUnknown)

// NowTAI returns an interval that contains true time in TAI, with the errors of [Clock.Now], and truetime.ErrTAIUnknown
// where UTC is known and TAI is not. It takes longer than Now.
func (c *Clock) NowTAI() (truetime.TAIInterval, error) {
	if c == nil || c.view.Load() == nil {
		return truetime.TAIInterval{}, errNotMade
	}
	if own := c.own.Load(); own != nil {
		if i, err := own.NowTAI(); !errors.Is(err, truetime.ErrClosed) { // it may have been given up meanwhile
			return i, err
		}
	}
	v := c.current()
	if v.err != nil {
		return truetime.TAIInterval{}, v.err
	}
	raw := v.read()
	if v.vm != nil && v.vm.Marker() != v.marker {
		return truetime.TAIInterval{}, errMoved
	}
	if !v.record.TAIKnown {
		return truetime.TAIInterval{}, errNoTAI
	}
	earliest, latest, ok := v.record.TAI.Late(raw)
	switch {
	case !ok:
		return truetime.TAIInterval{}, errWentBack
	case latest > v.record.TAIUntil:
		return truetime.TAIInterval{}, errNoTAI
	case uint64(latest-earliest) > v.maxWidth:
		return truetime.TAIInterval{}, truetime.ErrUncertaintyTooLarge
	}
	return truetime.TAIInterval{Earliest: truetime.TAI(earliest), Latest: truetime.TAI(latest)}, nil
}

// FormatUTC formats t as stepped UTC in the form of RFC 3339, an inserted second as 23:59:60. Leap seconds are those of
// the table that is built in.
func (c *Clock) FormatUTC(t truetime.Time) string { return (*truetime.Clock)(nil).FormatUTC(t) }
