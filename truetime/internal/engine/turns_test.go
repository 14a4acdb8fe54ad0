package engine

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/monotonic"
	"github.com/epsilontime/epsilon/truetime/internal/discipline"
	"github.com/epsilontime/epsilon/truetime/internal/leap"
	"github.com/epsilontime/epsilon/truetime/internal/polling"
)

// rounds asks the sources of an engine when they are due, and gives the answers of those that answer.
type rounds struct {
	*Engine
	t      *testing.T
	now    monotonic.Instant
	takes  []time.Duration // an exchange with each source
	claims []time.Duration // E of each source
	pace   []time.Duration // the shortest interval that each source likes
	silent func(i int) bool
	lies   func(i int) time.Duration

	poll  time.Duration
	asked [][]monotonic.Instant // when, by source, if it answered
	last  []monotonic.Instant   // when it was asked
	polls []int

	width  float64 // of the answer, added up
	widths int

	measured monotonic.Instant // until when
}

func newRounds(t *testing.T, poll time.Duration, faulty int, voter ...int) *rounds {
	e := New(Config{
		Discipline: discipline.Config{Counter: discipline.CounterSpec{Drift: discipline.NewDrift(200_000)}, Faulty: faulty, Voter: voter},
		Poll:       polling.Config{Min: poll, Max: 16 * poll, Burst: 4},
		Seed:       7,
		Scale:      slices.Repeat([]leap.Scale{leap.ScaleUTCSmeared}, len(voter)),
	})
	r := &rounds{Engine: e, t: t, silent: func(int) bool { return false }, poll: poll,
		lies: func(int) time.Duration { return 0 }, pace: make([]time.Duration, len(voter)),
		asked: make([][]monotonic.Instant, len(voter)), last: make([]monotonic.Instant, len(voter)), polls: make([]int, len(voter))}
	for i := range voter {
		r.takes, r.claims = append(r.takes, time.Millisecond+time.Duration(i)*time.Microsecond), append(r.claims, time.Millisecond)
	}
	return r
}

// run asks for so many intervals.
func (r *rounds) run(intervals int) {
	type pending struct {
		source int
		begun  Exchange
		at     monotonic.Instant // when it ends
	}
	var under []pending
	for end := r.now.Add(time.Duration(intervals) * r.poll); ; {
		next, ends := -1, -1
		for i := range r.sources {
			busy := slices.ContainsFunc(under, func(p pending) bool { return p.source == i })
			if !busy && (next < 0 || r.Due(i) < r.Due(next)) {
				next = i
			}
		}
		for j, p := range under {
			if ends < 0 || p.at < under[ends].at {
				ends = j
			}
		}
		if ends >= 0 && (next < 0 || under[ends].at <= r.Due(next)) {
			p := under[ends]
			under = slices.Delete(under, ends, ends+1)
			r.look(p.at)
			r.finish(p.source, p.begun)
			continue
		}
		if r.Due(next) > end {
			return
		}
		r.look(max(r.now, r.Due(next)))
		if r.polls[next]++; r.polls[next] > 5 {
			require.GreaterOrEqual(r.t, r.now.Sub(r.last[next]), r.PollInterval(next), "nobody is asked more often than every interval")
		}
		r.last[next] = r.now
		under = append(under, pending{next, r.Begin(next, r.now), r.now.Add(r.takes[next])})
	}
}

func (r *rounds) look(at monotonic.Instant) {
	if bounds, ok := r.Discipline().Bounds(); ok {
		for ; r.measured < at; r.measured = r.measured.Add(r.poll / 100) {
			if i := bounds.At(r.measured); r.measured >= r.now {
				r.width, r.widths = r.width+float64(i.Hi-i.Lo), r.widths+1
			}
		}
	}
	for r.LookBy() < at {
		r.now = r.LookBy()
		r.Look(r.now, discipline.CounterSpec{Drift: discipline.NewDrift(200_000)}, "")
	}
	r.now = at
}

