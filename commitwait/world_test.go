package commitwait

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/internal/testing/simulated"
	"github.com/epsilontime/epsilon/truetime"
	"github.com/epsilontime/epsilon/truetime/truetimetest"
)

var (
	worlds    = flag.Int("commitwait.worlds", 50, "how many simulated worlds to run")
	firstSeed = flag.Uint64("commitwait.first", 0, "the seed of the first of them; 0 draws one")
)

// In every world waits come and are given up on a machine whose clock polls three servers of which
// one may lie, and which is paused, suspended, restored, cut off and started again. No wait may end
// with nil before its timestamp has passed in true time, and all must end once the machine is left
// alone.
func TestNoWaitOnAMachineEndsBeforeTrueTime(t *testing.T) {
	first := *firstSeed
	if first == 0 {
		first = rand.Uint64N(1 << 32)
	}
	seen := map[string]int{}
	for s := first; s < first+uint64(*worlds); s++ {
		w := newCommits(t, s, seen)
		w.Run(2 * time.Minute)
		w.process.Calm = true
		w.Run(2 * time.Minute) // the clock answers again, and nobody waits for longer than a minute
		if n := len(w.waiter.queue); n > 0 {
			w.broken("%d wait for ever", n)
		}
		require.NoError(t, w.wrong, "the same again: go test ./commitwait -run TestNoWaitOnAMachine -commitwait.worlds 1 -commitwait.first %d", s)
		require.NoError(t, w.waiter.Close())
	}
	t.Logf("from seed %d: %v", first, seen)
	for _, what := range []string{"passed", "given up", "no answer"} {
		require.Positive(t, seen[what], "no world had this: %s", what)
	}
}

// commits is a world with one process that waits. What the leader does it does itself, when the
// timer says so: all in one goroutine.
type commits struct {
	*truetimetest.World
	process *simulated.Process
	rng     *rand.Rand
	waiter  *Waiter
	waits   map[*wait]truetime.Time
	plan    int // of the timer; older ones are void
	seen    map[string]int
	wrong   error
}

func newCommits(t *testing.T, seed uint64, seen map[string]int) *commits {
	w := &commits{World: truetimetest.NewWorld(seed), rng: rand.New(rand.NewPCG(seed, 1)), waits: map[*wait]truetime.Time{}, seen: seen}
	w.process = simulated.NewProcess(w.World, w.rng, "m", simulated.Servers(w.World, w.rng, 1+w.upTo(20*time.Millisecond)))
	var err error
	w.waiter, err = NewWaiter(w.process, WithSpin([]time.Duration{0, defaultSpin}[w.rng.IntN(2)]))
	require.NoError(t, err)
	w.waiter.timer = w
	w.process.Again(500*time.Millisecond, w.commit)
	return w
}

func (w *commits) upTo(d time.Duration) time.Duration { return simulated.UpTo(w.rng, d) }

// broken keeps what went wrong first, and lets nothing new begin.
func (w *commits) broken(format string, values ...any) {
	if w.wrong == nil {
		w.wrong = fmt.Errorf("after %v: "+format, append([]any{w.Elapsed()}, values...)...)
		w.process.Calm = true
	}
}

// commit waits for a timestamp that was Latest, or is further ahead, as a prepare timestamp may be.
func (w *commits) commit() {
	now, err := w.process.Now()
	if err != nil {
		w.seen["no answer"]++
		return
	}
	e := entry{now.Latest.Add(w.upTo(200*time.Millisecond) * time.Duration(w.rng.IntN(2))), &wait{done: make(chan error, 2)}}
	w.waits[e.wait] = e.timestamp
	w.waiter.join(e)
	w.appointed()
	if w.rng.IntN(4) == 0 {
		w.In(w.upTo(100*time.Millisecond), func() {
			w.process.Awake(func() {
				if w.waiter.leave(e) {
					w.seen["given up"]++
					delete(w.waits, e.wait)
					w.waiter.handOver(e)
					w.appointed()
				}
			})
		})
	}
}

// lead is what serve does between two looks at the timer.
func (w *commits) lead() {
	for w.waiter.settle(true) {
		w.waiter.spinUntilNext()
	}
	for e, timestamp := range w.waits {
		for len(e.done) > 0 {
			switch err := <-e.done; {
			case err == errLead:
			case err != nil:
				w.broken("%w", err)
			default:
				w.seen["passed"]++
				delete(w.waits, e)
				if w.Now() <= timestamp {
					w.broken("it is %v, and %v was said to have passed", w.Now(), timestamp)
				}
			}
		}
	}
	if l := w.waiter.leader; l != nil && l.index == absent {
		w.waiter.handOver(entry{wait: l})
		w.appointed()
	}
}

// appointed has a new leader begin.
func (w *commits) appointed() {
	if l := w.waiter.leader; l != nil && len(l.done) > 0 {
		w.lead()
	}
}

// Set is that of the timer, which fires when the world says so.
func (w *commits) Set(d time.Duration) {
	w.plan++
	plan := w.plan
	w.In(max(d, 1), func() {
		if plan == w.plan && w.wrong == nil {
			w.process.Awake(w.lead)
		}
	})
}

func (*commits) Wait() bool { return false }
func (*commits) Close()     {}
