package truetime

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"time"

	"github.com/epsilontime/epsilon/internal/unset"
	"github.com/epsilontime/epsilon/monotonic"
	"github.com/epsilontime/epsilon/truetime/internal/journal"
	"github.com/epsilontime/epsilon/truetime/internal/leap"
)

// zoneinfo is where the system's tz database is, with its leap-seconds.list.
const zoneinfo = "/usr/share/zoneinfo"

// leapTable is the leap second table that a clock begins with.
type leapTable struct {
	table   *leap.Table
	system  fs.FS  // where it may be found anew; nil if the user has given one
	refused string // why another one is not used; empty if none was refused
}

// WithLeapSeconds has the clock use a leap-seconds.list, as IERS publishes it and as the tz database has
// it, if it is valid for longer than the one that is built in. [New] fails if it is damaged or contradicts
// that.
//
// By default the clock uses leap-seconds.list in /usr/share/zoneinfo if that is valid for longer, and looks
// there again every day. [LeapReport] says which table is in use and when it expires. After that it is up to
// the sources whether there is a leap second at the end of a month: see [Time]. If the clock had to do
// without the table that it finds, it begins a new epoch, and has no answer for one round of polls.
func WithLeapSeconds(list io.Reader) Option {
	return func(c *config) {
		if unset.Nil(list) {
			c.mistake("leap seconds: the reader is nil")
			return
		}
		table, err := leap.ParseList(list, "WithLeapSeconds")
		if err == nil {
			table, err = leap.Newest(leap.BuiltIn(), table)
		}
		if err != nil {
			c.mistakes = append(c.mistakes, err)
			return
		}
		c.leaps.table = table
	}
}

// read reads the system's table if none is given.
func (l *leapTable) read(zoneinfo fs.FS) {
	if l.table != nil {
		return
	}
	l.table, l.system = leap.BuiltIn(), zoneinfo
	system, err := leap.ReadSystem(zoneinfo)
	if err == nil {
		var newest *leap.Table
		if newest, err = leap.Newest(l.table, system); err == nil {
			l.table = newest
		}
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		l.refused = err.Error()
	}
}

func systemZones() fs.FS { return os.DirFS(zoneinfo) }

// rereadAfter is how soon the system's table is read again: it is replaced twice a year, half a year
// before it is needed.
const rereadAfter = 24 * time.Hour

// keepLeapSeconds reads the system's table again and again, until ctx ends.
func (c *Clock) keepLeapSeconds(ctx context.Context, system fs.FS, every time.Duration) {
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		c.rereadLeapSeconds(system)
	}
}

// rereadLeapSeconds takes the system's table, if there is one.
func (c *Clock) rereadLeapSeconds(system fs.FS) {
	table, err := leap.ReadSystem(system)
	if errors.Is(err, fs.ErrNotExist) {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.leapsRefused = ""
	if err == nil {
		now := c.lookLocked()
		err = c.engine.Learn(table, now)
		c.recordLocked(now, func() []byte { return journal.Learn(c.engine, now, table) })
		c.publishLocked(now)
	}
	if err != nil && !errors.Is(err, leap.ErrBroken) {
		c.leapsRefused = err.Error()
	}
}

// leapReportLocked is what is believed about leap seconds now.
func (c *Clock) leapReportLocked(now monotonic.Instant) LeapReport {
	return leapReportOf(c.engine.Leap(now), c.leapsRefused)
}

// reportLeapSecondsLocked emits an event if something else is believed about leap seconds than before.
func (c *Clock) reportLeapSecondsLocked(now monotonic.Instant) {
	state := c.leapReportLocked(now)
	was := c.leapReport
	if state.Status == LeapStatusNoAnswer || state.Status == LeapStatusSmearedBySources ||
		state.Status == was.Status && state.At == was.At && state.TableExpired == was.TableExpired {
		return
	}
	c.leapReport = state
	c.events.emit(Event{Kind: EventLeapSeconds, Epoch: c.epoch, Reason: state.String()})
}
