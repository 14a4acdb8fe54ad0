package truetimetest

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/internal/testing/race"
	"github.com/epsilontime/epsilon/truetime"
)

var leapDays = flag.Int("leapdays", race.Count(8, 1), "how many random leap days to run")

// midnight ends the day of all these worlds.
var midnight = time.Date(2027, 7, 1, 0, 0, 0, 0, time.UTC)

// Through whole days at whose end a second is inserted, removed, or neither; by tables that know, and by such as
// expired a month before; with servers that step, smear, or serve TAI; and at most f of n voters that
// lie about the time, or about the leap second, or serve another scale than declared:
//   - every answer contains true time, smeared and TAI, to the picosecond,
//   - Earliest never goes back within an epoch,
//   - no honest server is ever convicted or called a falseticker.
func TestLeapDays(t *testing.T) {
	t.Parallel()
	first := *seed
	if first == 0 {
		first = rand.Uint64()
	}
	polls, checks, refused := 0, 0, 0
	for i := range *leapDays {
		s := first + uint64(i)
		d := newLeapDay(s)
		d.run()
		polls, checks, refused = polls+d.world.polls, checks+d.checks, refused+d.refused
		if d.err != nil {
			again := newLeapDay(s)
			again.world.Trace(60)
			again.run()
			t.Fatalf("%v\n%s\n\n%s\n\nthe same day again: go test ./truetime/truetimetest -run '^TestLeapDays$' -leapdays 1 -seed %d", d.err, d.describe(), again.world.TraceText(), s)
		}
	}
	t.Logf("%d days from seed %d: %d polls, %d answers checked, 0 wrong, %d times none", *leapDays, first, polls, checks, refused)
}

// leapDay is one random leap day with its judge.
type leapDay struct {
	world           *World
	rng             *rand.Rand
	machine         *Machine
	servers         []*Server
	config          MachineConfig
	checks, refused int
	err             error
}

func newLeapDay(seed uint64) *leapDay {
	w := NewWorld(seed)
	d := &leapDay{world: w, rng: rand.New(rand.NewPCG(seed, 3))}
	r := d.rng
	w.StartAt(truetime.FromStd(midnight.Add(-24*time.Hour - time.Duration(r.Int64N(int64(6*time.Hour))))))
	if leap := r.IntN(3) - 1; leap != 0 {
		w.LeapSecond(midnight, leap)
	}
	n := 1 + r.IntN(6)
	scales := []truetime.Scale{
		truetime.ScaleUTC, truetime.ScaleUTC, truetime.ScaleUTCSmeared, truetime.ScaleUTCSmeared, truetime.ScaleTAI,
	}
	one := r.IntN(2*len(scales)) - len(scales) // half of the time all serve one scale
	claim := time.Duration(1 + r.Int64N(int64(5*time.Millisecond)))
	for i := range n {
		s := w.NewServer(fmt.Sprintf("s%d", i), Honest(claim))
		scale := scales[r.IntN(len(scales))]
		if one >= 0 {
			scale = scales[one]
		}
		s.Serve(scale)
		d.servers = append(d.servers, s)
		d.config.Sources = append(d.config.Sources, Link{Server: s, Path: Symmetric(Leg{Spread: claim})})
	}
	for i := range r.IntN((n-1)/2 + 1) {
		d.betray(i, scales[r.IntN(len(scales))], claim)
	}
	if r.IntN(3) == 0 && n > 2 { // 3 of a group of 4 are right, and it has one more vote
		for i := range 4 {
			s := w.NewServer(fmt.Sprintf("g%d", i), Honest(claim))
			d.servers = append(d.servers, s)
			d.config.Sources = append(d.config.Sources, Link{Server: s, Path: LAN(), Group: "group"})
		}
		d.betray(n+r.IntN(4), scales[r.IntN(len(scales))], claim)
	}
	d.config.Oscillator = []Oscillator{Constant(200), Constant(-200), Wandering(0.1, 10)}[r.IntN(3)]
	d.config.Poll = time.Duration(16+r.IntN(200)) * time.Second
	if r.IntN(4) == 0 {
		d.config.Oscillator, d.config.MaxWander = Wandering(0.1, 10), 101
	}
	if r.IntN(3) > 0 {
		d.config.TableUntil = truetime.FromStd(midnight.AddDate(0, 0, -28))
	}
	declareDistances(rand.New(rand.NewPCG(seed, 4)), d.config.Sources, 400*time.Millisecond)
	d.machine = w.NewMachine("m", d.config)
	for range r.IntN(3) {
		d.plan()
	}
	w.observe = func(*Machine) { d.check() }
	d.watch()
	return d
}

