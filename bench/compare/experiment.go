package main

import (
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/epsilontime/epsilon/truetime"
	"github.com/epsilontime/epsilon/truetime/truetimetest"
)

// experiment is one block of the table: a network, a poll, and what one of four servers does.
type experiment struct {
	rtt, poll time.Duration
	liar      liar
	seed      uint64
	span      time.Duration

	// adapt lets the liar look at each of our machines by itself. Samples are then identical only among
	// those who do not stand to be compared: it is for finding wrong answers.
	adapt bool
}

// readEvery is the time between two reads of every clock, which beats with no poll.
const readEvery = 487 * time.Millisecond

// series is what one contender answered at every read.
type series struct {
	eps   []time.Duration // half the width; 0 where there was no answer
	wrong int             // answers without true time
	none  int             // reads without an answer
}

func (s *series) add(i truetime.Interval, ok bool, truth truetime.Time) {
	if !ok {
		s.none++
		s.eps = append(s.eps, 0)
		return
	}
	if !i.Contains(truth) {
		s.wrong++
	}
	s.eps = append(s.eps, max(i.Uncertainty(), 1))
}

// result is what came of an experiment, in the order of the contenders.
type result struct {
	experiment
	samples int
	series  [len(contenders)]series
}

// heard is a sample as a machine took it in.
type heard struct {
	source int
	sample truetime.Sample
}

// run lets every contender answer on identical samples. A machine of the world runs one discipline, so
// the same world is run again for each of ours: the same seed makes the same oscillator, delays and
// polls, as long as no server's answer depends on the discipline. What the liar said in the first of
// these worlds is therefore said in the others word for word. That the samples are the same is checked
// one by one.
func (e experiment) run() (result, error) {
	r := result{experiment: e}
	var first *world
	for i, c := range contenders {
		if c.fed != nil {
			continue
		}
		w := e.newWorld(c, first)
		if first == nil {
			w.feed()
		}
		w.watch(&r, i)
		w.Run(e.span)
		if first == nil {
			first, r.samples = w, len(w.heard)
			continue
		}
		if err := identical(first.heard, w.heard); err != nil && !e.adapt {
			return r, fmt.Errorf("seed %d, round trip %v, poll %v, liar %s: %s: %w", e.seed, e.rtt, e.poll, e.liar.name, c.name, err)
		}
	}
	return r, nil
}

// measured is a sample without what its machine was told of the distance.
func measured(s truetime.Sample) truetime.Sample {
	s.Latest, s.Earliest, s.MinDelay = s.Latest.Add(s.MinDelay), s.Earliest.Add(-s.MinDelay), 0
	return s
}

func identical(a, b []heard) error {
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return fmt.Errorf("sample %d is %+v and was %+v: not the same experiment", i, b[i], a[i])
		}
	}
	if len(a) != len(b) {
		return fmt.Errorf("%d samples and there were %d: not the same experiment", len(b), len(a))
	}
	return nil
}

// world is one run of an experiment.
type world struct {
	*truetimetest.World
	machine *truetimetest.Machine
	heard   []heard
	lies    *tape
	rules   [len(contenders)]rule // those that are fed
}

const servers = 4

// shortest is the part of a round trip that either way of a route takes at least: a fifth. If that was
// a cable without a bend, light would take 1/1.47 of it for the distance, as it is slower in glass.
// Such a machine is told the distance and nothing of the cable, and of a liar it is told nothing.
const (
	shortest   = 0.2
	refraction = 1.47
	lightSpeed = 299_792.458 // km/s
)

// distance is how far away servers are, in kilometres.
func (e experiment) distance() float64 { return shortest * e.rtt.Seconds() / refraction * lightSpeed }

// newWorld makes four servers of which one may lie, one-way delays of which a third to two thirds are
// the route's, another one each way, and the rest is queueing with a long tail, and a counter that is
// fast by 20 ppm, in a room with air conditioning, beside a processor that is now busy and now idle. Its
// rate never changes by more than 9 ppb per second, so both wanders that are assumed of it are true. The
// liar says what it said in the first world, if there is one.
func (e experiment) newWorld(c contender, first *world) *world {
	w := &world{World: truetimetest.NewWorld(e.seed)}
	route := rand.New(rand.NewPCG(e.seed, uint64(e.rtt)))
	leg := func() truetimetest.Leg {
		return truetimetest.Leg{Base: time.Duration((shortest + 0.2*route.Float64()) * float64(e.rtt)), Jitter: e.rtt / 5}
	}
	config := truetimetest.MachineConfig{
		Oscillator: truetimetest.Sum(
			truetimetest.Constant(20),
			truetimetest.Sinusoid(0, 0.05, 15*time.Minute),
			truetimetest.Thermal(0, 0.3, 10*time.Minute, time.Minute),
			truetimetest.RandomWalk(0, 0.003, 5)),
		Poll:      e.poll,
		MaxPoll:   e.poll,
		Burst:     1,
		DriftPPM:  c.drift,
		MaxWander: c.wander,
		Samples: func(source int, s truetime.Sample) {
			w.heard = append(w.heard, heard{source, measured(s)})
			for _, r := range w.rules {
				if r != nil {
					r.take(source, s)
				}
			}
		},
	}
	for i := range servers {
		// Up to four fifths of what it claims, always the same.
		honest := truetimetest.Steady(time.Duration((1.6*route.Float64()-0.8)*float64(claim)), claim)
		link := truetimetest.Link{Server: w.NewServer(fmt.Sprint(i), honest), Path: truetimetest.Path{There: leg(), Back: leg()}}
		if i == servers-1 && e.liar.behave != nil {
			w.lies = &tape{Behavior: e.liar.behave(e.rtt)}
			if first != nil && !e.adapt {
				w.lies.said, w.lies.replay = first.lies.said, true
			}
			link.Server.Become(w.lies)
			if e.liar.near {
				link.Path = truetimetest.Symmetric(truetimetest.Leg{Base: e.rtt / 50})
			}
		}
		if c.far && (i < servers-1 || e.liar.behave == nil) {
			link.Distance = e.distance()
		}
		config.Sources = append(config.Sources, link)
	}
	w.machine = w.NewMachine("m", config)
	return w
}

// feed has all rules that are written here take the machine's samples.
func (w *world) feed() {
	for i, c := range contenders {
		if c.fed != nil {
			w.rules[i] = c.fed(servers)
		}
	}
}

// watch reads every clock there is in this world again and again. The first read is after a while, when all
// servers have been heard.
func (w *world) watch(r *result, machine int) {
	w.In(readEvery, func() {
		truth, counter := w.Now(), w.machine.Counter()
		for i, rule := range w.rules {
			if rule != nil {
				answer, ok := rule.at(counter)
				r.series[i].add(answer, ok, truth)
			}
		}
		answer, err := w.machine.Now()
		r.series[machine].add(answer, err == nil, truth)
		w.watch(r, machine)
	})
}
