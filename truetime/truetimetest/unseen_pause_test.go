package truetimetest

import (
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/internal/testing/race"
	"github.com/epsilontime/epsilon/monotonic"
	"github.com/epsilontime/epsilon/truetime"
)

var unseenPauses = flag.Int("unseenpauses", race.Count(1000, 100), "in how many random worlds a machine is paused unseen")

// pauseTrial is a random world in which a machine stands still, and nothing in it shows that.
type pauseTrial struct {
	*trial
	m      *Machine
	total  time.Duration // of all pauses
	poll   time.Duration
	paused bool
}

// newPauseTrial draws one. Half of them are one pause, the others up to four that come to as much; before, after or in the middle of
// exchanges, at a counter that runs as far off as it may, while up to f servers lie.
func newPauseTrial(seed uint64, assumed bool) *pauseTrial {
	w := NewWorld(seed)
	t := &pauseTrial{trial: &trial{world: w, rng: rand.New(rand.NewPCG(seed, 7)), expect: map[*Machine]int{}}}
	t.total = time.Duration(float64(time.Millisecond) * math.Exp(t.rng.Float64()*math.Log(60_000))) // 1 ms to 1 min
	t.poll = []time.Duration{time.Second, 4 * time.Second, 16 * time.Second}[t.rng.IntN(3)]
	reach := time.Duration(1) << (10 + t.rng.IntN(15))
	c := MachineConfig{Counter: monotonic.Instant(t.rng.Int64N(1 << 50)), Poll: t.poll, MaxPoll: 4 * t.poll}
	t.oscillate(&c)
	if assumed {
		c.UnseenPause = t.total
	}
	n := 1 + t.rng.IntN(7)
	liars := t.rng.IntN((n-1)/2 + 1)
	for i := range n {
		s := w.NewServer(fmt.Sprintf("s%d", i), t.honest(reach))
		if i < liars {
			s.Become(t.liar(min(reach, t.total)))
		}
		c.Sources = append(c.Sources, Link{Server: s, Path: t.path(reach)})
	}
	declareDistances(rand.New(rand.NewPCG(seed, 9)), c.Sources, reach)
	t.m = w.NewMachine("m", c)
	w.observe = func(m *Machine) {
		if t.err == nil && assumed {
			t.checks++
			t.err = m.Check()
		}
	}
	parts := 1 + t.rng.IntN(2)*t.rng.IntN(4)
	left := t.total
	at := 2 * time.Minute
	for i := range parts {
		d := left
		if i < parts-1 {
			d = time.Duration(t.rng.Int64N(int64(left)))
		}
		left -= d
		at += time.Duration(t.rng.Int64N(int64(time.Minute)))
		w.In(at, func() {
			t.paused = true
			t.m.Restore(d, false)
			w.In(d, func() { t.paused = false })
		})
		at += d
	}
	return t
}

// run watches the world for a while before the pauses, between them and after.
func (t *pauseTrial) run(watch func() error) error {
	for t.err == nil && t.world.Elapsed() < 10*time.Minute {
		t.world.Run(time.Duration(1 + t.rng.Int64N(int64(300*time.Millisecond))))
		if t.err == nil && !t.paused { // while it lasts nothing in the machine can read the clock
			t.checks++
			t.err = watch()
		}
	}
	return t.err
}

// All answers are right after every pause of up to as long as is assumed, from its end on, whoever of up to f servers
// lies, and nobody who is right is convicted for it.
func TestAnswersAreRightThroughEveryPauseThatIsAssumed(t *testing.T) {
	t.Parallel()
	first := *seed
	if first == 0 {
		first = rand.Uint64()
	}
	answers, ended := 0, 0
	for i := range *unseenPauses {
		s := first + uint64(i)
		p := newPauseTrial(s, true)
		err := p.run(func() error {
			if _, err := p.m.Now(); err == nil {
				answers++
			}
			return p.m.Check()
		})
		require.NoError(t, err, "go test ./truetime/truetimetest -run '^%s$' -unseenpauses 1 -seed %d", t.Name(), s)
		for i, source := range p.m.Status().Sources {
			if p.m.links[i].Server.Honest() {
				require.NotEqual(t, truetime.Convicted, source.Verdict, "seed %d: %s is convicted, which was right", s, source.Name)
			}
		}
		if p.m.Status().Epoch > 1 {
			ended++
		}
	}
	t.Logf("%d worlds from seed %d: %d answers, 0 wrong; in %d of them the servers showed that the counter had stood still",
		*unseenPauses, first, answers, ended)
	require.Positive(t, ended)
}

