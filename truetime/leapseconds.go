package truetime

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/epsilontime/epsilon/monotonic"
	"github.com/epsilontime/epsilon/truetime/internal/leap"
)

// zoneinfo is where the system's tz database is, with its leap-seconds.list.
const zoneinfo = "/usr/share/zoneinfo"

// leapTable is the leap second table that a clock begins with.
type leapTable struct {
	table   *leap.Table
	refused string // why another one is not used; empty if none was refused
}

// WithLeapSeconds has the clock use a leap-seconds.list, as IERS publishes it and as the tz database has
// it, if it is valid for longer than the one that is built in. [New] fails if it is damaged or contradicts that.
//
// By default the clock uses what is in /usr/share/zoneinfo, its leap-seconds.list or right/UTC, if that is
// newer; Status says which table is in use and until when it is valid. Beyond that, whether there is a
// leap second at the end of a month is up to the sources: see [Time].
func WithLeapSeconds(list io.Reader) Option {
	return func(c *config) {
		if list == nil {
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
	l.table = leap.BuiltIn()
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

// leapSeconds says what is believed about leap seconds. The lock is held.
func (c *Clock) leapSeconds(now monotonic.Instant) string {
	report, ok := c.engine.Leap(now)
	text := report.String()
	switch {
	case c.engine.CountsSmeared():
		text = "smeared by the sources, from noon to noon"
	case !ok:
		text = fmt.Sprintf("table of %s, valid until %s", report.Source, report.Expiry.Std().Format("2006-01-02"))
	}
	if c.leapsRefused != "" {
		text += "; not used: " + c.leapsRefused
	}
	return text
}
