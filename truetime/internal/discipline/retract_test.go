package discipline

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/monotonic"
)

// speaking is a discipline of three voters whose sources say the truth, or off it, a second apart.
type speaking struct {
	*Discipline
	t   *testing.T
	now monotonic.Instant
}

func newSpeaking(t *testing.T, faulty, voters int) *speaking {
	var voter []int
	for v := range voters {
		voter = append(voter, v)
	}
	return &speaking{New(Config{Counter: CounterSpec{Drift: NewDrift(200_000)}, Faulty: faulty, Voter: voter}), t, 0}
}

func (s *speaking) says(i int, identity string, off time.Duration) {
	s.now += monotonic.Instant(time.Second)
	epoch, at := s.Epoch(), int64(s.now)+int64(off)
	s.Observe(s.now)
	s.Show(i, identity, s.now)
	_ = s.Add(i, Facts{Upper: Point{s.now, at + 1000}, Lower: Point{s.now, at - 1000}}, epoch, s.now)
}

func (s *speaking) requireTruth() {
	s.t.Helper()
	if b, ok := s.Bounds(); ok {
		answer := b.At(s.now)
		require.LessOrEqual(s.t, answer.Lo, int64(s.now))
		require.GreaterOrEqual(s.t, answer.Hi, int64(s.now))
	}
}

// The answer may have been made of what both have taken back, also if they did not do so at the same time.
func TestTwoThatTakeBackOneAfterTheOtherEndTheEpoch(t *testing.T) {
	s := newSpeaking(t, 1, 3)
	for i := range 3 {
		s.says(i, "", 0)
	}
	s.Retract(0, s.now)
	for range requalifySamples {
		s.says(0, "", 0)
	}
	require.NotEqual(t, Convicted, s.Verdict(0))
	s.Retract(1, s.now)
	require.EqualValues(t, 2, s.Epoch())
}

// One takes back what it said and is used again, and then another contradicts itself: the answer may be made of both.
func TestOneThatTakesBackAndOneThatContradictsItselfEndTheEpoch(t *testing.T) {
	s := newSpeaking(t, 1, 3)
	for i := range 3 {
		s.says(i, "", 0)
	}
	s.Retract(0, s.now)
	for range requalifySamples {
		s.says(0, "", 0)
	}
	s.says(1, "", time.Second)
	require.EqualValues(t, 2, s.Epoch())
}

// Who speaks for a source from now on does not change what was made of its words.
func TestWhatAReplacedSourceTakesBackCounts(t *testing.T) {
	for name, gone := range map[string]func(*speaking){
		"replaced":  func(s *speaking) { s.Replace(0) },
		"forgotten": func(s *speaking) { s.Forget(0) },
	} {
		s := newSpeaking(t, 0, 2)
		s.says(0, "", 0)
		s.says(1, "", 0)
		gone(s)
		s.Retract(0, s.now)
		require.EqualValues(t, 2, s.Epoch(), name)
	}
}

// Nobody's answer is made of what was never used.
func TestWhoHasSaidNothingTakesNothingBack(t *testing.T) {
	s := newSpeaking(t, 0, 2)
	s.Retract(0, s.now)
	s.says(1, "", 0)
	s.Retract(0, s.now)
	require.EqualValues(t, 1, s.Epoch())
	s.Retract(1, s.now)
	require.EqualValues(t, 2, s.Epoch())
	s.Retract(1, s.now)
	require.EqualValues(t, 2, s.Epoch(), "in this epoch it has said nothing yet")
}

// Whoever has taken back what it said has been heard, as one of those that are wrong: so who is left is right, and
// one more is enough for an answer.
func TestAFirstAnswerAfterARetractionIsOfFPlusOneHeard(t *testing.T) {
	s := newSpeaking(t, 1, 3)
	s.says(0, "", 0)
	s.Retract(0, s.now)
	require.Equal(t, 1, s.Heard())
	s.says(1, "", 0)
	_, ok := s.Bounds()
	require.True(t, ok)
	require.Equal(t, 2, s.Heard())
	s.requireTruth()
}