// Without the assumption answers are wrong after a pause, by no more than that is long. Where it is longer than the interval is wide,
// that lasts until more than f servers have been asked again, which is mostly one poll, and is never so again.
func TestAPauseThatIsNotAssumedIsWrongForOnePoll(t *testing.T) {
	t.Parallel()
	first := *seed
	if first == 0 {
		first = rand.Uint64()
	}
	wrong, last := 0, 0.0
	for i := range max(*unseenPauses/5, 1) {
		s := first + uint64(i)
		w, m, rng, poll := newPausedMachine(s)
		d := time.Duration(float64(20*time.Millisecond) * math.Exp(rng.Float64()*math.Log(3000))) // 20 ms to 1 min
		m.Restore(d, false)
		w.Run(d)
		awake := w.Elapsed()
		for w.Elapsed() < awake+10*time.Minute {
			if now, err := m.Now(); err == nil && !now.Contains(w.Now()) {
				wrong++
				by, since := max(now.Earliest.Sub(w.Now()), w.Now().Sub(now.Latest)), w.Elapsed()-awake
				require.LessOrEqual(t, by, d, "seed %d: wrong by more than the pause", s)
				require.EqualValues(t, 1, m.Status().Epoch, "seed %d: wrong after the servers have contradicted the past", s)
				require.LessOrEqual(t, since, 2*poll+time.Second, "seed %d: wrong after everybody was asked twice", s) // as an exchange may be lost, by the pause
				last = max(last, float64(since)/float64(poll))
			}
			w.Run(time.Duration(1 + rng.Int64N(int64(50*time.Millisecond))))
		}
	}
	t.Logf("from seed %d: %d answers wrong, the last %.2f polls after the pause", first, wrong, last)
	require.Positive(t, wrong, "else this test shows nothing")
}

// A pause that is shorter than the interval is wide need not contradict anything. Answers are wrong by less than it, until the drift
// has made the facts of before worth less than later ones: for long, where the counter is as slow as it may be.
func TestAPauseWithinTheIntervalMayNeverShow(t *testing.T) {
	wrong, unseen := 0, 0
	for s := range uint64(20) {
		w, m, _, _ := newPausedMachine(s)
		d := m.Status().Uncertainty * 13 / 10
		m.Restore(d, false)
		w.Run(d)
		for range 2000 {
			if now, err := m.Now(); err == nil && !now.Contains(w.Now()) {
				wrong++
				require.LessOrEqual(t, max(now.Earliest.Sub(w.Now()), w.Now().Sub(now.Latest)), d, "seed %d", s)
			}
			w.Run(50 * time.Millisecond)
		}
		if m.Status().Epoch == 1 {
			unseen++
		}
	}
	require.Positive(t, wrong, "else this test shows nothing")
	require.Greater(t, unseen, 10)
}

// newPausedMachine returns a machine that has been synchronized for two minutes, at a moment that the seed chooses.
func newPausedMachine(seed uint64) (w *World, m *Machine, rng *rand.Rand, poll time.Duration) {
	w, rng = NewWorld(seed), rand.New(rand.NewPCG(seed, 8))
	poll = []time.Duration{time.Second, 4 * time.Second, 16 * time.Second}[rng.IntN(3)]
	c := MachineConfig{Oscillator: Constant(400*rng.Float64() - 200), Poll: poll}
	for i := range 3 {
		c.Sources = append(c.Sources, Link{Server: w.NewServer(fmt.Sprintf("s%d", i), Honest(20*time.Microsecond)), Path: DataCenter()})
	}
	m = w.NewMachine("m", c)
	w.Run(2*time.Minute + time.Duration(rng.Int64N(int64(poll))))
	return w, m, rng, poll
}

