package view

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/cmd/epsilon/internal/api"
	"github.com/epsilontime/epsilon/cmd/epsilon/internal/fleet"
)

// randomFleet has anything in it.
func randomFleet(r *rand.Rand) (f api.Fleet) {
	duration := func() time.Duration { return time.Duration(r.Int64N(1<<r.UintN(62))) * time.Duration(1-2*r.IntN(2)) }
	n := r.IntN(60)
	entry := func() string { return fmt.Sprintf("host%d.a-rather-long-domain.example.net:4461", r.IntN(n+1)) }
	f.Name, f.Entry, f.Machines, f.Faulty = "me", "me.example.net:4461", n+1, n/2
	for i := range n {
		f.Peers = append(f.Peers, fleet.PeerView{Entry: fmt.Sprintf("host%d.a-rather-long-domain.example.net:4461", i), Name: "evil\x1b[2J", Self: r.IntN(20) == 0,
			Heard: max(duration(), -1), Compared: max(duration(), -1), Offset: fleet.Comparison{Least: duration(), Most: duration()}, RoundTrip: max(duration(), 0), NoAnswer: r.IntN(5) == 0})
	}
	for range r.IntN(4 * (n + 1)) {
		f.Contradictions = append(f.Contradictions, fleet.Contradiction{By: entry(), Machine: entry(), Gap: duration()})
	}
	for range r.IntN(4) {
		f.Convicted = append(f.Convicted, fleet.Conviction{Machine: entry()})
	}
	f.TooMany = r.IntN(5) == 0
	for range r.IntN(12) {
		f.Problems = append(f.Problems, fleet.Problem{ID: "x", Text: strings.Repeat("trouble \x07", 1+r.IntN(60))})
	}
	return f
}

func TestAFleetFitsIntoATerminalAndCommandsItNothing(t *testing.T) {
	seed := rand.Uint64()
	r := rand.New(rand.NewPCG(seed, 3))
	for range 500 {
		text := Fleet(randomFleet(r), 24)
		require.LessOrEqual(t, strings.Count(text, "\n"), 24, "seed %d:\n%s", seed, text)
		for line := range strings.Lines(text) {
			line = strings.TrimSuffix(line, "\n")
			require.False(t, strings.ContainsFunc(line, func(r rune) bool { return r < ' ' || r == 0x7f }), "seed %d: %q", seed, line)
			require.LessOrEqual(t, len([]rune(line)), Width, "seed %d: %s", seed, line)
		}
	}
}

func TestTheMatrixOfAFleet(t *testing.T) {
	peer := func(entry string, off time.Duration) fleet.PeerView {
		return fleet.PeerView{Entry: entry, Compared: time.Second, Heard: time.Second, RoundTrip: time.Millisecond, Offset: fleet.Comparison{Least: off - 2*time.Millisecond, Most: off + 2*time.Millisecond}}
	}
	f := api.Fleet{View: fleet.View{Name: "a", Entry: "a:1", Machines: 4, Faulty: 1, Peers: []fleet.PeerView{{Entry: "a:1", Self: true}, peer("b:1", 0), peer("c:1", 10*time.Second), {Entry: "d:1", Heard: -1, Compared: -1}},
		Contradictions: []fleet.Contradiction{{By: "a:1", Machine: "c:1"}, {By: "b:1", Machine: "c:1"}}, Convicted: []fleet.Conviction{{Machine: "c:1"}},
		Problems: []fleet.Problem{{ID: "x", Text: "c:1 is wrong"}}}}
	require.Equal(t, `This is a:1, one of 4 machines, of which 1 may be wrong. Proved wrong: c:1.

    MACHINE                 ITS CLOCK IS AHEAD     DELAY HEARD  1234
✓   1 a:1                   this machine                        \✗·✓
✗   2 c:1                   +10.0 s ± 2.00 ms    1.00 ms    1s  ·\··
!   3 d:1                   not compared                 never  ··\·
✓   4 b:1                   +0 ns ± 2.00 ms      1.00 ms    1s  ·✗·\

! c:1 is wrong
`, Fleet(f, 24))
	require.NotPanics(t, func() {
		offsetText(fleet.PeerView{Offset: fleet.Comparison{Least: math.MinInt64, Most: math.MaxInt64}})
	})
}

// What was compared long ago says nothing of now.
func TestAFleetThatWasNotComparedLatelyIsNotShownAsWell(t *testing.T) {
	agreed := func(entry string, compared time.Duration) fleet.PeerView {
		return fleet.PeerView{Entry: entry, Heard: compared, Compared: compared, RoundTrip: time.Millisecond, Offset: fleet.Comparison{Least: -time.Millisecond, Most: time.Millisecond}}
	}
	dumb := agreed("d:1", time.Minute)
	dumb.NoAnswer = true
	f := api.Fleet{View: fleet.View{Entry: "a:1", Machines: 5, Faulty: 2, Problems: []fleet.Problem{{ID: "silent c:1", Text: "c:1 does not answer"}},
		Peers: []fleet.PeerView{{Entry: "a:1", Self: true}, agreed("b:1", fleet.Memory+1), agreed("c:1", 50*time.Hour), dumb, agreed("e:1", fleet.Memory)}}}
	require.Equal(t, `This is a:1, one of 5 machines, of which 2 may be wrong. No two are known to
contradict each other.

    MACHINE                 ITS CLOCK IS AHEAD     DELAY HEARD  12345
✓   1 a:1                   this machine                        \···✓
!   2 c:1                   not compared lately  1.00 ms    2d  ·\···
·   3 b:1                   not compared lately  1.00 ms    1h  ··\··
·   4 d:1                   it has no answer     1.00 ms    1m  ···\·
✓   5 e:1                   +0 ns ± 1.00 ms      1.00 ms    1h  ····\

! c:1 does not answer
`, Fleet(f, 24))
	f.Peers = f.Peers[:4]
	require.Contains(t, Fleet(f, 24), "It has not been\ncompared with another one lately.")
}
