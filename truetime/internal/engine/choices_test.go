package engine

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/truetime/internal/discipline"
)

func TestVotesAreNumberedByGroupAndWithoutGaps(t *testing.T) {
	c := Choices{Faulty: Majority, Members: []Member{
		{}, {Group: "a"}, {NoVote: true}, {Group: "b"}, {Group: "a"}, {}, {Group: "b", NoVote: true},
	}}
	config, err := c.Config()
	require.NoError(t, err)
	require.Equal(t, []int{0, 1, discipline.NoVote, 2, 1, 3, discipline.NoVote}, config.Discipline.Voter)
	require.Equal(t, 1, config.Discipline.Faulty, "of four voters")
}

func TestFewerThanHalfOfTheVotersMayBeWrong(t *testing.T) {
	for voters, most := range []int{1: 0, 2: 0, 3: 1, 4: 1, 5: 2} {
		if voters == 0 {
			continue
		}
		c := Choices{Faulty: Majority, Members: make([]Member, voters)}
		config, err := c.Config()
		require.NoError(t, err)
		require.Equal(t, most, config.Discipline.Faulty, "%d voters", voters)

		c.Faulty = most
		_, err = c.Config()
		require.NoError(t, err, "%d voters", voters)
		c.Faulty = most + 1
		_, err = c.Config()
		require.ErrorContains(t, err, "fewer than half may be", "%d voters", voters)
	}
}

func TestWhatIsNotChosenIsTheDefault(t *testing.T) {
	for name, c := range map[string]struct {
		choices  Choices
		min, max time.Duration
	}{
		"nothing":              {Choices{}, 16 * time.Second, 256 * time.Second},
		"a target":             {Choices{Target: time.Millisecond}, time.Second, 256 * time.Second},
		"a target and a pace":  {Choices{Target: time.Millisecond, PollMin: time.Minute}, time.Minute, 256 * time.Second},
		"a pace above the max": {Choices{PollMin: time.Hour}, time.Hour, time.Hour},
	} {
		config, err := c.choices.Config()
		require.NoError(t, err, name)
		require.Equal(t, c.min, config.Poll.Min, name)
		require.Equal(t, c.max, config.Poll.Max, name)
		require.Equal(t, 4, config.Poll.Burst, name)
		require.Equal(t, discipline.DriftOfPPM(200), config.Discipline.Counter.Drift, name)
	}
}
