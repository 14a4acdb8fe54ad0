package testbed

import (
	"testing"

	"github.com/epsilontime/epsilon/truetime"
)

// RequireTruth reads the clock between two readings of the truth, which is the host's clock, and
// fails the test if the clock refuses, or if no moment in between lies in its interval.
func RequireTruth(t testing.TB, clock *truetime.Clock) truetime.Interval {
	t.Helper()
	before := truetime.Time(Realtime())
	i, err := clock.Now()
	after := truetime.Time(Realtime())
	switch {
	case err != nil:
		t.Fatalf("testbed: no answer: %v: %+v", err, clock.Status())
	case i.Earliest > after:
		t.Fatalf("testbed: Earliest is %v too late: %+v", i.Earliest.Sub(after), clock.Status())
	case i.Latest < before:
		t.Fatalf("testbed: Latest is %v too early: %+v", before.Sub(i.Latest), clock.Status())
	}
	return i
}
