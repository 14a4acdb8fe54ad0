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
