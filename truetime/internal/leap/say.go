package leap

// Say is what a source announces about the end of the current day.
type Say uint8

// What a source can say.
const (
	Nothing Say = iota
	NoLeap
	Insert
	Remove
)