func (r *rounds) finish(i int, x Exchange) {
	reply := Reply{Outcome: TimedOut}
	if !r.silent(i) {
		r.asked[i] = append(r.asked[i], x.Begun)
		served, e := int64(r.now)+int64(r.lies(i)), int64(r.claims[i])
		reply = Reply{Peer: fmt.Sprint(i), MinPoll: r.pace[i], Facts: discipline.Facts{
			Upper: discipline.Point{At: x.Begun, Time: served + e}, Lower: discipline.Point{At: r.now, Time: served - e}, Claim: e,
		}}
	}
	require.NoError(r.t, r.Finish(i, x, reply, r.now))
}

// age is the mean age of the (f+1)-th youngest question in the last so many intervals, in intervals.
func (r *rounds) age(intervals int) float64 {
	sum, n := 0.0, 0
	for at := r.now.Add(-time.Duration(intervals) * r.poll); at < r.now; at = at.Add(r.poll / 100) {
		var ages []time.Duration
		for _, asked := range r.asked {
			if k, _ := slices.BinarySearch(asked, at); k > 0 {
				ages = append(ages, at.Sub(asked[k-1]))
			}
		}
		slices.Sort(ages)
		sum += float64(ages[r.faulty]) / float64(r.poll)
		n++
	}
	return sum / float64(n)
}

// grown is by how much the answer is wider on average over so many intervals than facts of that width, in what an end ages in an interval.
func (r *rounds) grown(intervals int, than time.Duration) float64 {
	r.width, r.widths = 0, 0
	r.run(intervals)
	low, high := r.Discipline().Slopes()
	return (r.width/float64(r.widths) - float64(than)) / ((high - low) * float64(r.poll))
}

func voters(n int) (all []int) {
	for i := range n {
		all = append(all, i)
	}
	return all
}

// Half an interval, divided by how often f+1 sources go into all, and by the average of the jitter more.
func TestSourcesTakeTurns(t *testing.T) {
	for _, c := range []struct{ sources, faulty, turns int }{
		{1, 0, 1}, {2, 0, 2}, {3, 0, 3}, {3, 1, 1}, {4, 1, 2}, {5, 1, 2}, {5, 2, 1}, {6, 1, 3}, {6, 2, 2}, {7, 3, 1}, {8, 3, 2}, {9, 1, 4},
	} {
		for _, poll := range []time.Duration{time.Second / 4, time.Second, 16 * time.Second} {
			t.Run(fmt.Sprintf("%d of %d, every %v", c.faulty, c.sources, poll), func(t *testing.T) {
				r := newRounds(t, poll, c.faulty, voters(c.sources)...)
				r.run(30)
				r.run(100)
				require.InDelta(t, 1.05/2/float64(c.turns), r.age(100), 0.04)
			})
		}
	}
}

// Those of one turn are asked at the same moment: an idle process is woken once for them.
func TestThoseOfOneTurnAreAskedAtTheSameMoment(t *testing.T) {
	r := newRounds(t, time.Second, 1, voters(4)...)
	r.run(30)
	for i := range r.asked {
		r.asked[i] = nil
	}
	r.run(100)
	r.requireTogether(0, 2)
	r.requireTogether(1, 3)
	waits := map[time.Duration]bool{}
	for k := range r.asked[0][1:] {
		waits[r.asked[0][k+1].Sub(r.asked[0][k])] = true
	}
	require.Greater(t, len(waits), 80, "with the jitter that keeps clocks apart that were started together")
}

// requireTogether requires that two sources are asked at the same moment. Now and then the wait is so short that one whose answer took
// longer would be asked too soon: then it is asked a few milliseconds later.
func (r *rounds) requireTogether(a, b int) {
	r.t.Helper()
	require.NotEmpty(r.t, r.asked[a])
	require.Len(r.t, r.asked[b], len(r.asked[a]))
	same := 0
	for k, at := range r.asked[a] {
		require.LessOrEqual(r.t, at.Sub(r.asked[b][k]).Abs(), 10*time.Millisecond)
		if at == r.asked[b][k] {
			same++
		}
	}
	require.Greater(r.t, same, len(r.asked[a])*8/10)
}

