package statuspage

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// compared is a machine that agrees with this one.
func compared(entry string) Member {
	m := Member{Entry: entry, Answers: true, Compared: time.Second}
	m.Compare(-1, 1)
	return m
}

func TestAFleetIsSaidToBeWellOnlyIfItIs(t *testing.T) {
	well := func() *Fleet {
		return &Fleet{Machines: 3, Faulty: 1, Answering: 2, Members: []Member{{Entry: "me", Self: true, Answers: true, Compared: -1}, compared("a"), compared("b")}}
	}
	require.Equal(t, &fleetWords{Title: "No two are known to contradict each other", Grade: good,
		Members: []memberWords{{Grade: neither, Verdict: "this machine"}, {good, "agrees", true}, {good, "agrees", true}}}, wordsOfFleet(well()))
	require.Nil(t, wordsOfFleet(nil))
	for _, c := range []struct {
		title  string
		change func(*Fleet)
	}{
		{"b is proved wrong", func(f *Fleet) { f.Convicted, f.Members[2].Convicted = 1, true }},
		{"2 machines are proved wrong", func(f *Fleet) { f.Convicted, f.Members[1].Convicted, f.Members[2].Convicted = 2, true, true }},
		{"This machine's clock is wrong", func(f *Fleet) { f.Convicted, f.Wrong, f.Members[0].Convicted = 1, true, true }},
		{"2 machines are wrong, and this is one of them", func(f *Fleet) {
			f.Convicted, f.Wrong, f.Members[0].Convicted, f.Members[1].Convicted = 2, true, true, true
		}},
		{"More machines are wrong than may be", func(f *Fleet) { f.TooMany, f.Members[1].Open = true, 2 }},
		{"Some contradict each other, and it is not proved who is wrong", func(f *Fleet) { f.Members[1].Open, f.Members[2].Open = 1, 1 }},
		{"No two are known to contradict each other, but 1 of 2 do not answer", func(f *Fleet) { f.Answering = 1 }},
		{"This machine's clock has not been compared with another one lately", func(f *Fleet) { f.Members[1].NoAnswer, f.Members[2].Apart = true, true }},
		{"This machine's clock has not been compared with another one lately", func(f *Fleet) { f.Members[1].Compared, f.Members[2].Compared = 61*time.Minute, -1 }},
	} {
		f := well()
		c.change(f)
		w := wordsOfFleet(f)
		require.Equal(t, c.title, w.Title)
		require.NotEqual(t, good, w.Grade, c.title)
	}
}

func TestOfAMachineTheWorstIsSaid(t *testing.T) {
	for want, change := range map[memberWords]func(*Member){
		{Grade: bad, Verdict: "proved wrong"}:                              func(m *Member) { m.Convicted, m.Edges, m.Answers = true, 3, false },
		{Grade: bad, Verdict: "this machine, proved wrong"}:                func(m *Member) { m.Convicted, m.Self = true, true },
		{Grade: warning, Verdict: "contradicts 2 others"}:                  func(m *Member) { m.Edges, m.Open = 2, 1 },
		{Grade: warning, Verdict: "this machine, contradicts another one"}: func(m *Member) { m.Self, m.Edges, m.Open = true, 1, 1 },
		{Grade: warning, Verdict: "compared with nobody"}:                  func(m *Member) { m.Apart = true },
		{Grade: warning, Verdict: "does not answer"}:                       func(m *Member) { m.Answers = false },
		{Grade: neither, Verdict: "contradicts this machine"}:              func(m *Member) { m.Edges, m.Against = 1, true },
		{Grade: neither, Verdict: "its clock has no answer"}:               func(m *Member) { m.NoAnswer = true },
		{Grade: neither, Verdict: "not compared lately"}:                   func(m *Member) { m.Compared = 61 * time.Minute },
		{Grade: good, Verdict: "agrees"}:                                   func(m *Member) { m.Edges = 1 }, // with one that is convicted
	} {
		m := compared("a")
		change(&m)
		require.Equal(t, want, wordsOfMember(m))
	}
}
