package fleet

import (
	"fmt"
	"slices"
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
	m := New(Config{Name: "a", Run: 1, Peers: []string{"a:1", "b:1", "c:1", "d:1"}, Faulty: faulty, Random: DefaultRandom})
	m.Myself("a:1")
	return m
}

var a, b, c, d = PlaceOf("a:1"), PlaceOf("b:1"), PlaceOf("c:1"), PlaceOf("d:1")

// reported are the edges that others have told a machine of: "who accused".
func reported(m *Machine) (all []string) {
	for accused, by := range m.accusers {
		for who := range by {
			all = append(all, m.label(who)+" "+m.label(accused))
		}
	}
	slices.Sort(all)
	return all
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
	hear(m, "b:1", "b", 2, 0, 0, Edge{d, 4, 9 * time.Second, time.Minute})
	require.Equal(t, []Conviction{{"d:1", []string{"a:1", "b:1"}, 1}}, m.Verdict(0).Convicted)
	require.Empty(t, m.Alone(0))
	hear(m, "c:1", "c", 3, 0, 10*time.Second)
	require.Equal(t, []string{"c:1", "d:1"}, m.Alone(0), "it may be this machine that is wrong")
}

func TestAnEdgeIsForgottenAnHourAfterItWasProvedLast(t *testing.T) {
	m := four(0)
	hear(m, "d:1", "d", 4, 0, 10*time.Second)
	hear(m, "d:1", "d", 4, time.Minute, 10*time.Second)
	hear(m, "b:1", "b", 2, time.Minute, 0, Edge{d, 4, 9 * time.Second, 30 * time.Minute}, Edge{c, 3, 1, 2 * time.Hour}, Edge{c, 3, 1, -time.Hour})
	hear(m, "d:1", "d", 4, 2*time.Minute, 0) // it has been mended, and was wrong within the hour
	require.Equal(t, []string{"b:1 c:1", "b:1 d:1"}, reported(m))
	require.Equal(t, map[*peer]proof{m.at["b:1"]: {3, 1, time.Minute}}, m.accusers[m.at["c:1"]], "what is said to be of later is of now")
	require.Len(t, m.Edges(31*time.Minute), 1)
	require.Equal(t, []string{"b:1 c:1"}, reported(m))
	require.Len(t, m.Edges(Memory+time.Minute-1), 1)
	require.Empty(t, m.Edges(Memory+time.Minute))
	require.Empty(t, reported(m))
}

func TestARestartedMachineBeginsWithoutEdges(t *testing.T) {
	m := four(1)
	hear(m, "d:1", "d", 4, 0, 10*time.Second)
	hear(m, "b:1", "b", 2, 0, 0, Edge{d, 4, 9 * time.Second, 0})
	hear(m, "c:1", "c", 3, 1, 0, Edge{d, 5, 9 * time.Second, 0})
	require.Equal(t, []string{"d:1"}, m.Verdict(0).Names())
	hear(m, "d:1", "d", 5, 2, 0)
	require.Empty(t, m.Edges(2))
	require.Equal(t, []string{"c:1 d:1"}, reported(m), "c has known it already")
	hear(m, "b:1", "b", 2, 3, 0, Edge{d, 4, 9 * time.Second, 3})
	require.Equal(t, []string{"c:1 d:1"}, reported(m), "b does not know it yet")
	hear(m, "d:1", "d", 5, 3, 10*time.Second)
	require.Equal(t, []string{"d:1"}, m.Verdict(3).Names(), "it is still wrong")

	hear(m, "c:1", "c", 33, 4, 0)
	require.Empty(t, reported(m), "what another run of c has proved is gone")
	hear(m, "b:1", "b", 2, 5, 0, Edge{a, 9, 1, 0})
	require.Empty(t, reported(m), "this machine was restarted since")
	hear(m, "b:1", "b", 2, 5, 0, Edge{a, 1, 1, 0})
	require.Equal(t, []string{"b:1 a:1"}, reported(m))
}

func TestAReportReplacesTheOneBeforeIfItIsComplete(t *testing.T) {
	m := four(1)
	hear(m, "b:1", "b", 2, 0, 0, Edge{c, 3, 1, 0}, Edge{d, 4, 1, 0}, Edge{b, 2, 1, 0})
	require.Equal(t, []string{"b:1 c:1", "b:1 d:1"}, reported(m), "nobody contradicts itself")
	m.Answered("b:1", 1, Exchange{Reply: Reply{Name: "b", Run: 2, Edges: []Edge{{a, 1, 1, 0}, {PlaceOf("nobody"), 1, 1, 0}}}})
	require.Equal(t, []string{"b:1 a:1", "b:1 c:1", "b:1 d:1"}, reported(m))
	hear(m, "b:1", "b", 2, 2, 0)
	require.Empty(t, reported(m))
}