// Sources that share a vote are asked at the same moment: only together they say something.
func TestThoseWhoShareAVoteAreOfOneTurn(t *testing.T) {
	r := newRounds(t, time.Second, 1, 0, 1, 1, 2, 3, 3)
	r.run(30)
	for i := range r.asked {
		r.asked[i] = nil
	}
	r.run(100)
	r.requireTogether(0, 3)
	r.requireTogether(1, 2)
	r.requireTogether(4, 5)
	r.requireTogether(1, 5)
	require.InDelta(t, 0.525, r.asked[1][50].Sub(r.asked[0][50]).Abs().Seconds(), 0.1)
}

// Whoever is silent takes no turn, and the others are asked at the same moment where there are too few of them for two.
func TestTurnsAreOfThoseWhoAnswer(t *testing.T) {
	r := newRounds(t, time.Second, 1, voters(4)...)
	r.run(30)
	r.silent = func(i int) bool { return i == 0 || i == 1 }
	r.run(200)
	require.InDelta(t, 1.05/2, r.age(100), 0.04, "else it is three quarters: the older of two")
	r.silent = func(int) bool { return false }
	r.run(100) // the silent ones have been asked every 16th interval
	r.run(100)
	require.InDelta(t, 1.05/4, r.age(100), 0.04)
}

// Also where all are asked at the same interval, whether they answer or not.
func TestWhoDoesNotAnswerTakesNoTurn(t *testing.T) {
	r := newRounds(t, time.Second, 1, voters(4)...)
	r.silent = func(i int) bool { return i == 1 }
	r.run(10)
	rota := r.rota(time.Second)
	require.Equal(t, []int{0, -1, 0, 0}, rota.turn)
	require.Equal(t, 1, rota.turns)
}

// Claims and round trips are not the same each time, and so voters take turns whose facts are not quite as narrow as those of others.
func TestThoseOfSomewhatOtherWidthsTakeTurns(t *testing.T) {
	for other, turns := range map[time.Duration]int{800 * time.Microsecond: 2, 1500 * time.Microsecond: 2, 3 * time.Millisecond: 1, 9 * time.Millisecond: 1} {
		r := newRounds(t, time.Second/4, 1, voters(4)...)
		r.takes[1], r.takes[2] = other, other
		r.run(10)
		require.Equal(t, turns, r.rota(time.Second/4).turns, other)
	}
}

// The pacemaker may be overtaken, as its answer took longer than another's or was lost: then the others wait for it, and do not go round.
func TestTheOthersMeetThePacemakerAgain(t *testing.T) {
	for name, takes := range map[string]time.Duration{"its answers take longer": 5 * time.Millisecond, "an answer is lost": 0} {
		t.Run(name, func(t *testing.T) {
			r := newRounds(t, time.Second, 1, voters(4)...)
			for i := range r.takes {
				r.takes[i] = 20 * time.Millisecond // beside which such round trips do not show
			}
			r.takes[0] += takes
			r.run(30)
			if takes == 0 {
				lost := r.polls[0] + 1
				r.silent = func(i int) bool { return i == 0 && r.polls[0] == lost }
				r.takes[0] = 200 * time.Millisecond
				r.run(2)
				r.takes[0] = 20 * time.Millisecond
				r.run(6)
			}
			apart := 0
			for range 40 {
				r.run(1)
				if last := len(r.asked[2]) - 1; r.asked[2][last].Sub(r.last[0]).Abs() > 20*time.Millisecond {
					apart++
				}
			}
			require.Less(t, apart, 12, "of 40")
		})
	}
}

