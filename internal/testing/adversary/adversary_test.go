package adversary

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"sort"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/ntpsrc"
	"github.com/epsilontime/epsilon/truetime"
)

// .ci/run asks for a million answers, and for lies that last a second. Without flags the test takes
// seconds.
var (
	answers = flag.Int("answers", 30_000, "how many answers of clocks are held against the truth")
	turn    = flag.Duration("turn", 100*time.Millisecond, "for how long a lie lasts")
	until   = flag.Bool("until-wrong", false, "end at the first wrong answer of any game")
	seed    = flag.Uint64("seed", 0, "of everything that is drawn; 0 means a random one")
)

// found is whether any answer was wrong.
var found atomic.Bool

// game is one clock, restarted now and then, among servers of which some lie.
type game struct {
	honest, liars int
	faulty        int     // f, as the clock believes
	wander        float64 // ppb/s; 0 assumes nothing
	seed          uint64
	answers       int
	untilWrong    bool // the first wrong answer is the last
}

func (g game) String() string {
	return fmt.Sprintf("n=%d f=%d liars=%d wander=%gppb/s", g.honest+g.liars, g.faulty, g.liars, g.wander)
}

// outcome is what a game came to.
type outcome struct {
	answers, wrong, refused int
	first                   string        // wrong answer
	worst                   time.Duration // by which an answer was wrong
	total, widest           time.Duration // of ε
	turns, lives, broken    int           // broken: epochs that ended
	why                     string        // the last of them ended
	told                    map[string]int64
}

func (o outcome) String() string {
	return fmt.Sprintf("%d answers, %d wrong, by %v at most; ε %v on average, %v at most; %d turns, %d restarts, %d epochs ended (%s), %d refusals",
		o.answers, o.wrong, o.worst, o.total/time.Duration(max(o.answers, 1)), o.widest, o.turns, o.lives, o.broken, o.why, o.refused)
}

// The clock that is asked is never wrong, whatever f of n servers say, with and without assumptions
// about its counter.
func TestNoAnswerIsWrongWhateverTheLiarsSay(t *testing.T) {
	if *seed == 0 {
		*seed = rand.Uint64()
	}
	var all []game
	for _, n := range []int{3, 5, 7} {
		f := (n - 1) / 2
		all = append(all, game{honest: n - f, liars: f, faulty: f}, game{honest: n - f, liars: f, faulty: f, wander: 100})
	}
	told := map[string]int64{}
	games := uint64(0)
	play := func(t *testing.T, all []game) {
		t.Run("games", func(t *testing.T) {
			for _, g := range all {
				g.seed, g.answers = *seed+games, (*answers+len(all)-1)/len(all)
				games++
				results := make(chan outcome, 1)
				t.Cleanup(func() {
					for kind, n := range (<-results).told {
						told[kind] += n
					}
				})
				t.Run(g.String(), func(t *testing.T) {
					t.Parallel()
					defer close(results)
					o := g.play(t)
					results <- o
					t.Logf("seed %d: %v", *seed, o)
					require.Zero(t, o.wrong, "the same lies again: go test ./internal/testing/adversary -run TestNoAnswerIsWrong -seed %d -answers %d -turn %v; the first: %s", *seed, *answers, *turn, o.first)
					require.True(t, *until || o.answers == g.answers)
				})
			}
		})
	}
	untold := func() (missing []string) {
		for _, k := range kindNames {
			if told[k] == 0 {
				missing = append(missing, k)
			}
		}
		return missing
	}
	play(t, all)
	// Lies are drawn, so that a few games may lack one.
	for range 20 {
		if *until || t.Failed() || len(untold()) == 0 {
			break
		}
		t.Logf("nobody has told %q yet", untold())
		play(t, all[len(all)-1:])
	}
	t.Logf("replies: %s", list(told))
	require.True(t, *until || len(untold()) == 0, "no reply with these lies: %q", untold())
}