func TestThisMachineIsRecognizedInTheList(t *testing.T) {
	m := New(Config{Name: "a", Run: 1, Peers: []string{"a:1", "b:1", "c:1", "d:1"}, Faulty: Minority, Random: DefaultRandom})
	require.Equal(t, 5, m.Machines())
	require.Equal(t, 2, m.Faulty())
	hear(m, "a:1", "a", 1, 0, 0)
	for range 100 {
		require.NotContains(t, m.Round(), "a:1")
	}
	require.Equal(t, "b:1", m.next.entry)
	require.Equal(t, "d:1", m.previous.entry)
	require.Equal(t, 5, m.Machines(), "anybody may say so, and must not make f smaller by it")
	require.True(t, m.IsFor(b))
	m.Myself("a:1")
	require.Equal(t, 4, m.Machines())
	require.Equal(t, 1, m.Faulty())
	require.True(t, m.IsFor(a))
	require.False(t, m.IsFor(b), "a request that was led astray")
	require.False(t, m.IsFor(PlaceOf("nobody")))
}

// Until a machine knows which entry it is, one that has not answered may be it, and the two must not count as two.
func TestAnEntryThatMayBeThisMachineIsNotCounted(t *testing.T) {
	m := New(Config{Name: "a", Run: 1, Peers: []string{"a:1", "b:1", "c:1", "d:1"}, Faulty: 1, Random: DefaultRandom})
	hear(m, "b:1", "b", 2, 0, 10*time.Second, Edge{a, 1, 1, 0})
	require.Empty(t, m.Verdict(0).Names(), "it is one and the same edge")
	m.Myself("a:1")
	require.Equal(t, Verdict{}, m.Verdict(0))
	hear(m, "c:1", "c", 3, 0, 0, Edge{b, 2, 1, 0})
	require.Equal(t, []string{"b:1"}, m.Verdict(0).Names())
}

func TestOneMachineAtTwoEntriesIsComparedOnce(t *testing.T) {
	m := four(1)
	hear(m, "b:1", "b", 2, 0, 10*time.Second)
	hear(m, "c:1", "b", 2, 0, 10*time.Second)
	hear(m, "d:1", "d", 4, 0, 0, Edge{c, 2, 1, 0})
	require.Equal(t, 4, m.Machines(), "a liar can look like another machine, and must not make f smaller by it")
	require.Contains(t, m.troubleText(m.at["c:1"]), "the same machine as b:1")
	require.Equal(t, map[*peer]proof{m.at["b:1"]: {2, 10*time.Second - 2*time.Millisecond, 0}}, m.own)
	require.Empty(t, m.Verdict(0).Names())
	hear(m, "c:1", "c", 3, 0, 0)
	require.Empty(t, m.troubleText(m.at["c:1"]))

	// Who calls itself as another one does is another machine all the same.
	hear(m, "d:1", "b", 5, 0, 10*time.Second)
	require.Contains(t, m.troubleText(m.at["d:1"]), "it calls itself b, as another machine does")
	require.Contains(t, m.troubleText(m.at["b:1"]), "it calls itself b, as another machine does")
	require.Equal(t, []string{"b:1", "d:1"}, m.Alone(0))
	hear(m, "d:1", "a", 5, 0, 10*time.Second)
	require.Contains(t, m.troubleText(m.at["d:1"]), "as this machine does")
	require.Equal(t, []string{"b:1", "d:1"}, m.Alone(0))
}

// What others prove of a liar that says it is this machine is not held against this machine.
func TestWhoeverSaysItIsThisMachineIsNot(t *testing.T) {
	m := four(1)
	hear(m, "b:1", "a", 1, 0, 10*time.Second)
	hear(m, "c:1", "c", 3, 0, 0, Edge{b, 1, 1, 0})
	hear(m, "d:1", "d", 4, 0, 0, Edge{b, 1, 1, 0})
	require.Empty(t, m.Verdict(0).Names())
	require.Equal(t, 4, m.Machines())
}

// A machine that is listed twice is one neighbour.
func TestTwoEntriesOfOneMachineAreNotTwoNeighbours(t *testing.T) {
	m := four(1)
	hear(m, "b:1", "b", 2, 0, 10*time.Second)
	hear(m, "c:1", "b", 2, 0, 10*time.Second)
	hear(m, "d:1", "d", 4, 0, 0, Edge{b, 2, 1, 0}, Edge{c, 2, 1, 0})
	require.Equal(t, []string{"b:1"}, m.Verdict(0).Names(), "d contradicts one machine")
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
	hear(m, "Aa", "Aa", 2, 0, 0, Edge{PlaceOf("Ka"), 7, 1, 0}, Edge{PlaceOf("La"), 8, 1, 0})
	hear(m, "Ba", "Ba", 3, 0, 0, Edge{PlaceOf("Ka"), 7, 1, 0})
	require.Contains(t, m.Round(), "Ka", "most others have an edge with it")
	hear(m, "Ka", "Ka", 7, 0, 0)
	require.Contains(t, m.Round(), "La")
	m.Unanswered("La", "")
	require.NotContains(t, m.Round(), "La")
	require.NotContains(t, m.Round(), "La")
	require.Contains(t, m.Round(), "La")
	hear(m, "La", "La", 8, 0, 0)
	asked := map[string]int{}
	for range 105 {
		chosen := m.Round()
		require.LessOrEqual(t, len(chosen), 3)
		for _, entry := range chosen {
			asked[entry]++
			hear(m, entry, entry, 9, 0, 0)
		}
	}
	require.GreaterOrEqual(t, len(asked), 95, "all others have had their turn")
}

