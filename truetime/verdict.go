package truetime

import "github.com/epsilontime/epsilon/truetime/internal/engine"

// Verdict says what a clock thinks of a source. Whatever the verdict, every configured source has
// its vote, or the sources that can be silenced could be outvoted.
type Verdict uint8

// The verdicts on a source.
//
// One that is convicted covers nothing, and is one of those that may be wrong. That ends with its
// fourth answer in a row that agrees with those before, or 20 minutes after its last answer: then
// it counts as one that has not been heard.
const (
	Undecided   Verdict = iota // it has answered, and there is no agreement to hold it against
	Truechimer                 // its interval meets what the others agree on
	Falseticker                // its interval excludes what the others agree on: it is wrong, or more than f others are
	Silent                     // none of its last three polls was answered
	Convicted                  // what it said contradicts what it said before: see below
	Unusable                   // it answers, and what it says cannot be used: see SourceStatus.Err
)

var verdictNames = []string{"undecided", "truechimer", "falseticker", "silent", "convicted", "unusable"}

// String returns the verdict in lower case, as in "truechimer".
func (v Verdict) String() string { return name(v, verdictNames) }

// MarshalText writes what String returns.
func (v Verdict) MarshalText() ([]byte, error) { return []byte(v.String()), nil }

// UnmarshalText reads what MarshalText writes.
func (v *Verdict) UnmarshalText(text []byte) error { return parseName(v, text, verdictNames) }

// The engine's verdicts and states are these, number for number: this does not compile otherwise.
var (
	_ = [1]struct{}{}[Unusable-Verdict(engine.VerdictUnusable)]
	_ = [1]struct{}{}[Falseticker-Verdict(engine.Falseticker)]
	_ = [1]struct{}{}[Convicted-Verdict(engine.Convicted)]
	_ = [1]struct{}{}[Silent-Verdict(engine.Silent)]
	_ = [1]struct{}{}[Truechimer-Verdict(engine.Truechimer)]
	_ = [1]struct{}{}[Holdover-State(engine.Holdover)]
	_ = [1]struct{}{}[Synchronized-State(engine.Synchronized)]
	_ = [1]struct{}{}[ClockFaulty-State(engine.ClockFaulty)]
)
