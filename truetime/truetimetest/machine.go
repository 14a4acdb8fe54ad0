package truetimetest

import (
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/epsilontime/epsilon/internal/distance"
	"github.com/epsilontime/epsilon/internal/line"
	"github.com/epsilontime/epsilon/monotonic"
	"github.com/epsilontime/epsilon/truetime"
	"github.com/epsilontime/epsilon/truetime/internal/discipline"
	"github.com/epsilontime/epsilon/truetime/internal/engine"
	"github.com/epsilontime/epsilon/truetime/internal/journal"
	"github.com/epsilontime/epsilon/truetime/internal/reporting"
)

// Machine is a computer of a world, with a clock of its own. It has the Now, After and Before of
// [truetime.Clock].
type Machine struct {
	name    string
	index   int
	world   *World
	config  MachineConfig
	rng     *rand.Rand
	counter counter
	links   []*link

	engine    *engine.Engine
	setup     engine.Config // that it was made of
	answer    engine.Answer
	lasting   lasting
	drift     discipline.Drift // as declared
	life      int              // counts the starts of its process, so that events of an earlier one are void
	lookPlan  instant
	asleep    bool // paused, suspended or being restored: nothing runs
	frozen    bool // and the counter stands still
	later     []func()
	disturbed string // what has happened to the counter that the next look will see
	unnoticed bool   // the counter is wrong, and no look will see why
	marker    bool   // and Now sees it at once
	epoch     uint64
	earliest  truetime.Time // in this epoch, as Check has seen it

	earliestTAI truetime.TAI
}

// link is a Link in use.
type link struct {
	Link
	index   int
	claim   distance.Claim    // what is declared of the way
	record  distance.Record   // and whether that was disproved
	unused  error             // why the last sample was not used; nil if it was
	timer   int               // the present plan; older ones are void
	planned bool              // there is one
	due     monotonic.Instant // for when
	cut     instant           // until when nothing gets through
	serial  int               // of the exchange under way; 0 if there is none
	count   int               // of exchanges
	kept    *engine.Reply     // the last one, if the link keeps it
}

// NewMachine adds a machine whose clock begins at once. It panics if the configuration makes no
// sense, since that is a mistake in a test.
func (w *World) NewMachine(name string, config MachineConfig) *Machine {
	if mistake := config.mistake(); mistake != "" {
		panic("truetimetest: machine " + name + ": " + mistake)
	}
	w.lock()
	defer w.mu.Unlock()
	m := &Machine{name: name, index: len(w.machines), world: w, config: config}
	m.rng = rand.New(rand.NewPCG(w.seed, uint64(m.index)+1))
	if config.Oscillator == nil {
		config.Oscillator = Constant(0)
	}
	m.counter = counter{
		oscillator: config.Oscillator,
		rng:        rand.New(rand.NewPCG(w.seed, math.MaxUint64-uint64(m.index))),
		origin:     int64(config.Counter) - int64(w.now/nanosecond),
		tick:       int64(max(config.CounterTick, 1)),
	}
	m.counter.start(w.now)
	w.machines = append(w.machines, m)
	m.begin()
	return m
}

// begin starts the machine's process.
func (m *Machine) begin() {
	c := m.config
	m.life++
	m.epoch, m.links, m.lookPlan = 0, nil, forever
	setup, _ := c.choices().Config() // NewMachine has checked it
	m.drift = setup.Discipline.Counter.Drift
	setup.Discipline.Counter = m.counterSpec()
	setup.Seed, setup.Now, setup.Table = m.rng.Uint64(), m.read(), m.world.table(c.TableUntil)
	m.engine, m.setup, m.lasting = engine.New(setup), setup, lasting{}
	m.answer = m.engine.Answer(setup.Now, uint64(setup.Now), line.Nanoseconds) // a refusal
	m.record(func() []byte { return journal.Begin(setup, m.names()) })
	for i, l := range c.Sources {
		claim, _ := l.claim() // NewMachine has checked it
		m.links = append(m.links, &link{Link: l, index: i, claim: claim})
	}
	m.replan()
}

// record adds lines to the journal, if there is one.
func (m *Machine) record(lines func() []byte) {
	if m.config.Recorder != nil {
		_, _ = m.config.Recorder.Write(lines())
	}
}

func (m *Machine) names() (names []string) {
	for _, l := range m.config.Sources {
		names = append(names, l.Server.name)
	}
	return names
}

func (m *Machine) counterSpec() discipline.CounterSpec {
	return discipline.CounterSpec{Drift: m.drift, Resolution: m.counter.tick}
}

// Name returns the machine's name.
func (m *Machine) Name() string { return m.name }

// Counter returns what the machine's counter reads.
func (m *Machine) Counter() monotonic.Instant {
	m.world.lock()
	defer m.world.mu.Unlock()
	return m.read()
}

func (m *Machine) read() monotonic.Instant {
	return monotonic.Instant(m.counter.read(m.world.now))
}

