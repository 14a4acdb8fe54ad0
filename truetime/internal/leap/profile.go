package leap

import (
	"fmt"
	"time"
)

// Kind says in which of the scales a source counts.
type Kind uint8

// The kinds of sources.
const (
	Stepping Kind = iota // UTC, which steps at a leap second: most NTP servers
	Smearing             // UTC with smeared leap seconds
	Atomic               // TAI: PTP
)

// Profile says what a source serves.
type Profile struct {
	Kind  Kind
	Smear Smear // of a smearing source
}

// Validate reports what is wrong with p.
func (p Profile) Validate() error {
	if p.Kind > Atomic {
		return fmt.Errorf("%w: %d is not a kind of source", ErrSmear, p.Kind)
	}
	if p.Kind == Smearing {
		return p.Smear.Validate()
	}
	return nil
}

// String describes p in a few words.
func (p Profile) String() string {
	switch {
	case p.Kind == Atomic:
		return "TAI"
	case p.Kind == Stepping:
		return "UTC with steps"
	case p.Smear == NoonToNoon():
		return "UTC smeared from noon to noon"
	case p.Smear.SI:
		return fmt.Sprintf("UTC smeared over %v of TAI from %v after a leap second", p.Smear.Duration, p.Smear.Start)
	}
	return fmt.Sprintf("UTC smeared over %v from %v after a leap second", p.Smear.Duration, p.Smear.Start)
}

// Say is what a source announces about the end of the current day.
type Say uint8

// What a source can say. A smearing source says nothing, for a smearing server shows no leap
// indicator (RFC 8633 section 3.7.1) whatever it knows.
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
