package truetimetest

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/internal/testing/race"
	"github.com/epsilontime/epsilon/truetime"
	"github.com/epsilontime/epsilon/truetime/internal/engine"
	"github.com/epsilontime/epsilon/truetime/internal/journal"
	"github.com/epsilontime/epsilon/truetime/internal/snapshot"
)

// pilot is a machine's Recorder that keeps the last part of the journal, and now and then writes down the
// machine's state.
type pilot struct {
	*testing.T
	seed     uint64
	rng      *rand.Rand
	span     time.Duration
	every    int // calls of the engine, one is compared
	machine  *Machine
	engine   *engine.Engine // of the present life
	flight   journal.Flight
	compared comparison
	steps    int // that were replayed
}

// fly has a machine recorded, from a restart on.
func fly(t *testing.T, seed uint64, m *Machine, span time.Duration, every int, compared comparison) *pilot {
	p := &pilot{T: t, seed: seed, rng: rand.New(rand.NewPCG(seed, 5)), span: span, every: every, machine: m, compared: compared}
	m.config.Recorder = p
	m.Restart()
	return p
}

func (p *pilot) Write(lines []byte) (int, error) {
	if m := p.machine; p.engine != m.engine { // it was restarted
		p.land()
		p.engine, p.flight = m.engine, journal.Flight{}
		p.flight.Begin(p.span, m.read(), func() []byte { return journal.BeginLate(m.setup, m.names(), m.engine) })
		return len(lines), nil
	}
	p.flight.Record(p.machine.read(), lines)
	if p.rng.IntN(p.every) == 0 {
		p.requireRestored()
	}
	return len(lines), nil
}

// requireRestored requires that an engine that is made from what is written of the machine's is the same.
func (p *pilot) requireRestored() {
	setup := p.machine.setup
	setup.Table = p.engine.Table()
	restored, lines := engine.New(setup), strings.Split(string(snapshot.Write(p.engine.Fields)), "\n")
	require.NoError(p, snapshot.Read(func() (string, error) {
		line := lines[0]
		lines = lines[1:]
		return line, nil
	}, restored.Fields), "seed %d", p.seed)
	require.Equal(p, []string{""}, lines, "all has been read")
	p.requireSame(restored, notState)
}

func (p *pilot) requireSame(other *engine.Engine, but []string) {
	require.Empty(p, p.compared.differences("engine", reflect.ValueOf(p.engine), reflect.ValueOf(other), but), "seed %d", p.seed)
}

// land requires that what is kept of a life is replayed, up to its very end.
func (p *pilot) land() {
	if p.engine == nil {
		return
	}
	var kept bytes.Buffer
	_, err := p.flight.WriteTo(&kept)
	require.NoError(p, err)
	last := p.engine
	require.NoError(p, journal.Replay(&kept, func(s journal.Step) error { p.steps, last = p.steps+1, s.Engine; return nil }), "seed %d", p.seed)
	p.requireSame(last, append(notRecorded, notState...))
}

// comparison remembers which fields of which structures were not zero: true for these.
type comparison map[string]bool

// notState is what need not be the same: memory that is used anew each time, the answer that was published last, and what is only counted, from
// the beginning of the clock or of what is replayed.
var notState = []string{
	"discipline.Discipline.votes", "discipline.Discipline.members", "discipline.Discipline.inner", "discipline.Discipline.region",
	"discipline.Discipline.marks", "discipline.Discipline.voterMarks",
	"engine.Engine.published", "engine.Engine.answered",
	"discipline.Discipline.ended", "engine.source.outcomes",
}

// notRecorded is what a journal does not have, as no bound follows from it.
var notRecorded = []string{"discipline.breadth.Claim", "discipline.breadth.Delay"}

// differences names what differs, however deep, in fields that nobody exports too, but for some.
func (c comparison) differences(path string, a, b reflect.Value, but []string) (differ []string) {
	if a.Kind() != b.Kind() || a.IsValid() && a.Type() != b.Type() {
		return []string{path}
	}
	same := true
	switch a.Kind() {
	case reflect.Pointer, reflect.Interface:
		if same = a.IsNil() == b.IsNil(); same && !a.IsNil() {
			return c.differences(path, a.Elem(), b.Elem(), but)
		}
	case reflect.Struct:
		for i := range a.NumField() {
			field := a.Type().Field(i).Name
			name := a.Type().String() + "." + field
			if slices.Contains(but, name) {
				continue
			}
			f := a.Field(i)
			c[name] = c[name] || !f.IsZero() && (f.Kind() != reflect.Slice || f.Len() > 0)
			differ = append(differ, c.differences(path+"."+field, f, b.Field(i), but)...)
		}
	case reflect.Slice, reflect.Array:
		if same = a.Len() == b.Len(); same {
			for i := range a.Len() {
				differ = append(differ, c.differences(fmt.Sprintf("%s[%d]", path, i), a.Index(i), b.Index(i), but)...)
			}
		}
	case reflect.Func, reflect.Invalid:
	default:
		same = a.Equal(b)
	}
	if !same {
		differ = append(differ, fmt.Sprintf("%s: %v, %v", path, a, b))
	}
	return differ
}

