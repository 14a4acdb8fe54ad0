package ptpsrc

import (
	"errors"
	"fmt"
	"time"

	"github.com/epsilontime/epsilon/internal/wallclock"
	"github.com/epsilontime/epsilon/monotonic"
	"github.com/epsilontime/epsilon/truetime"
)

// phcDevice is an open PTP hardware clock. All its numbers are nanoseconds.
type phcDevice interface {
	// identity is the same for the same device, by whatever name it was opened.
	identity() string
	// precise reads the device and CLOCK_MONOTONIC_RAW at one moment.
	precise() (phcStamp, error)
	// extended reads the device several times, each between two readings of a system clock.
	extended(by systemClock) ([]phcStamp, error)
	// read reads the device.
	read() (int64, error)
	// errorBound is by how much the driver says that the device may be wrong.
	errorBound() (time.Duration, error)
	close()
}

// phcSystem is what else of the system has to do with such devices.
type phcSystem interface {
	// path returns the path of a device that is named by it, or by a network interface.
	path(device string) (string, error)
	open(path string) (phcDevice, error)
	// raw reads CLOCK_MONOTONIC_RAW, in nanoseconds.
	raw() (int64, error)
	// The wall clock, as in wallclock.Read and wallclock.ReadWallLast.
	clocks(monotonic.Counter) (wallclock.Reading, error)
	clocksWallLast(monotonic.Counter) (wallclock.Reading, error)
	watch() (wallWatch, error)
}

type systemClock int

const (
	byRaw systemClock = iota
	byWall
)

// phcStamp is a reading of a device between two of a system clock.
type phcStamp struct{ before, device, after int64 }

// stampBracket brings readings of a system clock within some call into the counter's domain: it
// returns a reading that the counter had reached by then, or had not passed, and false if nothing
// can be said.
type stampBracket interface {
	NotBefore(stamp int64) (monotonic.Instant, bool)
	NotAfter(stamp int64) (monotonic.Instant, bool)
}

// phcSamples is how often the device is read for one sample. More would find a narrower one now and
// then, and some devices may not be read often.
const phcSamples = 5

// readPHC reads a device by the sharpest means there is. Which that is, is found out anew each
// time: the attempts that fail cost a microsecond or two each, and the driver may change.
func readPHC(system phcSystem, d phcDevice, counter monotonic.Counter, driftPPM float64) (all []reading, how string, err error) {
	for _, means := range []struct {
		name string
		use  func(phcSystem, phcDevice, monotonic.Counter, float64) ([]reading, error)
	}{
		{"precise", readPrecise},
		{"raw", readByRaw},
		{"wall", readByWall},
		{"read", readPlainly},
	} {
		all, err = means.use(system, d, counter, driftPPM)
		if err == nil || errors.Is(err, truetime.ErrUnusable) {
			return all, means.name, err
		}
	}
	return nil, "", err
}

func readPrecise(system phcSystem, d phcDevice, counter monotonic.Counter, driftPPM float64) ([]reading, error) {
	return bracketByRaw(system, counter, driftPPM, func() ([]phcStamp, error) {
		s, err := d.precise()
		// What was captured by the hardware the kernel has converted, with rounding of its own.
		return []phcStamp{{s.before - 1, s.device, s.after + 1}}, err
	})
}

func readByRaw(system phcSystem, d phcDevice, counter monotonic.Counter, driftPPM float64) ([]reading, error) {
	return bracketByRaw(system, counter, driftPPM, func() ([]phcStamp, error) { return d.extended(byRaw) })
}

func bracketByRaw(system phcSystem, counter monotonic.Counter, driftPPM float64, call func() ([]phcStamp, error)) ([]reading, error) {
	first, err := readRaw(system, counter)
	if err != nil {
		return nil, err
	}
	stamps, err := call()
	if err != nil {
		return nil, err
	}
	last, err := readRaw(system, counter)
	if err != nil {
		return nil, err
	}
	return locate(stamps, rawBracket{first, last}.assuming(driftPPM))
}

// readByWall does not ask how the kernel is steered: a device is read so soon after the one reading
// and before the other that it would gain little.
func readByWall(system phcSystem, d phcDevice, counter monotonic.Counter, driftPPM float64) ([]reading, error) {
	watch, err := system.watch()
	if err != nil {
		return nil, err
	}
	b := wallclock.Bracket{DriftPPM: driftPPM}
	if b.First, err = system.clocks(counter); err != nil {
		return nil, err
	}
	stamps, err := d.extended(byWall)
	if err != nil {
		return nil, err
	}
	if b.Last, err = system.clocksWallLast(counter); err != nil {
		return nil, err
	}
	if _, steady := b.Stepped(); !steady || watch.WasSet() {
		return nil, unusable("the system clock was set, or ran off, while the device was read")
	}
	return locate(stamps, b)
}

// readPlainly needs no system clock.
func readPlainly(_ phcSystem, d phcDevice, counter monotonic.Counter, _ float64) ([]reading, error) {
	var all []reading
	for range phcSamples {
		r := reading{before: counter.Now()}
		device, err := d.read()
		r.after = counter.Now()
		if err != nil {
			return nil, err
		}
		if r.after < r.before {
			return nil, unusable("the local counter went back by %v", -r.width())
		}
		r.wall = truetime.Time(device)
		all = append(all, r)
	}
	return all, nil
}

