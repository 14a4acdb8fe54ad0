package ntpsrc

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/internal/testing/testbed"
	"github.com/epsilontime/epsilon/truetime"
)

// median asks a source that has been asked before, and returns the median of what it claims.
func medianClaim(t *testing.T, source truetime.Source) time.Duration {
	t.Helper()
	counter := system(t)
	var claims []time.Duration
	for i := range 201 {
		sample, err := source.Sample(t.Context(), counter)
		require.NoError(t, err)
		if i > 0 {
			claims = append(claims, sample.Claim)
		}
	}
	slices.Sort(claims)
	return claims[len(claims)/2]
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
	for name, sources := range map[string][2]truetime.Source{
		"plain": {Server(s.Address(), WithLocalReference()), Server(s.Address(), WithLocalReference(), WithFineBounds())},
		"NTS":   {NTS(secured.KeyExchange(), trust, WithLocalReference()), NTS(secured.KeyExchange(), trust, WithLocalReference(), WithFineBounds())},
	} {
		coarse, fine := medianClaim(t, sources[0]), medianClaim(t, sources[1])
		t.Logf("%s: E is %v by the header, %v by the field", name, coarse, fine)
		require.Less(t, fine, coarse-15*time.Microsecond, "%s: a unit of root dispersion at least", name)
	}
}
