package doctor

import (
	"fmt"
	"io/fs"
	"slices"

	"github.com/epsilontime/epsilon/cmd/epsilon/internal/api"
	"github.com/epsilontime/epsilon/truetime"
)

// Severity says how bad a finding is.
type Severity string

// The severities, the worst first.
const (
	Bad     Severity = "bad"     // the clock does not do what it is there for, or may be wrong
	Warning Severity = "warning" // it does, and one more thing that goes wrong would be too much
	Advice  Severity = "advice"  // it could do better
)

// Finding is one thing that is wrong. Its ID is the same for ever.
type Finding struct {
	ID       string
	Severity Severity
	Text     string // what is wrong, in a sentence
	Do       string // what to do about it
}

// Case is what is looked at.
type Case struct {
	Report   *api.Report // of the daemon; nil if none answers
	NoDaemon error       // why none does
	System   fs.FS       // the root of the system's files
	Now      truetime.Time
}

// findings collects them.
type findings []Finding

func (f *findings) add(id string, severity Severity, do, format string, values ...any) {
	*f = append(*f, Finding{ID: id, Severity: severity, Text: fmt.Sprintf(format, values...), Do: do})
}

// checks are made in this order.
var checks = []func(*Case, *findings){
	checkDaemon, checkAnswer, checkReach, checkRefusals, checkFalsetickers, checkVoters, checkOperators,
	checkMachines, checkDistance, checkLeapSeconds, checkClocksource, checkVirtualMachine, checkSteering,
}

// Checks is how many there are.
func Checks() int { return len(checks) }

// Examine returns what is wrong, the worst first.
func Examine(c *Case) []Finding {
	found := findings{}
	for _, check := range checks {
		check(c, &found)
	}
	order := []Severity{Bad, Warning, Advice}
	slices.SortStableFunc(found, func(a, b Finding) int {
		return slices.Index(order, a.Severity) - slices.Index(order, b.Severity)
	})
	return found
}
