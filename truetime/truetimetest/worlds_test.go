package truetimetest

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/internal/testing/race"
	"github.com/epsilontime/epsilon/monotonic"
	"github.com/epsilontime/epsilon/truetime"
)

var (
	worlds = flag.Int("worlds", race.Count(300, 60), "how many random worlds to run")
	seed   = flag.Uint64("seed", 0, "the seed of the first random world; 0 draws one")
)

// In every world: at most f of n servers lie, in whatever way; networks delay one-sidedly, lose,
// duplicate and hold back; the oscillator goes to the very edge of its drift; processes pause,
// machines are suspended, restored with a marker, killed. Then
//   - every answer contains true time, to the picosecond,
//   - Earliest never goes back within an epoch,
//   - no honest server is ever convicted or called a falseticker,
//   - liars do not widen the answer beyond what honest servers say together,
//   - no epoch ends but for a disruption that happened.
//
// A failure prints the line that repeats it, and the end of that world's story.
func TestWorlds(t *testing.T) {
	t.Parallel()
	first := *seed
	if first == 0 {
		first = rand.Uint64()
	}
	polls, checks := 0, 0
	for i := range *worlds {
		s := first + uint64(i)
		trial := newTrial(s)
		err := trial.run()
		polls, checks = polls+trial.world.polls, checks+trial.checks
		if err != nil {
			again := newTrial(s)
			again.world.Trace(60)
			again.run()
			t.Fatalf("%v\n\n%s\n\nthe same world again: go test ./truetime/truetimetest -run '^TestWorlds$' -worlds 1 -seed %d", err, again.world.TraceText(), s)
		}
	}
	t.Logf("%d worlds from seed %d: %d polls, %d answers checked, 0 wrong", *worlds, first, polls, checks)
}

// trial is one random world with its judge.
type trial struct {
	world   *World
	rng     *rand.Rand
	servers []*Server // each a voter
	group   []*Server // one voter more, if there are any
	machine []*Machine
	expect  map[*Machine]int // epochs that have to have ended
	epochs  map[*Machine]uint64
	posing  bool          // a server shows what others show, and may end an epoch by it
	longest time.Duration // of the world: where all servers deny service, polls are days apart
	checks  int
	err     error
}

// Special kinds of world.
const (
	razor    = iota // nothing but true time itself is left between the bounds and what is wrong
	nonsense        // every exchange has a negative delay: there can be no answer
)

func newTrial(seed uint64) *trial {
	w := NewWorld(seed)
	t := &trial{world: w, rng: rand.New(rand.NewPCG(seed, 1)), expect: map[*Machine]int{}, epochs: map[*Machine]uint64{}}
	kind := t.rng.IntN(8)
	n := 1 + t.rng.IntN(7)
	if t.rng.IntN(25) == 0 {
		n = 33 + t.rng.IntN(30) // a crowd, whose samples are gathered
	}
	faulty := (n - 1) / 2                              // leaving room for a group, whose vote is right
	reach := time.Duration(1) << (10 + t.rng.IntN(15)) // 1 µs to 17 ms: of delays, and of what lies are about
	for i := range n {
		t.servers = append(t.servers, w.NewServer(fmt.Sprintf("s%d", i), t.honest(reach)))
	}
	lie := t.liar(reach)
	liars := t.rng.IntN(faulty + 1)
	for i := range liars {
		if t.rng.IntN(3) > 0 { // else they conspire
			lie = t.liar(reach)
		}
		t.servers[i].Become(lie)
	}
	if liars > 0 && t.rng.IntN(3) == 0 { // one of them has more addresses, which are more liars than may be
		t.posing = true
		for i := range min(1+t.rng.IntN(2), n-liars) {
			t.servers[liars+i].Become(lie)
			t.servers[liars+i].Shows(t.servers[liars-1])
		}
	}
	if liars > 1 && t.rng.IntN(3) == 0 { // another copies those who are right
		t.posing = true
		t.servers[0].Shows(t.servers[t.rng.IntN(n)], t.servers[t.rng.IntN(n)])
	}
	if t.rng.IntN(3) == 0 { // to be silent is no fault, and any number may be
		for range t.rng.IntN(n) {
			if s := t.servers[t.rng.IntN(n)]; s.Honest() {
				s.Become([]Behavior{Dead(), Deserter(reach), Turncoat(Honest(reach), time.Minute, Dead())}[t.rng.IntN(3)])
			}
		}
	}
	if t.rng.IntN(4) == 0 {
		for i := range 3 {
			t.group = append(t.group, w.NewServer(fmt.Sprintf("g%d", i), Honest(reach)))
		}
		t.group[t.rng.IntN(3)].Become(t.liar(reach))
	}
	for _, s := range append(slices.Clone(t.servers), t.group...) {
		switch {
		case kind == razor && s.Honest():
			s.Become(Honest(time.Nanosecond))
		case kind == nonsense:
			s.Become(Backwards(time.Second, reach))
		}
	}
	poll := time.Duration(1) << (27 + t.rng.IntN(9)) // 134 ms to 34 s
	for i := range 1 + t.rng.IntN(2) {
		c := MachineConfig{
			Counter:     monotonic.Instant(t.rng.Int64N(1 << 50)),
			CounterTick: time.Duration(1 + t.rng.IntN(3)*t.rng.IntN(150)),
			Latency:     time.Duration(t.rng.IntN(2) * t.rng.IntN(3_000_000)),
			Poll:        poll,
			MaxPoll:     4 * poll,
		}
		t.oscillate(&c)
		for _, s := range t.servers {
			c.Sources = append(c.Sources, Link{Server: s, Path: t.path(reach), keeps: 0.3 * float64(t.rng.IntN(5)/4)})
		}
		for _, s := range t.group {
			c.Sources = append(c.Sources, Link{Server: s, Path: t.path(reach), Group: "group"})
		}
		if kind == razor {
			c.Oscillator, c.CounterTick, c.Latency = Constant([]float64{-200, 200}[t.rng.IntN(2)]), 1, 0
			c.MaxWander, c.RateStability = c.MaxWander/1e6, c.RateStability/1e6
			for i := range c.Sources {
				c.Sources[i].Path = Path{}
			}
		}
		declareDistances(rand.New(rand.NewPCG(seed, uint64(4+i))), c.Sources, reach)
		t.machine = append(t.machine, w.NewMachine(fmt.Sprintf("m%d", i), c))
	}
	span := max(time.Duration(200)*poll/time.Duration(n), 30*time.Second)
	for range t.rng.IntN(4) {
		t.plan(time.Duration(t.rng.Int64N(int64(span))))
	}
	t.longest = 100 * span
	t.watch(span / 300)
	w.observe = func(m *Machine) {
		t.noteEpoch(m)
		if t.err == nil && !m.Disturbed() {
			t.checks++
			t.err = m.Check()
		}
	}
	return t
}