// betray makes a server a liar, or one that is declared wrongly.
func (d *leapDay) betray(i int, scale truetime.Scale, claim time.Duration) {
	all := []Behavior{
		WrongLeap(claim), WrongLeap(claim), DeniesLeap(claim), Offset(time.Second, claim), Offset(-time.Second, claim),
		Offset(500*time.Millisecond, claim), Edge(true, claim), Pull(time.Microsecond, claim), Dead(), nil,
		Turncoat(Honest(claim), 24*time.Hour, Offset(time.Second, claim)), Anywhere(2*time.Second, claim),
	}
	if b := all[d.rng.IntN(len(all))]; b != nil {
		d.servers[i].Become(liar{b})
		if d.rng.IntN(2) == 0 {
			d.servers[i].Serve(truetime.ScaleUTC) // those who smear announce nothing
		}
		return
	}
	d.servers[i].Become(liar{Honest(claim)})
	d.config.Sources[i].Declared = &scale
}

// liar is no honest behaviour, whatever it does.
type liar struct{ Behavior }

// plan draws something that happens, most often where it matters.
func (d *leapDay) plan() {
	r := d.rng
	at := time.Duration(r.Int64N(int64(46 * time.Hour)))
	if r.IntN(2) == 0 {
		at = midnight.Sub(d.world.start.Std()) + []time.Duration{-12 * time.Hour, 0, 12 * time.Hour}[r.IntN(3)] + time.Duration(r.Int64N(int64(10*time.Minute))) - 5*time.Minute
	}
	long := time.Duration(r.Int64N(int64(time.Hour)))
	kind := r.IntN(5)
	d.world.In(max(at, time.Second), func() {
		switch kind {
		case 0:
			d.machine.Restart()
		case 1:
			d.machine.Suspend(long)
		case 2:
			d.machine.Restore(long, true)
		default:
			for _, s := range d.servers {
				d.machine.Cut(s, 3*long)
			}
		}
	})
}

func (d *leapDay) run() {
	end := midnight.Add(20 * time.Hour).Sub(d.world.start.Std())
	for d.err == nil && d.world.Elapsed() < end {
		d.world.Run(time.Minute)
	}
}

func (d *leapDay) check() {
	if d.err != nil || d.machine.Disturbed() || d.machine.engine == nil {
		return
	}
	d.checks++
	if _, err := d.machine.Now(); err != nil {
		d.refused++
	}
	d.err = d.machine.Check()
}

// watch checks everything again and again, every second around midnight.
func (d *leapDay) watch() {
	d.check()
	if d.machine.engine != nil && !d.machine.Disturbed() && d.err == nil {
		for i, source := range d.machine.Status().Sources {
			if d.servers[i].Honest() && (source.Verdict == truetime.Convicted || source.Verdict == truetime.Falseticker) {
				d.err = fmt.Errorf("seed %d, at %v: honest %s is called %v", d.world.seed, d.world.Now(), source.Name, source.Verdict)
			}
		}
	}
	wait := time.Duration(d.rng.Int64N(int64(10 * time.Minute)))
	if d.world.Now().Sub(truetime.FromStd(midnight)).Abs() < time.Minute {
		wait = time.Duration(d.rng.Int64N(int64(2 * time.Second)))
	}
	d.world.In(wait, d.watch)
}

func (d *leapDay) describe() string {
	text := fmt.Sprintf("leap seconds %v, table until %v, poll %v", d.world.leaps, d.config.TableUntil, d.config.Poll)
	for i, s := range d.servers {
		l := d.config.Sources[i]
		text += fmt.Sprintf("\n  %s serves %v, declared %v, honest %v: %T %+v", s.name, s.scale, l.declared(), s.Honest(), s.behavior, s.behavior)
	}
	return text
}

func TestEqualSeedsMakeEqualLeapDays(t *testing.T) {
	if race.Enabled {
		t.Skip("two whole days: too slow under the race detector, which sees the same code in TestLeapDays")
	}
	t.Parallel()
	story := func() string {
		d := newLeapDay(7)
		d.world.Trace(1000)
		d.run()
		require.NoError(t, d.err)
		return d.world.TraceText()
	}
	require.Equal(t, story(), story())
}
