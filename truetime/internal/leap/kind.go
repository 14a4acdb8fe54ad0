package leap

import "fmt"

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
	NoAnswer         Status = iota // there is no answer that a belief could be about
	None                           // no leap second is near
	PendingInsert                  // one is inserted at the end of this month
	PendingRemove                  // one is removed at the end of this month
	SmearingNow                    // one is being smeared
	Unknown                        // whether there is one is not known, and the answer allows for each possibility
	SmearedBySources               // the sources smear as the answer does, so that it makes no difference
)

// Report is a status with its circumstances.
type Report struct {
	Status  Status
	At      UTC  // the leap second that the status is about; 0 for none
	Expired bool // the table is not valid any more: whether there is a leap second is up to the sources
	Expiry  UTC  // of the table
	Source  string
}