// noteEpoch sees each epoch begin, and expects the end of one in which a server posed as another.
func (t *trial) noteEpoch(m *Machine) {
	d := m.engine.Discipline()
	if d.Epoch() == t.epochs[m] {
		return
	}
	t.epochs[m] = d.Epoch()
	if t.posing && strings.Contains(d.LastDisruption().Reason, "show that they may be one") {
		t.expect[m]++
	}
}

func (t *trial) run() error {
	for t.err == nil && len(t.world.events) > 0 && t.world.polls < 400 && t.world.Elapsed() < t.longest {
		t.world.Run(time.Second)
	}
	return t.err
}

func (t *trial) honest(reach time.Duration) Behavior {
	claim := time.Duration(1 + t.rng.Int64N(int64(reach)))
	switch t.rng.IntN(6) {
	case 0:
		return Steady(time.Duration(t.rng.Int64N(int64(2*claim)+1))-claim, claim)
	case 1:
		return Silent(Honest(claim), 0.3)
	case 2:
		return Honest(time.Nanosecond)
	}
	return Honest(claim)
}

func (t *trial) liar(reach time.Duration) Behavior {
	claim := time.Duration(1 + t.rng.Int64N(1000))
	by := time.Duration(t.rng.Int64N(int64(4*reach))) - 2*reach
	all := []Behavior{
		Offset(by, claim),
		Offset(by, claim+reach/2),
		Drifting(1, 2*reach, claim),
		Drifting(-300, 2*reach, reach/4),
		Edge(true, claim),
		Edge(false, claim),
		Inside(t.rng.Float64(), claim),
		Pull(time.Microsecond, claim),
		TwoFaced(by, claim),
		Stale(3*reach, claim),
		Frozen(10*time.Second, claim),
		Anywhere(2*reach, claim),
		Backwards(reach, claim),
		Backwards(reach/64+1, reach/64),
		WrongLeap(claim),
		Kiss(truetime.ErrDenied),
		Kiss(truetime.ErrSlowDown),
		Dead(),
		Deserter(claim),
		Offset(time.Hour, claim),
	}
	b := all[t.rng.IntN(len(all))]
	switch t.rng.IntN(5) {
	case 0:
		return Turncoat(Honest(claim+reach/8), time.Duration(t.rng.Int64N(int64(5*time.Minute))), b)
	case 1:
		return Silent(b, 0.5)
	}
	return b
}

// oscillate draws an oscillator that stays within 200 ppm, and in half of the worlds promises what
// more is true of it.
func (t *trial) oscillate(c *MachineConfig) {
	all := []struct {
		o                 Oscillator
		wander, deviation float64 // that it keeps, in ppm per second and in ppm
	}{
		{Constant(200), 1e-6, 1e-6},
		{Constant(-200), 1e-6, 1e-6},
		{Constant(400*t.rng.Float64() - 200), 1e-6, 1e-6},
		{Extreme(200), 0, 400},
		{Sinusoid(0, 199, 10*time.Minute), 2.1, 398},
		{Sinusoid(100, 5, time.Hour), 0.01, 10},
		{RandomWalk(0, 1, 200), 1, 400},
		{Wandering(1, 200), 1, 400},
		{Wandering(0.1, 10), 0.1, 20},
		{Wandering(0.01, 2), 0.01, 4},
		{Sum(Constant(-190), Wandering(0.001, 5)), 0.001, 10},
		{Thermal(-150, 150, 2*time.Minute, 20*time.Second), 15, 300},
		{Sum(Constant(20), RandomWalk(0, 0.01, 100)), 0.01, 200},
	}
	pick := all[t.rng.IntN(len(all))]
	c.Oscillator = pick.o
	if t.rng.IntN(2) == 0 {
		return
	}
	if t.rng.IntN(3) > 0 {
		c.MaxWander = pick.wander * 1000
	}
	if t.rng.IntN(2) == 0 {
		c.RateStability = pick.deviation
	}
}

