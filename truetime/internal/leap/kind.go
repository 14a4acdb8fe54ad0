package leap

import (
	"fmt"
	"time"
)

// Kind says how a source counts.
type Kind uint8

// The kinds of sources.
const (
	Stepping Kind = iota // UTC, which steps at a leap second: most NTP servers
	Smearing             // UTC smeared from noon to noon
	Atomic               // TAI: PTP
)

// String describes the kind in a few words.
func (k Kind) String() string {
	switch k {
	case Stepping:
		return "UTC with steps"
	case Smearing:
		return "UTC smeared from noon to noon"
	case Atomic:
		return "TAI"
	}
	return fmt.Sprintf("scale %d", uint8(k))
}

// Say is what a source announces about the end of the current day.
type Say uint8

// What a source can say.
const (
	Nothing Say = iota
	NoLeap
	Insert
	Remove
)

// Status says what is believed about leap seconds at some moment.
type Status uint8

// The states of belief.
const (
	None          Status = iota // no leap second is near
	PendingInsert               // one is inserted at the end of this month
	PendingRemove               // one is removed at the end of this month
	SmearingNow                 // one is being smeared
	Unknown                     // whether there is one is not known, and the answer allows for each possibility
)

// String names the status in a few words.
func (s Status) String() string {
	switch s {
	case None:
		return "none"
	case PendingInsert:
		return "insert pending"
	case PendingRemove:
		return "removal pending"
	case SmearingNow:
		return "smearing"
	case Unknown:
		return "unknown"
	}
	return fmt.Sprintf("status %d", uint8(s))
}

// Report is a status with its circumstances.
type Report struct {
	Status  Status
	At      UTC  // the leap second that the status is about; 0 for None
	Expired bool // the table is not valid any more: whether there is a leap second is up to the sources
	Expiry  UTC  // of the table
	Source  string
}

// String says it in one sentence.
func (r Report) String() string {
	at := r.At.Std().Format(time.DateOnly)
	table := fmt.Sprintf("table of %s valid until %s", r.Source, r.Expiry.Std().Format(time.DateOnly))
	if r.Expired {
		table = fmt.Sprintf("table of %s expired on %s, install a newer one", r.Source, r.Expiry.Std().Format(time.DateOnly))
	}
	switch r.Status {
	case None:
		return "no leap second near; " + table
	case SmearingNow:
		return "smearing the leap second before " + at + "; " + table
	case Unknown:
		return "a leap second before " + at + " is possible and neither confirmed nor excluded, the answer allows for both; " + table
	}
	return fmt.Sprintf("%s before %s; %s", r.Status, at, table)
}
