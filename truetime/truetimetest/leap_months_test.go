package truetimetest

import (
	"bytes"
	"flag"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/epsilontime/epsilon/internal/testing/race"
	"github.com/epsilontime/epsilon/truetime"
	"github.com/epsilontime/epsilon/truetime/internal/journal"
)

var leapMonths = flag.Int("leapmonths", race.Count(2, 1), "how many random ends of months to run")

// longMonths is one of how many of these worlds lasts for a summer, with the ends of three months in it.
const longMonths = 25

// As TestLeapDays, with what that leaves out: several months in one world, tables that expire in the midst of it or long
// ago, PTP that changes its offset late or early, sources without a vote, that announce
// nothing, or that answer from time to time, other servers under the same name, polls from 5 s to hours, coarse counters,
// liars who pretend a leap second in all they show and say, and machines that are restored without notice. Besides, an
// epoch does not end for a contradiction unless there was such a restore, and a journal replays to the nanosecond.
func TestLeapMonths(t *testing.T) {
	t.Parallel()
	first := *seed
	if first == 0 {
		first = rand.Uint64()
	}
	var lasted time.Duration
	polls, checks, refused, replayed := 0, 0, 0, 0
	for i := range *leapMonths {
		s := first + uint64(i)
		d := newLeapMonth(s)
		d.run()
		lasted += d.world.Elapsed()
		polls, checks, refused = polls+d.world.polls, checks+d.checks, refused+d.refused
		if d.err == nil && d.config.Recorder != nil {
			d.err = d.replay()
			replayed++
		}
		if d.err != nil {
			again := newLeapMonth(s)
			again.world.Trace(60)
			again.run()
			t.Fatalf("%v\n%s\n\n%s\n\nthe same world again: go test ./truetime/truetimetest -run '^TestLeapMonths$' -leapmonths 1 -seed %d", d.err, d.describe(), again.world.TraceText(), s)
		}
	}
	t.Logf("%d worlds from seed %d, %.0f days: %d polls, %d answers checked, 0 wrong, %d times none, %d replayed", *leapMonths, first, lasted.Hours()/24, polls, checks, refused, replayed)
}

// leapMonth is one random world with its judge.
type leapMonth struct {
	leapDay
	end      time.Duration
	epoch    uint64
	months   []time.Time // at whose beginnings a leap second is possible
	unmarked bool        // the machine was restored without notice
	lines    bytes.Buffer
}

func newLeapMonth(seed uint64) *leapMonth {
	w := NewWorld(seed)
	d := &leapMonth{}
	d.world, d.rng = w, rand.New(rand.NewPCG(seed, 4))
	r := d.rng
	long := r.IntN(longMonths) == 0
	months := []time.Time{midnight, midnight.AddDate(0, 1, 0), midnight.AddDate(0, 2, 0)}
	var start time.Time
	at := months[0]
	if long {
		start = midnight.Add(-24*time.Hour - time.Duration(r.Int64N(int64(12*24*time.Hour))))
		d.end = time.Duration(30+r.IntN(55)) * 24 * time.Hour
	} else {
		start = at.Add(-24*time.Hour - time.Duration(r.Int64N(int64(3*time.Hour))))
		d.end = at.Sub(start) + time.Duration(r.Int64N(int64(30*time.Hour)))
	}
	w.StartAt(truetime.FromStd(start))
	for _, m := range months {
		if leap := r.IntN(3) - 1; leap != 0 && (long || m == at) {
			w.LeapSecond(m, leap)
		}
		if long || m == at {
			d.months = append(d.months, m)
		}
	}
	d.ask(at)
	d.behave(at, start, long)
	d.machine = w.NewMachine("m", d.config)
	events := r.IntN(4)
	if long {
		events *= 6
	}
	for range events {
		d.planMonth()
	}
	w.observe = func(*Machine) { d.look() }
	d.watchMonth()
	return d
}

var monthScales = []truetime.Scale{
	truetime.ScaleUTC, truetime.ScaleUTC, truetime.ScaleUTCSmeared, truetime.ScaleUTCSmeared, truetime.ScaleTAI, truetime.ScaleTAI,
}