func (t *trial) path(reach time.Duration) Path {
	part := func() time.Duration { return time.Duration(t.rng.Int64N(int64(reach))) }
	leg := func() Leg {
		switch t.rng.IntN(4) {
		case 0:
			return Leg{}
		case 1:
			return Leg{Spread: reach}
		case 2:
			return Leg{Base: part(), Jitter: part(), Loss: 0.1, Duplicate: 0.1, Reorder: 0.1, ReorderBy: 4 * reach}
		}
		return Leg{Base: part(), Spread: reach, CongestedEvery: time.Minute, CongestedFor: 20 * time.Second, Queue: 3 * reach}
	}
	return Path{leg(), leg()}
}

// plan draws something that happens to a machine.
func (t *trial) plan(at time.Duration) {
	m := t.machine[t.rng.IntN(len(t.machine))]
	d := time.Duration(t.rng.Int64N(int64(20 * time.Second)))
	kind := t.rng.IntN(6)
	server := t.servers[t.rng.IntN(len(t.servers))]
	t.world.In(at, func() {
		switch kind {
		case 0:
			t.expect[m]++
			m.Pause(d)
		case 1:
			t.expect[m]++
			m.Suspend(d)
		case 2:
			t.expect[m]++
			m.Restore(d, true)
		case 3:
			m.Restart()
		default:
			m.Cut(server, 10*d)
		}
	})
}

// watch checks everything again and again.
func (t *trial) watch(every time.Duration) {
	for _, m := range t.machine {
		if t.err == nil {
			t.err = t.checkMachine(m)
		}
	}
	t.world.In(time.Duration(t.rng.Int64N(int64(2*every))), func() { t.watch(every) })
}

func (t *trial) checkMachine(m *Machine) error {
	if m.Disturbed() || m.engine == nil {
		return nil
	}
	t.checks++
	if err := m.Check(); err != nil {
		return err
	}
	s := m.Status()
	if err := checkBudget(s); err != nil {
		return fmt.Errorf("seed %d, %s after %v: %w", t.world.seed, m.name, t.world.Elapsed(), err)
	}
	if int(s.Epoch) > 1+t.expect[m] {
		return fmt.Errorf("seed %d, %s after %v: the epoch ended for no reason: %s", t.world.seed, m.name, t.world.Elapsed(), s.Disruption)
	}
	var union truetime.Interval
	for i, source := range s.Sources {
		if server := m.links[i].Server; !server.Honest() {
			continue
		}
		if source.Verdict == truetime.Convicted || source.Verdict == truetime.Falseticker {
			return fmt.Errorf("seed %d, %s after %v: honest %s is called %v", t.world.seed, m.name, t.world.Elapsed(), source.Name, source.Verdict)
		}
		if source.Interval == (truetime.Interval{}) {
			return nil // it may be anywhere
		}
		if union == (truetime.Interval{}) {
			union = source.Interval
		}
		union.Earliest, union.Latest = min(union.Earliest, source.Interval.Earliest), max(union.Latest, source.Interval.Latest)
	}
	// A bound loses a nanosecond to rounding whenever it is carried.
	const slack = 5
	union.Earliest, union.Latest = union.Earliest.Add(-slack), union.Latest.Add(slack)
	if m.engine.Discipline().Count(func(i int) bool { return m.links[i].Server.Honest() }) <= s.Faulty {
		return nil // those who are right at the moment are too few machines to rule anything out
	}
	if len(s.Sources) > 32 {
		return nil // samples of a crowd are gathered before the votes are counted
	}
	if m.config.MaxWander+m.config.RateStability > 0 {
		return nil // by now the servers' intervals have profited from what is known of the rate, and straight lines have not
	}
	if s.Err == nil && (s.Interval.Earliest < union.Earliest || s.Interval.Latest > union.Latest) {
		return fmt.Errorf("seed %d, %s after %v: %v is wider than what honest servers say: %v", t.world.seed, m.name, t.world.Elapsed(), s.Interval, union)
	}
	return nil
}

func TestEqualSeedsMakeEqualWorlds(t *testing.T) {
	story := func() string {
		trial := newTrial(7)
		trial.world.Trace(1000)
		require.NoError(t, trial.run())
		return trial.world.TraceText()
	}
	require.NotEmpty(t, story())
	require.Equal(t, story(), story())
}
