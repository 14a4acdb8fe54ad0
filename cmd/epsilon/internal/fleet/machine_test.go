package fleet

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/truetime"
)

func at(offset time.Duration) truetime.Interval {
	middle := truetime.Time(1_800_000_000_000_000_000).Add(offset)
	return truetime.Interval{Earliest: middle.Add(-time.Millisecond), Latest: middle.Add(time.Millisecond)}
}

// hear has a machine exchange with another whose clock is off.
func hear(m *Machine, entry, name string, run Run, now, off time.Duration, edges ...Edge) {
	m.Answered(entry, now, Exchange{Before: at(now), After: at(now), Reply: Reply{Name: name, Run: run, Interval: at(now + off), Edges: edges, Complete: true}})
}

func four(faulty int) *Machine {
	return New(Config{Name: "a", Run: 1, Peers: []string{"a:1", "b:1", "c:1", "d:1"}, Faulty: faulty, Random: DefaultRandom})
}

func TestComparisonIsAnIntervalOfOffsets(t *testing.T) {
	c := Compare(truetime.Interval{Earliest: 100, Latest: 110}, truetime.Interval{Earliest: 120, Latest: 130}, truetime.Interval{Earliest: 131, Latest: 140})
	require.Equal(t, Comparison{1, 40}, c)
	require.EqualValues(t, 1, c.Gap())
	require.Zero(t, Compare(truetime.Interval{Earliest: 100, Latest: 110}, truetime.Interval{Earliest: 120, Latest: 130}, truetime.Interval{Earliest: 130, Latest: 140}).Gap())
	require.Zero(t, Compare(truetime.Interval{Earliest: 100, Latest: 110}, truetime.Interval{Earliest: 120, Latest: 130}, truetime.Interval{Earliest: 90, Latest: 100}).Gap())
	require.EqualValues(t, -1, Compare(truetime.Interval{Earliest: 100, Latest: 110}, truetime.Interval{Earliest: 120, Latest: 130}, truetime.Interval{Earliest: 90, Latest: 99}).Gap())
}

func TestAMachineIsConvictedByItsOwnEdgeAndTheReportOfAnother(t *testing.T) {
	m := four(1)
	hear(m, "d:1", "d", 4, 0, 10*time.Second)
	require.Empty(t, m.Verdict(0).Names(), "one of the two is wrong, and nobody can say which")
	hear(m, "b:1", "b", 2, 0, 0, Edge{"d", 4, 9 * time.Second, time.Minute})
	require.Equal(t, []Conviction{{"d", []string{"a", "b"}, 1}}, m.Verdict(0).Convicted)
	require.Empty(t, m.Alone(0))
	hear(m, "c:1", "c", 3, 0, 10*time.Second)
	require.Equal(t, []string{"c", "d"}, m.Alone(0), "it may be this machine that is wrong")
}

func TestAnEdgeIsForgottenAnHourAfterItWasProvedLast(t *testing.T) {
	m := four(0)
	hear(m, "d:1", "d", 4, 0, 10*time.Second)
	hear(m, "d:1", "d", 4, time.Minute, 10*time.Second)
	hear(m, "b:1", "b", 2, time.Minute, 0, Edge{"d", 4, 9 * time.Second, 30 * time.Minute}, Edge{"c", 3, 1, 2 * time.Hour}, Edge{"c", 3, 1, -time.Hour})
	hear(m, "d:1", "d", 4, 2*time.Minute, 0) // it has been mended, and was wrong within the hour
	require.Equal(t, map[string]proof{"b": {3, 1, time.Minute}}, m.accusers["c"], "what is said to be of later is of now")
	require.Len(t, m.accusers["d"], 1)
	require.Len(t, m.Edges(31*time.Minute), 1)
	require.Empty(t, m.accusers["d"])
	require.Len(t, m.Edges(Memory+time.Minute-1), 1)
	require.Empty(t, m.Edges(Memory+time.Minute))
	require.Empty(t, m.accusers)
}

func TestARestartedMachineBeginsWithoutEdges(t *testing.T) {
	m := four(1)
	hear(m, "d:1", "d", 4, 0, 10*time.Second)
	hear(m, "b:1", "b", 2, 0, 0, Edge{"d", 4, 9 * time.Second, 0})
	hear(m, "c:1", "c", 3, 1, 0, Edge{"d", 5, 9 * time.Second, 0})
	require.Equal(t, []string{"d"}, m.Verdict(0).Names())
	hear(m, "d:1", "d", 5, 2, 0)
	require.Empty(t, m.Edges(2))
	require.Equal(t, map[string]map[string]proof{"d": {"c": {5, 9 * time.Second, 1}}}, m.accusers, "c has known it already")
	hear(m, "b:1", "b", 2, 3, 0, Edge{"d", 4, 9 * time.Second, 3})
	require.Len(t, m.accusers["d"], 1, "b does not know it yet")
	hear(m, "d:1", "d", 5, 3, 10*time.Second)
	require.Equal(t, []string{"d"}, m.Verdict(3).Names(), "it is still wrong")

	hear(m, "c:1", "c", 33, 4, 0)
	require.NotContains(t, m.accusers, "d", "what another run of c has proved is gone")
	hear(m, "b:1", "b", 2, 5, 0, Edge{"a", 9, 1, 0})
	require.Empty(t, m.accusers, "this machine was restarted since")
	hear(m, "b:1", "b", 2, 5, 0, Edge{"a", 1, 1, 0})
	require.Len(t, m.accusers["a"], 1)
}

