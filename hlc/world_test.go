package hlc_test

import (
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/hlc"
	"github.com/epsilontime/epsilon/internal/testing/simulated"
	"github.com/epsilontime/epsilon/truetime"
	"github.com/epsilontime/epsilon/truetime/truetimetest"
)

var (
	worlds    = flag.Int("hlc.worlds", 40, "how many simulated worlds to run")
	firstSeed = flag.Uint64("hlc.first", 0, "the seed of the first of them; 0 draws one")
)

// In every world two or three machines, whose clocks poll three servers of which one may lie, send
// each other messages that are late, lost, doubled and overtaken, while machines are paused,
// suspended, restored and cut off. Then
//   - an event has a greater timestamp than the one before it on the same clock, and than the
//     message received,
//   - no timestamp is further ahead of true time than the widest interval that anybody has read,
//     and none of Earliest is ahead of it,
//   - none of Latest is behind true time, but for a machine that was suspended and does not know it
//     yet,
//   - and nobody but such a machine refuses a message.
func TestMachinesThatSendEachOtherMessages(t *testing.T) {
	first := *firstSeed
	if first == 0 {
		first = rand.Uint64N(1 << 32)
	}
	seen := map[string]int{}
	for s := first; s < first+uint64(*worlds); s++ {
		w := newMessages(s, seen)
		w.Run(2 * time.Minute)
		require.NoError(t, w.wrong, "the same again: go test ./hlc -run TestMachines -hlc.worlds 1 -hlc.first %d", s)
	}
	t.Logf("from seed %d: %v", first, seen)
	for _, what := range []string{"sent", "received", "refused while behind", "behind", "no answer"} {
		require.Positive(t, seen[what], "no world had this: %s", what)
	}
}

// messages is a world in which machines send each other messages.
type messages struct {
	*truetimetest.World
	rng      *rand.Rand
	physical hlc.PhysicalTime
	nodes    []*correspondent
	widest   time.Duration // of the intervals read
	seen     map[string]int
	wrong    error // the first invariant that was broken
}

// correspondent is a hybrid logical clock of a process.
type correspondent struct {
	*simulated.Process
	world *messages
	clock *hlc.Clock
	last  hlc.Timestamp
}

// Now lets the world know how wide the intervals are that the clock goes by.
func (c *correspondent) Now() (truetime.Interval, error) {
	now, err := c.Process.Now()
	c.world.widest = max(c.world.widest, now.Width())
	return now, err
}

func newMessages(seed uint64, seen map[string]int) *messages {
	w := &messages{World: truetimetest.NewWorld(seed), rng: rand.New(rand.NewPCG(seed, 1)), seen: seen}
	w.physical = hlc.PhysicalTime(w.rng.IntN(3))
	servers := simulated.Servers(w.World, w.rng, 1+simulated.UpTo(w.rng, 50*time.Millisecond))
	for i := range 2 + w.rng.IntN(2) {
		c := &correspondent{world: w, Process: simulated.NewProcess(w.World, w.rng, fmt.Sprint("m", i), servers)}
		c.clock, _ = hlc.New(c, hlc.WithPhysicalTime(w.physical))
		w.nodes = append(w.nodes, c)
		c.Again(100*time.Millisecond, c.send)
	}
	return w
}

func (c *correspondent) send() {
	got, err := c.clock.Now()
	if !c.happened(got, err) {
		return
	}
	w := c.world
	w.seen["sent"]++
	to := w.nodes[w.rng.IntN(len(w.nodes))]
	for range w.rng.IntN(3) { // lost, or sent, or sent twice
		w.In(simulated.UpTo(w.rng, time.Second)+1, func() { to.Awake(func() { to.receive(got, c.Name()) }) })
	}
}

func (c *correspondent) receive(remote hlc.Timestamp, from string) {
	w := c.world
	got, err := c.clock.Update(remote, from)
	switch {
	case errors.Is(err, hlc.ErrFromFuture) && c.Disturbed():
		w.seen["refused while behind"]++
	case c.happened(got, err):
		w.seen["received"]++
		c.expect(got > remote, "%v for the reception of %v", got, remote)
	}
}

// happened takes in what the clock said, and reports whether that was a timestamp.
func (c *correspondent) happened(got hlc.Timestamp, err error) bool {
	w := c.world
	if err != nil {
		w.seen["no answer"]++
		c.expect(errors.Is(err, truetime.ErrNotSynchronized), "%v", err)
		return false
	}
	ahead := got.Time().Sub(w.World.Now())
	c.expect(got > c.last, "%v after %v", got, c.last)
	c.expect(ahead <= w.widest, "%v ahead, and no interval was wider than %v", ahead, w.widest)
	c.expect(ahead <= 0 || w.physical != hlc.Earliest, "%v ahead", ahead)
	if ahead < 0 && w.physical == hlc.Latest {
		w.seen["behind"]++
		c.expect(c.Disturbed(), "%v behind", -ahead)
	}
	c.last = got
	return true
}

func (c *correspondent) expect(ok bool, format string, values ...any) {
	if !ok && c.world.wrong == nil {
		c.world.wrong = fmt.Errorf("%s after %v: "+format, append([]any{c.Name(), c.world.Elapsed()}, values...)...)
	}
}
