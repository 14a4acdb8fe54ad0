package distance

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/internal/testing/mutant"
	"github.com/epsilontime/epsilon/internal/testing/race"
)

const truetimeDir = "../../truetime"

var mutants = []struct {
	mutant.Mutant
	test string
}{
	{mutant.Mutant{Name: "m is rounded up", File: "../internal/distance/claim.go",
		Is:      "Quo(d.Num(), d.Denom()).Int64())",
		Becomes: "Quo(d.Num(), d.Denom()).Int64() + 1)"}, "^TestDelayOfADistanceIsRoundedDown$"},
	{mutant.Mutant{Name: "m is not exact", File: "../internal/distance/claim.go",
		Is:      "	return time.Duration(new(big.Int).Quo(d.Num(), d.Denom()).Int64())",
		Becomes: "	return time.Duration(kilometres * (1e12 / float64(lightSpeed)))"}, "^TestDelayOfADistanceIsRoundedDown$"},
	{mutant.Mutant{Name: "m is subtracted twice", File: "../internal/distance/record.go",
		Is:      "s.Latest.Add(-m), s.Earliest.Add(m), m",
		Becomes: "s.Latest.Add(-2*m), s.Earliest.Add(2*m), m"}, "^TestTrueClaimIsNeverDisproved"},
	{mutant.Mutant{Name: "nothing disproves", File: "../internal/distance/claim.go",
		Is:      "	if roundTrip >= 2*m {",
		Becomes: "	if true {"}, "^TestRoundTripThatIsTooShort"},
	{mutant.Mutant{Name: "one way disproves", File: "../internal/distance/claim.go",
		Is:      "	if roundTrip >= 2*m {",
		Becomes: "	if roundTrip >= m {"}, "^TestRoundTripThatIsTooShort"},
	{mutant.Mutant{Name: "the server's turn-around is exact", File: "../internal/distance/record.go",
		Is:      "	held := max(s.Earliest.Sub(s.Latest), 0)",
		Becomes: "	held := s.Earliest.Sub(s.Latest) + 2*s.Claim"}, "^TestTrueClaimIsNeverDisproved"},
	{mutant.Mutant{Name: "the counter has seen everything", File: "../internal/distance/record.go",
		Is:      "	return s.Received.Sub(s.Sent) + slack - held",
		Becomes: "	return s.Received.Sub(s.Sent) - held"}, "^TestSlackIsAllowedFor$"},
	{mutant.Mutant{Name: "smeared seconds are seconds", File: "../internal/distance/claim.go",
		Is:      "		m -= (m + smearedDay) / (smearedDay + 1)",
		Becomes: "		m -= 0"}, "^TestSmearedSeconds"},
	{mutant.Mutant{Name: "smeared seconds in the server are seconds", File: "../internal/distance/record.go",
		Is:      "		held -= (held + smearedDay - 1) / smearedDay",
		Becomes: "		held -= 0"}, "^TestSmearedSeconds"},
	{mutant.Mutant{Name: "a disproof is forgotten at once", File: "../internal/distance/record.go",
		Is:      "		h.disproof, h.fitted = now, 0\n		return now",
		Becomes: "		return now"}, "^TestClaimThatWasDisproved"},
}

// Each of these faults is noticed on its own. A fault whose text has changed would not be tried any
// more, and under the race detector most are not.
func TestEveryFaultIsNoticed(t *testing.T) {
	for _, m := range mutants {
		m.Check(t, truetimeDir)
	}
	if testing.Short() {
		t.Skip("builds the package once for each fault")
	}
	for _, m := range race.Some(mutants, 1) {
		t.Run(m.Name, func(t *testing.T) {
			t.Parallel()
			output, err := m.Run(t, truetimeDir, "-run", m.test, ".")
			require.Error(t, err, "nothing noticed this fault")
			require.Contains(t, output, "--- FAIL: Test", "it was not a test that noticed: %s", output)
		})
	}
}
