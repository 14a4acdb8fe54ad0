package ptpsrc

import (
	"math/rand/v2"
	"time"

	"github.com/epsilontime/epsilon/internal/testing/wallclocktest"
	"github.com/epsilontime/epsilon/internal/wallclock"
	"github.com/epsilontime/epsilon/monotonic"
	"github.com/epsilontime/epsilon/truetime"
)

// scriptedPHC is a host with one PTP hardware clock, in a world where whatever is read takes its
// time. Of every two readings the later one is of a later moment.
type scriptedPHC struct {
	random *rand.Rand
	moment int64         // true time since zero, ns
	zero   truetime.Time // fakeUTC, or trueTAI for a source that serves that
	takes  int64         // the longest that one reading takes, ns

	counterRate, rawRate float64                // against true time
	wall                 wallclocktest.Scripted // against the counter
	tick                 int64                  // how the kernel says that it steers the wall clock; 0: it does not say
	between              func()                 // happens between asking that and reading the clocks; may be nil
	orders               []string               // in which the clocks were read

	// The device is wrong by bias, and by up to noise more at each reading, and counts ahead of
	// UTC.
	bias, noise, ahead time.Duration
	stepAt             int // the device is set by stepBy at this reading of it; 0: never
	stepBy             time.Duration
	deviceReadings     int

	bounds             []time.Duration // what the driver says at each question
	boundErr           error
	preciseErr, rawErr error // instead of a reading
	wallErr, readErr   error
	openErr            error
	spoil              func([]phcStamp) // what the kernel hands out
	strobed            bool
	identities         map[string]string // of a path
	interfaces         map[string]string // the path of an interface's device
	opened, closed     int
}

func newScriptedPHC(seed uint64) *scriptedPHC {
	return &scriptedPHC{
		random: rand.New(rand.NewPCG(seed, 0)), moment: int64(time.Second), zero: fakeUTC, takes: 300,
		counterRate: 1, rawRate: 1, wall: wallclocktest.Steady(),
		interfaces: map[string]string{"eth0": "/dev/ptp0"},
		identities: map[string]string{"/dev/ptp0": "PHC 247:0", "/dev/ptp_alias": "PHC 247:0", "/dev/ptp1": "PHC 247:1"},
	}
}

func (w *scriptedPHC) pass() { w.moment += 1 + w.random.Int64N(w.takes) }

// Now is the counter.
func (w *scriptedPHC) Now() monotonic.Instant {
	w.pass()
	return w.counterAt(w.moment)
}

func (w *scriptedPHC) counterAt(moment int64) monotonic.Instant {
	return monotonic.Instant(float64(moment) * w.counterRate)
}

// trueAt is true time at a reading of the counter.
func (w *scriptedPHC) trueAt(i monotonic.Instant) truetime.Time {
	return w.zero.Add(time.Duration(float64(i) / w.counterRate))
}

func (w *scriptedPHC) raw() (int64, error) {
	w.pass()
	return w.rawAt(), nil
}

const rawEpoch = 77_000_000_000

func (w *scriptedPHC) rawAt() int64 { return rawEpoch + int64(float64(w.moment)*w.rawRate) }

func (w *scriptedPHC) clocks(c monotonic.Counter) (wallclock.Reading, error) {
	w.orders = append(w.orders, "wall first")
	l := wallclock.Reading{Before: c.Now()}
	w.pass()
	l.Wall = w.wall.Wall(int64(w.counterAt(w.moment)))
	w.pass()
	l.Slewed = w.wall.Slewed(int64(w.counterAt(w.moment)))
	l.After = c.Now()
	return l, nil
}

func (w *scriptedPHC) clocksWallLast(c monotonic.Counter) (wallclock.Reading, error) {
	w.orders = append(w.orders, "wall last")
	l := wallclock.Reading{WallLast: true, Before: c.Now()}
	w.pass()
	l.Slewed = w.wall.Slewed(int64(w.counterAt(w.moment)))
	w.pass()
	l.Wall = w.wall.Wall(int64(w.counterAt(w.moment)))
	l.After = c.Now()
	return l, nil
}