// With one liar more than the clock assumes some answers are wrong: what is tested above does not
// hold by itself.
func TestOneLiarTooManyIsNoticed(t *testing.T) {
	for _, n := range []int{3, 5, 7} {
		f := (n - 1) / 2
		g := game{honest: n - f - 1, liars: f + 1, faulty: f, seed: uint64(n), answers: 100_000, untilWrong: true}
		t.Run(g.String(), func(t *testing.T) {
			t.Parallel()
			o := g.play(t)
			t.Log(o)
			require.Positive(t, o.wrong, "nobody has noticed")
		})
	}
}

// play asks the clock until it has answered as often as is wanted.
func (g game) play(t *testing.T) (o outcome) {
	t.Helper()
	o.told = map[string]int64{}
	rng := rand.New(rand.NewPCG(g.seed, 0))
	for !g.over(o) {
		o.lives++
		g.live(t, rng, &o)
	}
	return o
}

func (g game) over(o outcome) bool {
	return o.answers >= g.answers || g.untilWrong && o.wrong > 0 || *until && found.Load()
}

// live is one world and one clock in it.
func (g game) live(t *testing.T, rng *rand.Rand, o *outcome) {
	t.Helper()
	w, err := NewWorld(rng, g.honest, g.liars)
	require.NoError(t, err)
	defer func() { w.Told(o.told); require.NoError(t, w.Close()) }()
	sources := ntpsrc.Servers(w.Addresses()...)
	rng.Shuffle(len(sources), func(i, j int) { sources[i], sources[j] = sources[j], sources[i] })
	options := []truetime.Option{truetime.WithPoll(10*time.Millisecond, 40*time.Millisecond), truetime.WithFaulty(g.faulty)}
	if g.wander > 0 {
		options = append(options, truetime.WithMaxWander(g.wander))
	}
	clock, err := truetime.New(sources, options...)
	require.NoError(t, err)
	defer func() { require.NoError(t, clock.Close()) }()

	epoch := uint64(1)
	for range 5 + rng.IntN(20) {
		for end := time.Now().Add(*turn); time.Now().Before(end); {
			for range 4 {
				g.ask(w, clock, o)
			}
			if g.over(*o) {
				return
			}
			time.Sleep(time.Millisecond) // so that there are many polls for each answer
		}
		if s := clock.Status(); s.Epoch != epoch {
			o.broken, o.why, epoch = o.broken+int(s.Epoch-epoch), s.Disruption, s.Epoch
		}
		o.turns++
		w.Turn()
	}
}

// ask holds one answer against the truth before and after it.
func (g game) ask(w *World, clock *truetime.Clock, o *outcome) {
	before := truetime.Time(w.Truth.Now().UnixNano())
	i, err := clock.Now()
	after := truetime.Time(w.Truth.Now().UnixNano())
	if err != nil {
		o.refused++
		return
	}
	if o.answers == g.answers {
		return
	}
	o.answers++
	o.total += i.Uncertainty()
	o.widest = max(o.widest, i.Uncertainty())
	off := max(i.Earliest.Sub(after), before.Sub(i.Latest))
	if off <= 0 {
		return
	}
	o.worst = max(o.worst, off)
	found.Store(true)
	if o.wrong++; o.wrong == 1 {
		o.first = fmt.Sprintf("[%d %d] while the truth was in [%d %d] after %v; %s; %+v", i.Earliest, i.Latest, before, after, w.Truth.Elapsed(), w.lies(), clock.Status())
	}
}

// lies says what is told now.
func (w *World) lies() string {
	var all []string
	for _, l := range w.liars {
		b := *l.lie.Load()
		all = append(all, fmt.Sprintf("%s at %s: %v, off by %v, claims %v, drifts %.0f ppm", l.name, l.Address(), b.kind, b.at(w.Truth.Elapsed()), b.claim, b.drift/ppm))
	}
	return strings.Join(all, "; ")
}

// list sorts counts.
func list(counts map[string]int64) string {
	var all []string
	for kind, n := range counts {
		all = append(all, fmt.Sprintf("%s %d", kind, n))
	}
	sort.Strings(all)
	return strings.Join(all, ", ")
}