// Addresses change while a machine runs: another one may have the one that was this machine's, and must not be named for it.
func TestAMachineWhoseAddressHasChangedIsNotNamedByTheOldOne(t *testing.T) {
	m := four(1)
	m.Myself("b:1") // it has moved there, where nobody was
	m.NotMyself("a:1")
	require.Equal(t, []string{"b:1"}, m.Located())
	hear(m, "c:1", "c", 3, 0, 0, Edge{b, 1, 1, 0})
	hear(m, "d:1", "d", 4, 0, 0, Edge{b, 1, 1, 0})
	require.Equal(t, []string{"b:1"}, m.Verdict(0).Names(), "it is wrong at its new address")
	require.Equal(t, "b:1", m.View(0).Entry)
	require.False(t, m.IsFor(a))
	require.Contains(t, m.Round(), "a:1", "who is at the old one is asked")
	hear(m, "a:1", "x", 7, 0, 10*time.Second)
	require.Len(t, m.Edges(0), 1, "and compared")

	m.NotMyself("b:1")
	require.Equal(t, 5, m.Machines(), "it is at none of the entries")
	require.NotContains(t, m.Verdict(0).Names(), "b:1")
	m.NotMyself("nobody")
	m.NotMyself("b:1")
}

// An entry that leads to this machine without having its address may lead to another one later.
func TestAnEntryThatHasSaidItIsThisMachineIsAskedAgain(t *testing.T) {
	m := four(1)
	for _, entry := range []string{"b:1", "c:1"} {
		hear(m, entry, "a", 1, 0, 0)
		require.True(t, m.at[entry].self)
	}
	for range selfAgain - 1 {
		chosen := m.Round()
		require.NotContains(t, chosen, "b:1")
		require.NotContains(t, chosen, "c:1")
	}
	chosen := m.Round()
	require.Contains(t, chosen, "b:1")
	require.Contains(t, chosen, "c:1")
	hear(m, "b:1", "a", 1, 0, 0)
	require.True(t, m.at["b:1"].self, "it is this machine still")
	require.NotContains(t, m.Round(), "b:1")
	hear(m, "b:1", "b", 2, 0, 10*time.Second)
	require.False(t, m.at["b:1"].self)
	require.Len(t, m.Edges(0), 1)
	for range silentSince {
		m.Unanswered("c:1", "")
	}
	require.Equal(t, "c:1 does not answer: does its daemon run, is its UDP port open to this machine, and has it the same key and the same peers?",
		m.peerProblems(m.at["c:1"])[0].Text)
}

// A clock that stands still while the host is suspended cannot tell when an hour is over.
func TestAfterASuspendNothingIsProvedUntilItIsProvedAgain(t *testing.T) {
	m := four(1)
	hear(m, "d:1", "d", 4, 0, 10*time.Second)
	hear(m, "b:1", "b", 2, 0, 0, Edge{d, 4, 9 * time.Second, 0})
	require.Equal(t, []string{"d:1"}, m.Verdict(0).Names())
	m.Disrupted()
	require.Equal(t, Verdict{}, m.Verdict(0))
	require.Empty(t, reported(m))
	require.Empty(t, m.Edges(0))
	require.EqualValues(t, -1, m.View(0).Peers[3].Compared)
	hear(m, "b:1", "b", 2, 1, 0, Edge{d, 4, 9 * time.Second, 1})
	hear(m, "d:1", "d", 4, 2, 10*time.Second)
	require.Equal(t, []string{"d:1"}, m.Verdict(2).Names(), "it is wrong still")
}

// There may be room for the first problems alone.
func TestAMachineThatIsWrongIsToldSoFirst(t *testing.T) {
	peers := []string{"a:1"}
	for i := range 20 {
		peers = append(peers, fmt.Sprintf("p%02d:1", i))
	}
	m := New(Config{Name: "a", Run: 1, Peers: peers, Faulty: 3, Random: DefaultRandom})
	m.Myself("a:1")
	for i, entry := range peers[1:] {
		hear(m, entry, entry, Run(2+i), 0, 0, Edge{a, 1, 1, 0}, Edge{PlaceOf("p00:1"), 2, 1, 0}, Edge{PlaceOf("p01:1"), 3, 1, 0})
	}
	require.Len(t, m.Verdict(0).Convicted, 3)
	first := m.View(0).Problems[0]
	require.Equal(t, "convicted a:1", first.ID)
	require.Contains(t, first.Text, "THIS MACHINE'S CLOCK IS WRONG")
}

func TestAGapIsNeverNothing(t *testing.T) {
	for gap, want := range map[time.Duration]string{1: "at least 1ns ahead", -999: "at least 999ns behind", 1999: "at least 1µs ahead", 2*time.Second + 1: "at least 2s ahead"} {
		require.Equal(t, want, aheadText(gap))
	}
}