// ask adds the servers, at most f of whose voters lie.
func (d *leapMonth) ask(at time.Time) {
	r, scales := d.rng, monthScales
	n := 1 + r.IntN(6)
	one := r.IntN(2*len(scales)) - len(scales) // half of the time all serve one scale
	claim := time.Duration(1 + r.Int64N(int64(5*time.Millisecond)))
	if r.IntN(8) == 0 {
		claim = time.Duration(1 + r.Int64N(int64(2*time.Second)))
	}
	flaky := r.IntN(4) == 0
	add := func(name, group string) int {
		scale := scales[r.IntN(len(scales))]
		if one >= 0 {
			scale = scales[one]
		}
		return d.addServer(name, group, claim, flaky, scale)
	}
	for i := range n {
		add(fmt.Sprintf("s%d", i), "")
	}
	liars := r.IntN((n-1)/2 + 1)
	pretend := r.IntN(3) == 0
	for i := range liars {
		d.betray(i, scales[r.IntN(len(scales))], claim)
		if pretend {
			d.servers[i].Become(liar{pretends{claim, at, []time.Duration{-time.Second, time.Second}[r.IntN(2)], r.IntN(2) == 0}})
			d.config.Sources[i].Declared = nil
		}
	}
	if r.IntN(3) == 0 && n > 2 { // 3 of a group of 4 are right, and it has one more vote
		for i := range 4 {
			add(fmt.Sprintf("g%d", i), "group")
		}
		d.betray(n+r.IntN(4), scales[r.IntN(len(scales))], claim)
	}
	if r.IntN(4) == 0 {
		for i := range 1 + r.IntN(3) {
			last := add(fmt.Sprintf("x%d", i), "")
			d.config.Sources[last].noVote = true
			if r.IntN(2) == 0 {
				d.betray(last, scales[r.IntN(len(scales))], claim)
			}
		}
	}
	if liars == 0 && r.IntN(4) == 0 {
		d.config.Faulty = -1
	}
}

func (d *leapMonth) addServer(name, group string, claim time.Duration, flaky bool, scale truetime.Scale) int {
	r := d.rng
	var b Behavior = Honest(claim)
	if flaky {
		b = Silent(b, 1-r.Float64())
	}
	if r.IntN(6) == 0 {
		b = quietly{b}
	}
	s := d.world.NewServer(name, b)
	s.Serve(scale)
	if r.IntN(2) == 0 {
		s.lag = time.Duration(r.Int64N(int64(32*time.Second))) - 16*time.Second
	}
	if r.IntN(2) == 0 {
		s.peer = name
	}
	d.servers = append(d.servers, s)
	d.config.Sources = append(d.config.Sources, Link{Server: s, Path: Symmetric(Leg{Spread: min(claim, 20*time.Millisecond), Loss: []float64{0, 0, 0.1}[r.IntN(3)]}), Group: group})
	return len(d.servers) - 1
}

// behave draws what is true of the machine.
func (d *leapMonth) behave(at, start time.Time, long bool) {
	r := d.rng
	d.config.Oscillator = []Oscillator{Constant(200), Constant(-200), Wandering(0.1, 10), Extreme(200)}[r.IntN(4)]
	d.config.CounterTick = []time.Duration{1, 1, 100, 1000, time.Millisecond, 10 * time.Millisecond}[r.IntN(6)]
	d.config.Latency = []time.Duration{0, 0, time.Millisecond, time.Second}[r.IntN(4)]
	d.config.Poll = []time.Duration{time.Duration(16+r.IntN(200)) * time.Second, time.Duration(1+r.IntN(60)) * time.Minute, time.Duration(1+r.IntN(20)) * time.Hour, 5 * time.Second}[r.IntN(4)]
	if long {
		d.config.Poll = max(d.config.Poll, 2*time.Minute)
	}
	d.config.MaxPoll = d.config.Poll * time.Duration(1+r.IntN(10))
	if r.IntN(3) == 0 {
		d.config.Oscillator = Wandering(0.1, 10)
		if r.IntN(2) == 0 {
			d.config.MaxWander = 101
		} else {
			d.config.RateStability = 21
		}
	}
	switch r.IntN(6) {
	case 0:
	case 1:
		d.config.TableUntil = truetime.FromStd(at.Add(-time.Duration(r.Int64N(int64(24 * time.Hour)))))
	case 2:
		d.config.TableUntil = truetime.FromStd(start.Add(time.Duration(r.Int64N(int64(d.end)))))
	case 3:
		d.config.TableUntil = truetime.FromStd(midnight.AddDate(0, -5, 0))
	default:
		d.config.TableUntil = truetime.FromStd(midnight.AddDate(0, 0, -28))
	}
	if !long && r.IntN(10) == 0 {
		d.config.Recorder = &d.lines
	}
}

