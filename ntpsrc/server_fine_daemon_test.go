package ntpsrc

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/internal/testing/testbed"
	"github.com/epsilontime/epsilon/truetime"
)

// compare asks two sources in turns, often, and returns the medians of what each claims and of δ/2 + E.
func compare(t *testing.T, sources [2]truetime.Source) (claim, epsilon [2]time.Duration) {
	t.Helper()
	counter := system(t)
	var claims, epsilons [2][]time.Duration
	for round := range 501 {
		for i, source := range sources {
			sample, err := source.Sample(t.Context(), counter)
			require.NoError(t, err)
			if round > 0 { // the first request is a plain one
				claims[i], epsilons[i] = append(claims[i], sample.Claim), append(epsilons[i], sample.Delay/2+sample.Claim)
			}
		}
	}
	for i := range sources {
		slices.Sort(claims[i])
		slices.Sort(epsilons[i])
		claim[i], epsilon[i] = claims[i][250], epsilons[i][250]
	}
	return claim, epsilon
}

// chronyd 4.2 and later states its root delay and root dispersion finely to whoever asks, without
// being configured to.
func TestChronydStatesItsErrorFinely(t *testing.T) {
	testbed.RequireBinary(t, "chronyd")
	t.Parallel()
	s := testbed.StartChronyd(t)
	authority := testbed.NewAuthority(t)
	secured := testbed.StartNTSChronyd(t, authority.Issue("127.0.0.1", time.Now().Add(time.Hour)))
	trust := WithTLSConfig(authority.ClientConfig())
	follower := testbed.StartFollower(t, s.Address(), -4).Address()
	for name, sources := range map[string][2]truetime.Source{
		"its own clock":      {Server(s.Address(), WithLocalReference()), Server(s.Address(), WithLocalReference(), WithFineBounds())},
		"follows a server":   {Server(follower), Server(follower, WithFineBounds())},
		"its own clock, NTS": {NTS(secured.KeyExchange(), trust, WithLocalReference()), NTS(secured.KeyExchange(), trust, WithLocalReference(), WithFineBounds())},
	} {
		claim, epsilon := compare(t, sources)
		t.Logf("%s: by the header E is %v and δ/2 + E %v, by the field %v and %v", name, claim[0], epsilon[0], claim[1], epsilon[1])
		require.Less(t, claim[1], claim[0]-15*time.Microsecond, "%s: a unit of root dispersion at least", name)
	}
}
