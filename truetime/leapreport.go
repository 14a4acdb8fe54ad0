package truetime

import (
	"fmt"
	"time"

	"github.com/epsilontime/epsilon/truetime/internal/leap"
)

// LeapReport is what a clock believes about leap seconds at one moment. It is comparable.
type LeapReport struct {
	Status LeapStatus

	// At is the midnight of UTC that the leap second comes or came before; 0 unless Status is about one.
	At Time

	TableExpiry  Time   // up to which the table knows all leap seconds
	TableExpired bool   // beyond that, whether there is a leap second is up to the sources
	TableSource  string // where the table is from
	TableRefused string // why a table that was found is not used; empty if none was refused
}

// LeapStatus says what is believed about a leap second. Its text forms are those of String.
type LeapStatus uint8

// What is believed.
const (
	LeapStatusNoAnswer         LeapStatus = iota // nothing: the clock has no answer
	LeapStatusNone                               // no leap second is near
	LeapStatusInsertPending                      // a second is inserted at the end of this month
	LeapStatusRemovalPending                     // a second is removed at the end of this month
	LeapStatusSmearing                           // a leap second is being smeared
	LeapStatusUnknown                            // one is possible, and the answer allows for it: it is wide
	LeapStatusSmearedBySources                   // all sources smear from noon to noon: the clock need not know
)

var leapStatusNames = []string{"no answer", "none", "insert pending", "removal pending", "smearing", "unknown", "smeared by sources"}

// The statuses are those of package leap, number for number: this does not compile otherwise.
var (
	_ = [1]struct{}{}[LeapStatusNone-LeapStatus(leap.None)]
	_ = [1]struct{}{}[LeapStatusInsertPending-LeapStatus(leap.PendingInsert)]
	_ = [1]struct{}{}[LeapStatusRemovalPending-LeapStatus(leap.PendingRemove)]
	_ = [1]struct{}{}[LeapStatusSmearing-LeapStatus(leap.SmearingNow)]
	_ = [1]struct{}{}[LeapStatusUnknown-LeapStatus(leap.Unknown)]
	_ = [1]struct{}{}[LeapStatusSmearedBySources-LeapStatus(leap.SmearedBySources)]
)

// String returns the status in lower case, as in "insert pending".
func (s LeapStatus) String() string { return name(s, leapStatusNames) }

// MarshalText writes what String returns.
func (s LeapStatus) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads what MarshalText writes.
func (s *LeapStatus) UnmarshalText(text []byte) error { return parseName(s, text, leapStatusNames) }

// leapReportOf returns the state that the engine reports, with why a table was refused.
func leapReportOf(r leap.Report, refused string) LeapReport {
	return LeapReport{LeapStatus(r.Status), Time(r.At), Time(r.Expiry), r.Expired, r.Source, refused}
}

// String says it in one sentence, and what to do about it.
func (s LeapReport) String() string {
	if s == (LeapReport{}) {
		return "nothing is known"
	}
	date := func(t Time) string { return t.Std().Format(time.DateOnly) }
	text := s.Status.String() + " before " + date(s.At)
	switch s.Status {
	case LeapStatusNoAnswer:
		text = "leap seconds are not known without an answer"
	case LeapStatusNone:
		text = "no leap second near"
	case LeapStatusSmearing:
		text = "smearing the leap second before " + date(s.At)
	case LeapStatusUnknown:
		text = "a leap second before " + date(s.At) + " is possible and neither confirmed nor excluded, the answer allows for both"
	case LeapStatusSmearedBySources:
		text = "smeared by the sources, from noon to noon"
	}
	text += fmt.Sprintf("; table of %s", s.TableSource)
	if s.TableExpired {
		text += fmt.Sprintf(" expired on %s, install a newer one", date(s.TableExpiry))
	} else {
		text += " valid until " + date(s.TableExpiry)
	}
	if s.TableRefused != "" {
		text += "; not used: " + s.TableRefused
	}
	return text
}
