package discipline

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/monotonic"
)

// One machine lies at two addresses, and shows at each of them other identities from some time on, at one without being
// used, as with times near a possible leap second. What it had said at that one is as old as the link, and still held
// against the others.
func TestWhoShowsItselfAndIsNotUsedStaysATwin(t *testing.T) {
	s := newSpeaking(t, 1, 3)
	const lie = 10 * time.Second
	s.says(0, "M", lie)
	s.says(1, "M", lie)
	s.says(2, "H", 0)
	for k := range 25 {
		s.now += monotonic.Instant(time.Minute)
		s.Observe(s.now)
		s.Show(0, fmt.Sprint("a", k), s.now)
		s.says(1, fmt.Sprint("b", k), lie)
		s.says(2, "H", 0)
		s.requireTruth()
	}
	require.EqualValues(t, 1, s.Epoch())
	require.Equal(t, []int{1}, s.Twins(0))
}

// The clock of an honest machine with two addresses is corrected between any two of its polls, so for half an hour it
// shows no identity twice. That it is one has been known from its first two replies on.
func TestAMachineThatWasKnownAsOneFromTheStartEndsNoEpoch(t *testing.T) {
	s := newSpeaking(t, 1, 3)
	s.says(0, "M", 0)
	s.says(1, "M", 0)
	s.says(2, "H", 0)
	for k := range 25 {
		s.now += monotonic.Instant(time.Minute)
		s.says(0, fmt.Sprint("a", k), 0)
		s.says(1, fmt.Sprint("b", k), 0)
		s.says(2, "H", 0)
	}
	s.says(0, "M again", 0)
	s.says(1, "M again", 0)
	require.EqualValues(t, 1, s.Epoch())
}

// The next epoch begins without the links that both ends have spoken against for as long as facts are remembered, and
// with all others.
func TestOnlyALinkThatNobodyConfirmsEndsWithItsEpoch(t *testing.T) {
	s := newSpeaking(t, 1, 5)
	for _, i := range []int{0, 1} {
		s.says(i, "M", 0)
	}
	for _, i := range []int{2, 3} {
		s.says(i, "N", 0)
	}
	for k := range 25 {
		s.now += monotonic.Instant(time.Minute)
		s.says(0, fmt.Sprint("a", k), 0)
		s.says(1, fmt.Sprint("b", k), 0)
		s.says(2, "N", 0)
		s.says(4, "H", 0)
	}
	s.Disrupt(s.now, Counter, "a test")
	require.Empty(t, s.Twins(0))
	require.Equal(t, []int{3}, s.Twins(2))
	s.Disrupt(s.now, Counter, "another one")
	require.Equal(t, []int{3}, s.Twins(2), "nobody has shown anything since")
}