func TestAReportReplacesTheOneBeforeIfItIsComplete(t *testing.T) {
	m := four(1)
	hear(m, "b:1", "b", 2, 0, 0, Edge{"c", 3, 1, 0}, Edge{"d", 4, 1, 0}, Edge{"b", 2, 1, 0})
	require.Len(t, m.accusers, 2, "nobody contradicts itself")
	m.Answered("b:1", 1, Exchange{Reply: Reply{Name: "b", Run: 2, Edges: []Edge{{"a", 1, 1, 0}}}})
	require.Len(t, m.accusers, 3)
	hear(m, "b:1", "b", 2, 2, 0)
	require.Empty(t, m.accusers)
	many := []Edge{}
	for i := range 100 {
		many = append(many, Edge{string(rune('α' + i)), 9, 1, 0})
	}
	hear(m, "b:1", "b", 2, 3, 0, many...)
	require.Len(t, m.accusers, m.Machines(), "no more than there are machines")
}

func TestThisMachineIsRecognizedInTheList(t *testing.T) {
	m := four(Minority)
	require.Equal(t, 5, m.Machines())
	require.Equal(t, 2, m.Faulty())
	hear(m, "a:1", "a", 1, 0, 0)
	require.Equal(t, 4, m.Machines())
	require.Equal(t, 1, m.Faulty())
	for range 100 {
		require.NotContains(t, m.Round(), "a:1")
	}
	require.Equal(t, "b:1", m.next.entry)
	require.Equal(t, "d:1", m.previous.entry)
}

func TestOneMachineAtTwoEntriesIsOne(t *testing.T) {
	m := four(Minority)
	hear(m, "b:1", "b", 2, 0, 10*time.Second)
	hear(m, "c:1", "b", 2, 0, 10*time.Second)
	require.Equal(t, 4, m.Machines())
	require.Contains(t, m.at["c:1"].trouble, "the same machine as b:1")
	hear(m, "c:1", "c", 3, 0, 0)
	require.Equal(t, 5, m.Machines())
	require.Empty(t, m.at["c:1"].trouble)

	hear(m, "d:1", "c", 4, 0, 10*time.Second)
	require.Contains(t, m.at["d:1"].trouble, "as the machine at c:1 does")
	hear(m, "d:1", "a", 4, 0, 10*time.Second)
	require.Contains(t, m.at["d:1"].trouble, "as this machine does")
	require.Len(t, m.own, 1)
}

func TestAMachineWithoutAnAnswerIsNotCompared(t *testing.T) {
	m := four(0)
	m.Answered("b:1", 0, Exchange{Before: at(0), Reply: Reply{Name: "b", Run: 2, Interval: at(time.Hour)}})
	m.Answered("c:1", 0, Exchange{Before: at(0), After: at(0), Reply: Reply{Name: "c", Run: 3}})
	require.Empty(t, m.own)
	require.False(t, m.at["b:1"].compared)
}

// An accused machine is asked at once, and not in every round.
func TestAnAccusedMachineIsAskedOutOfTurn(t *testing.T) {
	peers := []string{}
	for i := range 100 {
		peers = append(peers, string(rune('A'+i%26))+string(rune('a'+i/26)))
	}
	m := New(Config{Name: "me", Run: 1, Peers: peers, Faulty: 3, Random: 1})
	hear(m, "Aa", "Aa", 2, 0, 0, Edge{"Ka", 7, 1, 0}, Edge{"La", 8, 1, 0})
	hear(m, "Ba", "Ba", 3, 0, 0, Edge{"Ka", 7, 1, 0})
	require.Contains(t, m.Round(), "Ka", "most others have an edge with it")
	hear(m, "Ka", "Ka", 7, 0, 0)
	require.Contains(t, m.Round(), "La")
	m.Unanswered("La", "")
	require.NotContains(t, m.Round(), "La")
	require.NotContains(t, m.Round(), "La")
	require.Contains(t, m.Round(), "La")
	hear(m, "La", "La", 8, 0, 0)
	asked := map[string]int{}
	for range 98 {
		chosen := m.Round()
		require.LessOrEqual(t, len(chosen), 3)
		for _, entry := range chosen {
			asked[entry]++
			hear(m, entry, entry, 9, 0, 0)
		}
	}
	require.GreaterOrEqual(t, len(asked), 95, "all others have had their turn")
}
