package leap

import (
	"fmt"
	"math"

	"github.com/epsilontime/epsilon/truetime/internal/saturated"
)

// Entry is one line of a table: from which moment on which TAI−UTC is in force.
type Entry struct {
	At     UTC // the first POSIX second after the leap: the start of a UTC month
	Offset int // TAI−UTC from then on, in seconds
}

// Table is what an authority says about leap seconds: those that there have been, those that there
// will be, and until when there are no others. It is immutable.
type Table struct {
	timeline timeline
	entries  []Entry
	expiry   UTC
	source   string
}

// The moments between which leap seconds can be: there were none before, and with what surrounds
// them those after would not fit into an int64.
const (
	firstYear = UTC(63072000 * second) // 1972-01-01
	lastYear  = UTC(1 << 62)           // 2116
)

// NewTable returns a table of entries in rising order, the first of which says which offset is in
// force up to the second. It is valid for all leap seconds up to expiry, included. The error is
// [ErrTable]: entries out of order, a change other than by one second, a leap that is not at the end
// of a month (ITU-R TF.460-6 allows no other), an entry after the expiry, or an absurd offset.
func NewTable(entries []Entry, expiry UTC, source string) (*Table, error) {
	return newTable(entries, expiry, source, func(i int) string { return fmt.Sprintf("entry %d", i+1) })
}

// newTable does the same, where an entry is found at a line.
func newTable(entries []Entry, expiry UTC, source string, line func(i int) string) (*Table, error) {
	if len(entries) == 0 {
		return nil, fmt.Errorf("%w: %s: it has no entries", ErrTable, source)
	}
	t := &Table{entries: append([]Entry(nil), entries...), expiry: expiry, source: source}
	t.timeline.base = int64(entries[0].Offset) * second
	for i, e := range entries {
		wrong := func(format string, args ...any) error {
			return fmt.Errorf("%w: %s: %s: %s", ErrTable, source, line(i), fmt.Sprintf(format, args...))
		}
		switch {
		case math.Abs(float64(e.Offset)) > 1000:
			return nil, wrong("TAI−UTC of %d s is absurd", e.Offset)
		case e.At < firstYear || e.At > lastYear:
			return nil, wrong("%s is not between 1972 and 2116", e.At.Std().Format(layout))
		case e.At != monthStart(e.At) || int64(e.At)%day != 0:
			return nil, wrong("%s is not the start of a month", e.At.Std().Format(layout))
		case e.At > expiry:
			return nil, wrong("%s is after the table expires, %s", e.At.Std().Format(layout), expiry.Std().Format(layout))
		}
		if i == 0 {
			continue
		}
		was := entries[i-1]
		delta := e.Offset - was.Offset
		switch {
		case e.At <= was.At:
			return nil, wrong("%s is not after %s", e.At.Std().Format(layout), was.At.Std().Format(layout))
		case delta != 1 && delta != -1:
			return nil, wrong("TAI−UTC changes from %d s to %d s; a leap second is one second", was.Offset, e.Offset)
		}
		t.timeline.add(e.At, delta)
	}
	return t, nil
}

// Expiry is the last moment for which t is valid.
func (t *Table) Expiry() UTC { return t.expiry }

// Certain returns until when, in UTC smeared from noon to noon, t says what TAI is: up to the noon before the first
// end of a month after its expiry.
func (t *Table) Certain() Smeared { return Smeared(saturated.Sub(int64(nextMonth(t.expiry)), halfDay)) }

// Source says where t comes from.
func (t *Table) Source() string { return t.source }

// Entries returns the entries of t.
func (t *Table) Entries() []Entry { return append([]Entry(nil), t.entries...) }

// Offset returns TAI−UTC in seconds at a moment of UTC; the second that happens twice counts as the
// first.
func (t *Table) Offset(p UTC) int { return int(t.timeline.offset(p) / second) }

// FromUTC returns the moment at which stepped UTC shows p, and false if p is within 6 s of a leap
// second, where a stamp of a stepping clock may be either of two moments.
func (t *Table) FromUTC(p UTC) (TAI, bool) { return t.timeline.fromUTC(p), !t.Ambiguous(p, p) }

// Ambiguous reports whether POSIX stamps from lo to hi touch the 6 s on either side of a leap second.
func (t *Table) Ambiguous(lo, hi UTC) bool { return t.timeline.ambiguous(lo, hi) }

// Smeared shows a moment on a smeared clock, to within 1 ns, rounded as asked. It never goes back.
func (t *Table) Smeared(c TAI, round Round) Smeared { return t.timeline.smeared(c, round) }

// FromSmeared returns the moment at which a smeared clock shows x, to within 1 ns, rounded as asked.
// It never goes back.
func (t *Table) FromSmeared(x Smeared, round Round) TAI { return t.timeline.fromSmeared(x, round) }

// Format shows a moment as stepped UTC in the form of RFC 3339, an inserted second as 23:59:60.
func (t *Table) Format(c TAI) string {
	p, inserted := t.timeline.utc(c)
	text := p.Std().Format(layout)
	if inserted {
		return text[:len("2006-01-02T15:04:")] + "60" + text[len("2006-01-02T15:04:05"):]
	}
	return text
}

const layout = "2006-01-02T15:04:05.000000000Z"

// Newest returns the table of those given that expires last. The error is [ErrConflict] if another
// table says something else about a time that both are valid for: one of them is wrong, and nobody
// can tell which. Nil tables are left out; it returns nil if there is none.
func Newest(tables ...*Table) (*Table, error) {
	var newest *Table
	for _, t := range tables {
		if t != nil && (newest == nil || t.expiry > newest.expiry) {
			newest = t
		}
	}
	for _, t := range tables {
		if t == nil || t == newest {
			continue
		}
		if err := newest.agrees(t); err != nil {
			return nil, err
		}
	}
	return newest, nil
}

// agrees compares t with an older table, up to where that expires and from where both begin.
func (t *Table) agrees(older *Table) error {
	begin := max(t.entries[0].At, older.entries[0].At)
	for _, both := range [][2]*Table{{t, older}, {older, t}} {
		for _, e := range append([]Entry{{At: begin}}, both[0].entries...) {
			if e.At < begin || e.At > older.expiry {
				continue
			}
			if here, there := t.Offset(e.At), older.Offset(e.At); here != there {
				return fmt.Errorf("%w: TAI−UTC from %s on is %d s (%s) or %d s (%s): remove the wrong one",
					ErrConflict, e.At.Std().Format(layout), here, t.source, there, older.source)
			}
		}
	}
	return nil
}