// Now returns what the machine's clock answers, with the errors of [truetime.Clock.Now]. It does not change the
// world. While the machine is suspended or being restored it refuses: no program runs there that could ask.
func (m *Machine) Now() (truetime.Interval, error) {
	m.world.lock()
	defer m.world.mu.Unlock()
	return m.answerNow()
}

func (m *Machine) answerNow() (truetime.Interval, error) {
	if (m.marker || m.frozen) && m.answer.Err == nil {
		return truetime.Interval{}, truetime.ErrNotSynchronized // frozen: nothing that could ask runs on such a machine
	}
	earliest, latest, err := m.answer.At(uint64(m.read()))
	return truetime.Interval{Earliest: truetime.Time(earliest), Latest: truetime.Time(latest)}, err
}

// After reports whether t has certainly passed. It is false while the clock has no answer.
func (m *Machine) After(t truetime.Time) bool {
	i, err := m.Now()
	return err == nil && i.After(t)
}

// Before reports whether t has certainly not arrived. It is false while the clock has no answer.
func (m *Machine) Before(t truetime.Time) bool {
	i, err := m.Now()
	return err == nil && i.Before(t)
}

// Disturbed reports whether something has happened to the machine's counter that its clock cannot
// know of yet. Until it does its answers may be wrong.
func (m *Machine) Disturbed() bool {
	m.world.lock()
	defer m.world.mu.Unlock()
	return m.frozen || m.disturbed != "" || m.unnoticed
}

// Check reads the clock and returns an error if the answer does not contain true time, to the
// picosecond, or if Earliest has gone back within an epoch; in smeared UTC or in TAI, in what Now says or in what other
// processes of the machine would be told. A refusal is no error.
func (m *Machine) Check() error {
	m.world.lock()
	defer m.world.mu.Unlock()
	i, err := m.answerNow()
	if err != nil {
		return nil
	}
	w := m.world
	if floor, ceil := w.shown(truetime.ScaleUTCSmeared); i.Earliest > floor || i.Latest < ceil {
		return fmt.Errorf("seed %d, %s after %v: true time %v is not in %v: it is wrong by %v", w.seed, m.name, w.elapsed(), w.truth(), i, max(i.Earliest.Sub(w.truth()), w.truth().Sub(i.Latest)))
	}
	if m.epoch == m.answer.Epoch && i.Earliest < m.earliest {
		return fmt.Errorf("seed %d, %s after %v: Earliest went back from %v to %v", w.seed, m.name, w.elapsed(), m.earliest, i.Earliest)
	}
	if m.epoch != m.answer.Epoch {
		m.earliestTAI = math.MinInt64
	}
	m.epoch, m.earliest = m.answer.Epoch, i.Earliest
	if err := m.checkLasting(); err != nil {
		return err
	}
	return m.checkTAI()
}

// NowTAI returns what the machine's clock answers in TAI, with the errors of [truetime.Clock.NowTAI].
func (m *Machine) NowTAI() (truetime.TAIInterval, error) {
	m.world.lock()
	defer m.world.mu.Unlock()
	return m.answerTAI()
}

func (m *Machine) answerTAI() (truetime.TAIInterval, error) {
	if (m.marker || m.frozen) && m.answer.Err == nil {
		return truetime.TAIInterval{}, truetime.ErrNotSynchronized
	}
	earliest, latest, err := m.answer.TAI(uint64(m.read()))
	return truetime.TAIInterval{Earliest: truetime.TAI(earliest), Latest: truetime.TAI(latest)}, err
}

func (m *Machine) checkTAI() error {
	i, err := m.answerTAI()
	if err != nil {
		return nil
	}
	w := m.world
	if floor, ceil := w.shown(truetime.ScaleTAI); i.Earliest > truetime.TAI(floor) || i.Latest < truetime.TAI(ceil) {
		return fmt.Errorf("seed %d, %s after %v: TAI %v is not in %v", w.seed, m.name, w.elapsed(), truetime.TAI(floor), i)
	}
	if i.Earliest < m.earliestTAI {
		return fmt.Errorf("seed %d, %s after %v: Earliest in TAI went back from %v to %v", w.seed, m.name, w.elapsed(), m.earliestTAI, i.Earliest)
	}
	m.earliestTAI = i.Earliest
	return nil
}

// Status reports on the clock as [truetime.Clock.Status] does, as far as a simulation has what it
// reports.
func (m *Machine) Status() truetime.Status {
	m.world.lock()
	defer m.world.mu.Unlock()
	_, err := m.answerNow()
	if m.engine == nil {
		return truetime.Status{State: truetime.Closed, Err: err}
	}
	var published *engine.Answer
	if m.answer.Err == nil && !m.marker {
		published = &m.answer
	}
	now := m.read()
	s := reporting.Status(m.engine.Report(now, published, uint64(now)), m.names()).(truetime.Status)
	s.Err, s.Counter = err, "simulated"
	for i, l := range m.links {
		s.Sources[i].Group, s.Sources[i].Scale = l.Group, l.declared()
		if l.unused != nil {
			s.Sources[i].Err = l.unused
		}
	}
	return s
}