// In random worlds, on leap days and in whole summers, an engine is written down at random moments and read back: it is
// the same in every field. And what a flight recorder keeps is replayed from its late beginning to the same
// conclusions, and to the same engine.
//
// A field that is forgotten where fields are listed is found here, if it is ever not zero; so in the end each field
// of the engine and of all that belongs to it must have been that. Whoever adds a field lists it in Fields, or
// derives it there.
func TestEnginesAreWrittenDownAndReadBack(t *testing.T) {
	race.Slow(t)
	t.Parallel()
	seen, steps := comparison{}, 0
	for i := range uint64(30) {
		trial := newTrial(i)
		var pilots []*pilot
		for _, m := range trial.machine {
			m.config.TargetUncertainty = time.Duration(i%3) * time.Millisecond
			pilots = append(pilots, fly(t, i, m, time.Duration(1+i%60)*time.Second, 30, seen))
		}
		require.NoError(t, trial.run(), "seed %d", i)
		for _, p := range pilots {
			p.land()
			steps += p.steps
		}
	}
	for i := range uint64(2) {
		i++
		day := newLeapDay(i)
		p := fly(t, i, day.machine, time.Duration(i)*time.Hour, 1000, seen)
		day.run()
		require.NoError(t, day.err, "seed %d", i)
		p.land()
		steps += p.steps
	}
	flyThroughMidnight(t, seen)
	flyTooFast(t, seen)
	flyAllowingForPauses(t, seen)
	require.Greater(t, steps, 1000)
	var unset []string
	for field, set := range seen {
		if !set && !slices.Contains(seldom, field) {
			unset = append(unset, field)
		}
	}
	require.Empty(t, unset, "these have always been zero: add a world in which they are not, to test that they are written down and read")
}

// seldom is what takes more than a world to set.
var seldom = []string{
	"discipline.Facts.Claim", "discipline.Facts.Delay", "discipline.Facts.Pause", // never: facts are kept without them
	"discipline.identities.overflow", // 2017 links
}

// flyThroughMidnight asks whether there is a leap second, before and after it, and a server of another scale than
// declared.
func flyThroughMidnight(t *testing.T, seen comparison) {
	w := NewWorld(1)
	w.StartAt(truetime.FromStd(midnight.Add(-time.Hour)))
	c := MachineConfig{Poll: 16 * time.Second, TableUntil: truetime.FromStd(midnight.AddDate(0, 0, -28)), PlausibleSince: 1}
	for i, scale := range []truetime.Scale{truetime.ScaleUTC, truetime.ScaleUTC, truetime.ScaleUTCSmeared, truetime.ScaleUTCSmeared, truetime.ScaleTAI} {
		s := w.NewServer(fmt.Sprintf("s%d", i), Honest(time.Millisecond))
		s.Serve(scale)
		c.Sources = append(c.Sources, Link{Server: s, Path: LAN()})
	}
	c.Sources[4].Declared = new(truetime.ScaleUTC)
	p := fly(t, 1, w.NewMachine("m", c), 10*time.Minute, 100, seen)
	w.In(80*time.Minute, func() { p.machine.Suspend(10 * time.Second) })
	w.Run(100 * time.Minute)
	p.land()
}

// flyTooFast has a counter that is refused for a while, a server that wishes to be asked less often, one that demands it, and
// one that denies service.
func flyTooFast(t *testing.T, seen comparison) {
	w := NewWorld(2)
	c := MachineConfig{Poll: time.Second}
	for i := range 4 {
		s := w.NewServer(fmt.Sprintf("s%d", i), Honest(time.Microsecond))
		s.peer = s.name
		s.Serve(truetime.ScaleUTCSmeared) // so the engine counts in that
		c.Sources = append(c.Sources, Link{Server: s, Path: LAN()})
	}
	c.Sources[0].Server.WishPoll(4 * time.Second)
	c.Sources[1].Server.Become(Turncoat(Kiss(truetime.ErrSlowDown), 10*time.Second, Honest(time.Microsecond)))
	c.Sources[3].Server.Become(Kiss(truetime.ErrDenied))
	p := fly(t, 2, w.NewMachine("m", c), time.Minute, 20, seen)
	w.In(10*time.Second, func() { p.machine.StepRate(5000) })
	w.In(time.Minute, func() { p.machine.StepRate(-5000) })
	w.Run(10 * time.Minute)
	p.land()
}

// flyAllowingForPauses has a server that gains on the counter as if that had stood still.
func flyAllowingForPauses(t *testing.T, seen comparison) {
	w := NewWorld(3)
	c := MachineConfig{Poll: time.Second, UnseenPause: 200 * time.Millisecond}
	for i := range 3 {
		c.Sources = append(c.Sources, Link{Server: w.NewServer(fmt.Sprintf("s%d", i), Honest(time.Microsecond)), Path: LAN()})
	}
	c.Sources[0].Server.Become(Turncoat(Honest(time.Microsecond), 20*time.Second, Offset(50*time.Millisecond, time.Microsecond)))
	p := fly(t, 3, w.NewMachine("m", c), 10*time.Second, 20, seen)
	w.Run(2 * time.Minute)
	p.land()
}