// locate brings the kernel's stamps into the counter's domain. One that cannot be casts doubt on
// all.
func locate(stamps []phcStamp, b stampBracket) ([]reading, error) {
	if len(stamps) == 0 {
		return nil, unusable("the driver has read the device not once")
	}
	all := make([]reading, len(stamps))
	for i, s := range stamps {
		if s.after < s.before {
			return nil, unusable("the system clock went back by %v while the device was read", time.Duration(s.before-s.after))
		}
		from, ok1 := b.NotBefore(s.before)
		to, ok2 := b.NotAfter(s.after)
		if !ok1 || !ok2 || to < from {
			return nil, unusable("the kernel's stamps are not from when the device was read")
		}
		all[i] = reading{before: from, wall: truetime.Time(s.device), after: to}
	}
	return all, nil
}

// rawReading is a reading of CLOCK_MONOTONIC_RAW between two of the counter.
type rawReading struct {
	before, after monotonic.Instant
	raw           int64
}

// rawReadings is how many times it is read to find the reading with the narrowest bracket.
const rawReadings = 3

func readRaw(system phcSystem, counter monotonic.Counter) (best rawReading, err error) {
	for i := range rawReadings {
		l := rawReading{before: counter.Now()}
		if l.raw, err = system.raw(); err != nil {
			return rawReading{}, fmt.Errorf("read CLOCK_MONOTONIC_RAW: %w", err)
		}
		l.after = counter.Now()
		if i == 0 || l.after-l.before < best.after-best.before {
			best = l
		}
	}
	return best, nil
}

// rawBracket is the look before a call and the one after it. By itself it assumes the largest drift
// of the counter that a clock can be told.
type rawBracket struct{ first, last rawReading }

func (b rawBracket) NotBefore(stamp int64) (monotonic.Instant, bool) {
	return b.assuming(truetime.MaxDriftPPM).NotBefore(stamp)
}

func (b rawBracket) NotAfter(stamp int64) (monotonic.Instant, bool) {
	return b.assuming(truetime.MaxDriftPPM).NotAfter(stamp)
}

// assuming returns the same with what is assumed of the counter's drift.
func (b rawBracket) assuming(driftPPM float64) rawRuler {
	const rounding = 1e-12 // of these few operations
	counter, host := driftPPM/1e6, wallclock.HostDriftPPM(driftPPM)/1e6
	return rawRuler{b, (1 - counter) / (1 + host) * (1 - rounding)}
}

// rawRuler is a bracket within which the counter goes forward by at least slowest while the clock
// goes forward by 1.
type rawRuler struct {
	rawBracket
	slowest float64
}

func (b rawRuler) NotBefore(stamp int64) (monotonic.Instant, bool) {
	d, ok := b.distance(stamp, b.first.raw)
	return b.first.before + d, ok
}

func (b rawRuler) NotAfter(stamp int64) (monotonic.Instant, bool) {
	d, ok := b.distance(b.last.raw, stamp)
	return b.last.after - d, ok
}

// distance is the least that the counter advanced while the clock went from one reading to another.
func (b rawRuler) distance(to, from int64) (monotonic.Instant, bool) {
	const rounding = 1 // of two readings in whole nanoseconds
	if b.first.after < b.first.before || b.last.before < b.first.after || b.last.after < b.last.before {
		return 0, false
	}
	if from < b.first.raw || to > b.last.raw || to < from {
		return 0, false
	}
	return monotonic.Instant(float64(max(to-from-rounding, 0)) * b.slowest), true
}

// narrowest is the reading with the narrowest bracket.
func narrowest(all []reading) reading {
	best := all[0]
	for _, r := range all {
		if r.width() < best.width() {
			best = r
		}
	}
	return best
}

// maxDevice is the last moment that a device can show, in nanoseconds, so that any UTC offset and
// any error can be taken off.
const maxDevice = maxSeconds * 1_000_000_000

// intersect turns readings of a device, which is so far ahead of the scale that the source serves
// and within e of true time, into what they prove together: the upper fact of the one that makes
// the least of true time, and the lower fact of the one that makes the most.
func intersect(readings []reading, ahead, e time.Duration, by ruler) (truetime.Sample, error) {
	upper, lower := readings[0], readings[0]
	for _, r := range readings {
		if r.wall <= 0 || r.wall > maxDevice {
			return truetime.Sample{}, unusable("the device shows %d ns since 1970: it has not been set", int64(r.wall))
		}
		if r.wall.Sub(upper.wall) < r.before.Sub(upper.before) {
			upper = r
		}
		if r.wall.Sub(lower.wall) > r.after.Sub(lower.after) {
			lower = r
		}
	}
	latest, earliest := upper.wall.Add(-ahead), lower.wall.Add(-ahead)
	if upper.before > lower.after {
		// A sample has its upper fact first: this is the case of a Sync and the Delay_Req sent upon
		// it.
		return exchange{received: lower.after, origin: earliest, sent: upper.before, arrival: latest, ruler: by}.facts(e)
	}
	span := lower.after.Sub(upper.before)
	delay := span - earliest.Sub(latest)
	if delay < -(2*e + by.slack(span)) {
		return truetime.Sample{}, unusable("readings of the device exclude each other by %v, and its error is said to be %v: it was set meanwhile", -delay, e)
	}
	return truetime.Sample{
		Sent:     upper.before,
		Latest:   latest.Add(e),
		Received: lower.after,
		Earliest: earliest.Add(-e),
		Delay:    delay,
		Claim:    e,
	}, nil
}