// With a group of three the f+1 narrowest voters are two voters, and not two sources of one.
func TestAGroupIsOneVoterAmongTheNarrowest(t *testing.T) {
	r := newRounds(t, time.Second/4, 1, 0, 0, 0, 1, 2, 3)
	for i := 3; i < 6; i++ {
		r.takes[i] = 5 * time.Millisecond
	}
	r.run(10)
	require.Equal(t, 2, r.rota(time.Second/4).turns)
}

// Who does not vote is no part of it, and sets no pace.
func TestWhoDoesNotVoteTakesNoTurn(t *testing.T) {
	r := newRounds(t, time.Second, 1, discipline.NoVote, 0, 1, 2, 3)
	r.run(30)
	for i := range r.asked {
		r.asked[i] = nil
	}
	r.run(100)
	r.requireTogether(1, 3)
	r.requireTogether(2, 4)
	require.NotEmpty(t, r.asked[0])
}

// With two servers nearby an end is where these two meet, wherever they are in the list.
func TestThoseNearbyAreAskedAtTheSameMoment(t *testing.T) {
	for _, near := range [][2]int{{0, 1}, {0, 2}, {1, 2}, {2, 3}} {
		for _, poll := range []time.Duration{time.Second / 4, time.Second, 16 * time.Second} {
			t.Run(fmt.Sprint(near, poll), func(t *testing.T) {
				r := newRounds(t, poll, 1, voters(4)...)
				for i := range r.claims {
					if r.takes[i] = 20 * time.Millisecond; i == near[0] || i == near[1] {
						r.takes[i] = 200 * time.Microsecond
					}
				}
				r.run(40)
				require.InDelta(t, 1.05/2, r.grown(100, 2200*time.Microsecond), 0.15)
			})
		}
	}
}

// One voter is asked every second, the others like to be asked every four: each of these meets it at a moment of its own.
func TestOneThatIsAskedMoreOftenIsAlwaysThere(t *testing.T) {
	r := newRounds(t, time.Second, 1, voters(4)...)
	r.pace = []time.Duration{0, 4 * time.Second, 4 * time.Second, 4 * time.Second}
	r.run(100)
	// The older of what is up to 1.05 s old and what is up to 4.2/3: b/2 + a²/6b. Asked at the same moment, the three would be 2.1 s old.
	require.InDelta(t, 0.83, r.grown(200, 3*time.Millisecond), 0.1)
}

// A voter that contradicts itself again and again is known to be wrong, and of the three others none may be: the youngest of them will do.
func TestOneThatIsKnownToBeWrongIsInNobodysWay(t *testing.T) {
	for liar := range 4 {
		r := newRounds(t, time.Second, 1, voters(4)...)
		r.lies = func(i int) time.Duration {
			if i == liar {
				return time.Duration(r.polls[i]%2) * time.Second
			}
			return 0
		}
		r.run(60)
		require.Equal(t, Convicted, r.Verdict(liar))
		require.InDelta(t, 1.05/4, r.grown(100, 3*time.Millisecond), 0.06)
	}
}

// While answers are wanted soon nobody waits for a turn.
func TestABurstIsOneTurn(t *testing.T) {
	r := newRounds(t, 16*time.Second, 1, voters(4)...)
	r.poll = time.Second // run counts by it
	r.run(7)
	for _, asked := range r.asked {
		require.Len(t, asked, 4)
		require.Less(t, asked[3].Sub(r.asked[0][3]).Abs(), 10*time.Millisecond)
	}
}

// A slow answer ends when the others have long been told when they are asked next.
func TestThePacemakersAnswerMayTakeLonger(t *testing.T) {
	r := newRounds(t, time.Second, 1, voters(4)...)
	slices.Reverse(r.takes)
	r.run(40)
	for i := range r.asked {
		r.asked[i] = nil
	}
	r.run(100)
	r.requireTogether(0, 2)
	waits := map[time.Duration]bool{}
	for k := range r.asked[0][1:] {
		waits[r.asked[0][k+1].Sub(r.asked[0][k])] = true
	}
	require.Greater(t, len(waits), 80, "the jitter is there")
	require.InDelta(t, 1.05/4, r.age(90), 0.04)
}