func (d *leapMonth) planMonth() {
	r := d.rng
	at := time.Duration(r.Int64N(int64(d.end)))
	if r.IntN(3) > 0 {
		c := d.months[r.IntN(len(d.months))]
		spread := []time.Duration{time.Minute, 10 * time.Minute, 24 * time.Hour}[r.IntN(3)]
		at = c.Sub(d.world.start.Std()) + []time.Duration{-12 * time.Hour, 0, 0, 12 * time.Hour}[r.IntN(4)] + time.Duration(r.Int64N(int64(spread))) - spread/2
	}
	if at < time.Second || at > d.end {
		return
	}
	long := []time.Duration{time.Second, time.Minute, time.Hour, 20 * time.Hour}[r.IntN(4)]
	long = time.Duration(r.Int64N(int64(long)))
	kind := r.IntN(9)
	some := r.IntN(len(d.servers))
	d.world.In(at, func() {
		switch kind {
		case 0, 1:
			d.machine.Restart()
		case 2:
			d.machine.Suspend(long)
		case 3:
			d.machine.Restore(long, true)
		case 4:
			d.unmarked = true
			d.machine.Restore(min(long, time.Minute), false)
		case 5:
			d.machine.Pause(long)
		case 6:
			for _, s := range d.servers {
				s.peer = s.name + s.peer
			}
		case 7:
			d.machine.Cut(d.servers[some], long)
		default:
			for _, s := range d.servers {
				d.machine.Cut(s, long)
			}
		}
	})
}

func (d *leapMonth) run() {
	for d.err == nil && d.world.Elapsed() < d.end {
		d.world.Run(time.Minute)
	}
}

func (d *leapMonth) look() {
	d.check()
	if d.machine.engine == nil {
		return
	}
	e := d.machine.engine.Discipline()
	if e.Epoch() == d.epoch {
		return
	}
	reason := e.LastDisruption().Reason
	if d.epoch = e.Epoch(); d.epoch > 1 && !d.unmarked && (strings.Contains(reason, "voters") || strings.Contains(reason, "rate changes")) {
		d.err = fmt.Errorf("seed %d, at %v: the epoch has ended for no reason: %s", d.world.seed, d.world.Now(), reason)
	}
}

// replay replays the journals of all processes.
func (d *leapMonth) replay() error {
	begin := strings.SplitAfter(d.lines.String(), "\n")[0]
	for _, j := range strings.Split(d.lines.String(), begin)[1:] {
		if err := journal.Replay(strings.NewReader(begin+j), nil); err != nil {
			return fmt.Errorf("seed %d: %w", d.world.seed, err)
		}
	}
	return nil
}

func (d *leapMonth) watchMonth() {
	d.look()
	if d.machine.engine != nil && !d.machine.Disturbed() && d.err == nil {
		for i, source := range d.machine.Status().Sources {
			if d.servers[i].Honest() && !(d.config.Sources[i].noVote && d.machine.engine.CountsSmeared()) && (source.Verdict == truetime.Convicted || source.Verdict == truetime.Falseticker) {
				d.err = fmt.Errorf("seed %d, at %v: honest %s is called %v", d.world.seed, d.world.Now(), source.Name, source.Verdict)
			}
		}
	}
	wait := time.Duration(d.rng.Int64N(int64(10 * time.Minute)))
	for _, c := range d.months {
		if d.world.Now().Sub(truetime.FromStd(c)).Abs() < time.Minute {
			wait = time.Duration(d.rng.Int64N(int64(2 * time.Second)))
		}
	}
	d.world.In(wait, d.watchMonth)
}