func (w *scriptedPHC) readFirst(c monotonic.Counter) (wallclock.Reading, error) {
	steering := w.steering()
	if w.between != nil {
		w.between()
	}
	l, err := w.clocks(c)
	l.Steering = steering
	return l, err
}

func (w *scriptedPHC) readLast(c monotonic.Counter) (wallclock.Reading, error) {
	l, err := w.clocksWallLast(c)
	if w.between != nil {
		w.between()
	}
	l.Steering = w.steering()
	return l, err
}

// steering is that of a kernel with a timer interrupt every 4 ms.
func (w *scriptedPHC) steering() wallclock.Steering {
	const interrupt, second = int64(4 * time.Millisecond), int64(time.Second)
	wall := w.wall.Wall(int64(w.counterAt(w.moment)))
	coarse := wall - wall%interrupt
	return wallclock.Steering{Told: wallclock.Told{Tick: w.tick}, Read: wall / second, Begun: coarse / second, Coarse: coarse, Since: coarse}
}

type scriptedWatch struct{ w *scriptedPHC }

func (s scriptedWatch) WasSet() bool { return s.w.strobed }

func (w *scriptedPHC) watch() (wallWatch, error) { return scriptedWatch{w}, nil }

func (w *scriptedPHC) path(device string) (string, error) {
	if path, ok := w.interfaces[device]; ok {
		return path, nil
	}
	return device, nil
}

func (w *scriptedPHC) open(path string) (phcDevice, error) {
	if w.openErr != nil {
		return nil, w.openErr
	}
	w.opened++
	return &scriptedDevice{w, w.identities[path]}, nil
}

type scriptedDevice struct {
	*scriptedPHC
	id string
}

func (d *scriptedDevice) identity() string { return d.id }
func (d *scriptedDevice) close()           { d.closed++ }

func (d *scriptedDevice) errorBound() (time.Duration, error) {
	if len(d.bounds) == 0 {
		return 0, d.boundErr
	}
	b := d.bounds[0]
	d.bounds = d.bounds[1:]
	return b, nil
}

func (d *scriptedDevice) device() int64 {
	d.pass()
	d.deviceReadings++
	if d.deviceReadings == d.stepAt {
		d.bias += d.stepBy
	}
	wrong := d.bias
	if d.noise > 0 {
		wrong += time.Duration(d.random.Int64N(2*int64(d.noise)+1)) - d.noise
	}
	return int64(fakeUTC.Add(time.Duration(d.moment) + wrong + d.ahead))
}

func (d *scriptedDevice) precise() (phcStamp, error) {
	if d.preciseErr != nil {
		return phcStamp{}, d.preciseErr
	}
	d.pass()
	s := []phcStamp{{device: d.device()}}
	s[0].before, s[0].after = d.rawAt(), d.rawAt()
	d.pass()
	if d.spoil != nil {
		d.spoil(s)
	}
	return s[0], nil
}

func (d *scriptedDevice) extended(by systemClock) ([]phcStamp, error) {
	if err := map[systemClock]error{byRaw: d.rawErr, byWall: d.wallErr}[by]; err != nil {
		return nil, err
	}
	system := func() int64 {
		d.pass()
		if by == byRaw {
			return d.rawAt()
		}
		return d.wall.Wall(int64(d.counterAt(d.moment)))
	}
	stamps := make([]phcStamp, phcSamples)
	for i := range stamps {
		d.pass()
		stamps[i].before = system()
		stamps[i].device = d.device()
		stamps[i].after = system()
	}
	if d.spoil != nil {
		d.spoil(stamps)
	}
	return stamps, nil
}

func (d *scriptedDevice) read() (int64, error) {
	if d.readErr != nil {
		return 0, d.readErr
	}
	// The way into the driver and back, and the registers that it reads besides.
	for range 3 {
		d.pass()
	}
	now := d.device()
	for range 3 {
		d.pass()
	}
	return now, nil
}