// What is allowed for a pause is a part of ε by itself, of half its length.
func TestAnUnseenPauseIsAPartOfTheUncertainty(t *testing.T) {
	w := NewWorld(1)
	c := MachineConfig{UnseenPause: 200 * time.Millisecond}
	for i := range 3 {
		c.Sources = append(c.Sources, Link{Server: w.NewServer(fmt.Sprint("s", i), Honest(20*time.Microsecond)), Path: DataCenter()})
	}
	m := w.NewMachine("m", c)
	w.Run(time.Minute)
	s := m.Status()
	require.NoError(t, s.Err)
	require.InDelta(t, 100*time.Millisecond, s.Budget.Pause, float64(100*time.Microsecond), "but for what a smeared second may be longer, and what one source rules out of what another allows for")
	require.Zero(t, s.Budget.Leap)
	require.Equal(t, s.Uncertainty, s.Budget.Uncertainty())
	require.Contains(t, s.Budget.String(), "for a pause that nobody sees")
	require.Less(t, s.Uncertainty, 110*time.Millisecond)
}

// Once the servers show that the counter has stood still, the epoch ends, so that as much is allowed for anew.
func TestAPauseThatShowsIsCountedOnce(t *testing.T) {
	w := NewWorld(1)
	c := MachineConfig{UnseenPause: time.Second, Poll: time.Second}
	for i := range 3 {
		c.Sources = append(c.Sources, Link{Server: w.NewServer(fmt.Sprint("s", i), Honest(20*time.Microsecond)),
			Path: Symmetric(Leg{Base: time.Duration(1+20*i) * time.Millisecond})}) // asked at the same moment, they do not answer at the same moment
	}
	m := w.NewMachine("m", c)
	for range 20 {
		w.Run(10 * time.Minute)
		m.Restore(900*time.Millisecond, false)
		w.Run(900 * time.Millisecond)
		for range 1000 {
			w.Run(5 * time.Millisecond)
			require.NoError(t, m.Check())
		}
	}
	s := m.Status()
	require.EqualValues(t, 21, s.Epoch)
	require.Contains(t, s.Disruption, "voters have gained 8")
}

// However often a machine is stopped, for no longer than is assumed: that is no reason to refuse for long.
func TestPausesInARowAreNoFaultOfTheCounter(t *testing.T) {
	w := NewWorld(1)
	c := MachineConfig{UnseenPause: 2 * time.Second, Poll: time.Second}
	for i := range 3 {
		c.Sources = append(c.Sources, Link{Server: w.NewServer(fmt.Sprint("s", i), Honest(20*time.Microsecond)), Path: DataCenter()})
	}
	m := w.NewMachine("m", c)
	w.Run(time.Minute)
	for range 20 {
		w.Run(20 * time.Second)
		require.NoError(t, m.Status().Err)
		m.Restore(60*time.Millisecond, false)
	}
}

// A server whose clock was corrected long ago, and another today, have not seen the counter stand still.
func TestGainsOfDifferentTimesShowNothing(t *testing.T) {
	w := NewWorld(1)
	c := MachineConfig{UnseenPause: time.Second, Poll: 16 * time.Second}
	for i := range 3 {
		c.Sources = append(c.Sources, Link{Server: w.NewServer(fmt.Sprint("s", i), Honest(time.Millisecond)), Path: DataCenter()})
	}
	slow, fast := c.Sources[0].Server, c.Sources[1].Server // one of them is wrong at any time
	slow.Become(Offset(-20*time.Millisecond, time.Millisecond))
	w.In(time.Hour, func() { slow.Become(Honest(time.Millisecond)) })
	w.In(2*time.Hour, func() { fast.Become(Offset(20*time.Millisecond, time.Millisecond)) })
	m := w.NewMachine("m", c)
	w.Run(3 * time.Hour)
	require.NoError(t, m.Check())
	require.EqualValues(t, 1, m.Status().Epoch, m.Status().Disruption)
}
