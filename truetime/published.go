package truetime

import (
	"errors"
	"fmt"

	"github.com/epsilontime/epsilon/internal/localcounter"
	"github.com/epsilontime/epsilon/internal/published"
)

// ErrNotPublishable: the clock reads a counter that no other process can read ([WithCounter]). Only a
// clock on the machine's own counter can be published.
var ErrNotPublishable = errors.New("truetime: the clock cannot be published to other processes")

// Published returns what Now answers from, in the form in which other processes can use it. It is there
// for package hostclock, which publishes a clock: nothing outside this module can name its type.
//
// The error is [ErrClosed], beside a record with nothing but the epoch that the clock was closed in, or wraps
// [ErrNotPublishable].
func (c *Clock) Published() (published.Record, error) {
	if !c.made() {
		return published.Record{}, errNotMade
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	a := c.published.Load()
	switch {
	case c.state == Closed:
		return published.Record{Epoch: c.epoch}, ErrClosed
	case localcounter.Of(c.counter) == nil || c.watch.machine == nil:
		return published.Record{}, fmt.Errorf("%w: it reads %s, which they cannot: leave WithCounter out", ErrNotPublishable, c.watch.describe())
	}
	leaps := c.leapReportLocked(a.From)
	r := published.Record{
		State:      uint8(c.state),
		Epoch:      c.epoch,
		LeapStatus: uint8(leaps.Status),
		LeapAt:     int64(leaps.At),
		VM:         a.vm != nil,
		Marker:     a.marker,
		Counter:    c.watch.machine.Witness(),
	}
	lines, answers := a.Lasting()
	if answers && (a.hardware != nil) == r.Counter.Hardware {
		r.Answers, r.MaxWidth = true, lines.MaxWidth
		r.Shown, r.TAI, r.TAIKnown, r.TAIUntil = lines.Shown, lines.TAI, lines.TAIKnown, lines.TAIUntil
	}
	return r, nil
}
