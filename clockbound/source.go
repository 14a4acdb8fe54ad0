package clockbound

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"time"

	"github.com/epsilontime/epsilon/internal/localcounter"
	"github.com/epsilontime/epsilon/internal/perclock"
	"github.com/epsilontime/epsilon/internal/vmclock"
	"github.com/epsilontime/epsilon/internal/wallclock"
	"github.com/epsilontime/epsilon/monotonic"
	"github.com/epsilontime/epsilon/truetime"
)

// source is a source that reads a segment.
type source struct {
	config sourceConfig
	path   string
	host   host

	turn   perclock.Turn // of who asks: what follows is learned from the order of the polls
	life   life
	device *vmclock.Device // nil until a segment has a marker to compare
	memory perclock.Memory[memory]
}

// host is the machine whose CLOCK_REALTIME the segment is about.
type host interface {
	// usable returns an error if no segment can be read here.
	usable() error

	// open opens the segment. Kept says that the file may have outlived a reboot.
	open(path string) (file io.ReaderAt, kept bool, close func(), err error)

	// clocks reads CLOCK_REALTIME and then CLOCK_MONOTONIC, between two readings of the counter.
	clocks(counter monotonic.Counter) (wallclock.Reading, error)

	// watch begins to watch whether anybody sets CLOCK_REALTIME.
	watch() (watch, error)
}

// watch is a wallclock.Watch.
type watch interface{ WasSet() bool }

// Source returns a source that reads the segment of version 2 that a ClockBound daemon keeps at
// path, which is [DefaultPath] as a rule, and CLOCK_REALTIME, of which the segment bounds the error.
// It works on Linux. A mistake in the path or the options is reported by [truetime.New].
//
// True time is within E of CLOCK_REALTIME, which is the sum of
//
//	the bound                    as the segment says it
//	+ drift × age × 9/8          of the bound; CLOCK_MONOTONIC, by which the age is counted, may be slewed by a tenth
//	+ WithExtraError             what the user adds
//
// The drift is the larger of what the segment says and what [truetime.WithDrift] declares. A clock
// with a counter of its own ([truetime.WithCounter]) assumes at least 200 ppm. The daemon's own
// default is 1 ppm, which no usual oscillator keeps.
//
// A segment is used while its daemon says Synchronized or FreeRunning, up to its void_after. FreeRunning
// means that the bound still holds and grows. If the segment has a disruption marker, it is compared
// with that of the VMClock after the clocks were read.
//
// What is trusted, each of them able to make E wrong without notice:
//
//   - ClockBound's daemon, and the chronyd that it asks (version 2) or its own estimate (version 3);
//   - that they alone steer CLOCK_REALTIME of this host. It is another process that does it, and the
//     segment is written once a second: a correction in between is covered only as far as the bound
//     had counted it already;
//   - that CLOCK_MONOTONIC is the one that the daemon counts by. A process in a time namespace that
//     shifts it gets an error.
//
// If CLOCK_REALTIME is set, samples are dropped until a bound follows from a later measurement. If
// it has moved against the counter by more than the claims explain, they are dropped until it is
// back, or for about half an hour, in which chronyd has asked its servers: so they are after a suspend
// that the counter has not counted. After another
// disruption of the counter it is not used for some 46 minutes, unless it has a disruption marker, for which its daemon waits
// until chronyd has measured anew. A file that is not in memory (tmpfs) may
// have outlived a reboot: it is used once it has been seen to change.
//
// Source, ntpsrc.Chrony and ntpsrc.Kernel look at one clock and are one vote. A server that chronyd
// follows is not independent of it: put both in one [truetime.Group], or list only one of them.
//
// A sample costs some 35 µs of a processor. If the daemon is just writing, or has died while it was, it takes up
// to a tenth of a second.
func Source(path string, options ...SourceOption) truetime.Source {
	s := &source{config: configureSource(path, options), path: path, host: thisHost{}}
	s.config.Add(s.host.usable())
	return s
}

// Info has "clockbound" and the path for a name.
func (s *source) Info() truetime.SourceInfo {
	return truetime.SourceInfo{Name: "clockbound " + s.path, Scale: s.config.scale, Err: s.config.Err()}
}

// Sample reads the segment and the clocks once.
func (s *source) Sample(ctx context.Context, counter monotonic.Counter) (truetime.Sample, error) {
	if err := s.config.Err(); err != nil {
		return truetime.Sample{}, err
	}
	if err := ctx.Err(); err != nil {
		return truetime.Sample{}, err
	}
	if err := s.turn.Take(ctx); err != nil {
		return truetime.Sample{}, err
	}
	defer s.turn.Leave()
	sample, err := s.sample(ctx, counter)
	if err != nil {
		return truetime.Sample{}, fmt.Errorf("ClockBound's segment %s: %w", s.path, err)
	}
	return sample, nil
}

// sample reads in the order that makes it true: the segment first, CLOCK_REALTIME second, the age of
// the bound third, so that it is not too small, and last whether the machine was disrupted and the
// clock set meanwhile.
func (s *source) sample(ctx context.Context, counter monotonic.Counter) (truetime.Sample, error) {
	m := s.memory.Of(counter)
	if err := m.begin(s.host); err != nil {
		return truetime.Sample{}, err
	}
	c, err := s.read(ctx)
	if err != nil {
		return truetime.Sample{}, err
	}
	r, err := s.host.clocks(counter)
	if err != nil {
		return truetime.Sample{}, err
	}
	if err := s.compareMarker(c); err != nil {
		return truetime.Sample{}, err
	}
	info := truetime.PollInfoOf(ctx)
	sample, err := s.config.evaluate(c, r, localcounter.HostDriftPPM(counter, info.DriftPPM))
	if err != nil {
		return truetime.Sample{}, err
	}
	if err := m.checkSet(s.host, r, c); err != nil {
		return truetime.Sample{}, err
	}
	return sample, m.follow(sample, info, s.config.scale)
}

// read returns what the segment says now. It opens the file anew each time, as a daemon that starts
// again may replace it.
func (s *source) read(ctx context.Context) (content, error) {
	file, kept, closeFile, err := s.host.open(s.path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return content{}, fmt.Errorf("there is none: ClockBound's daemon does not run, or keeps it elsewhere: %w", err)
	case err != nil:
		return content{}, err
	}
	defer closeFile()
	copied, err := copySegment(ctx, file)
	switch {
	case err != nil && ctx.Err() != nil:
		return content{}, err
	case err != nil:
		return content{}, unusable("%w", err)
	}
	c, err := copied.decode()
	if err != nil {
		return content{}, unusable("%w", err)
	}
	if kept && !s.life.shown(copied) {
		return content{}, unusable("it is not in memory (tmpfs), so it may be from before a reboot; it is used once it has changed")
	}
	return c, nil
}

// compareMarker refuses a segment whose daemon has not yet noticed that the machine was disrupted.
func (s *source) compareMarker(c content) error {
	if !c.marked {
		return nil
	}
	if s.device == nil {
		device, err := vmclock.Open(s.config.vmClock)
		if err != nil {
			return fmt.Errorf("its disruption marker is to be compared with the VMClock's, whose path WithVMClock sets: %w", err)
		}
		s.device = device
	}
	if marker := s.device.Marker(); marker != c.marker {
		return unusable("the machine was disrupted, as by a migration: the VMClock's marker is %d, and the segment's is still %d", marker, c.marker)
	}
	return nil
}

// maxClaim is the largest claim that is worth a sample.
const maxClaim = 16 * time.Second

// rounding is what the kernel cuts off a reading of CLOCK_REALTIME in whole nanoseconds, at most.
const rounding = time.Nanosecond

// evaluate turns a segment, and the clocks read after it, into a sample or says why it cannot be
// used.
func (s sourceConfig) evaluate(c content, r wallclock.Reading, driftPPM float64) (truetime.Sample, error) {
	age := time.Duration(r.Slewed - c.asOf)
	switch {
	case r.After < r.Before:
		return truetime.Sample{}, unusable("the local counter went back by %v", r.Before.Sub(r.After))
	case c.status != statusSynchronized && c.status != statusFreeRunning:
		return truetime.Sample{}, unusable("its daemon says %v", c.status)
	case age < 0:
		return truetime.Sample{}, unusable("it is from %v in the future of CLOCK_MONOTONIC: from before a reboot, or from another time namespace", -age)
	case r.Slewed >= c.voidAfter:
		return truetime.Sample{}, unusable("it is void since %v: the daemon has died, or has not heard from its sources", time.Duration(r.Slewed-c.voidAfter))
	}
	growth := growth(age, c.driftPPB, driftPPM)
	if c.bound > maxClaim || growth > maxClaim {
		return truetime.Sample{}, unusable("a bound of %v that has grown by %v is above the limit of %v", c.bound, growth, maxClaim)
	}
	e := c.bound + growth + rounding + s.extraError
	at := truetime.Time(r.Wall)
	return truetime.Sample{
		Sent:     r.Before,
		Latest:   at.Add(e),
		Received: r.After,
		Earliest: at.Add(-e),
		Age:      c.measured(age),
		Peer:     wallclock.Peer,
		Delay:    r.After.Sub(r.Before),
		Claim:    e,
	}, nil
}

// measured is how long ago, by the counter, what a segment of the given age follows from was measured. as_of is when the
// daemon has asked chronyd, which may not have heard from a server for as long as is said at forgotten. Only a daemon that
// compares the VMClock's marker is known to wait for that after a disruption.
func (c content) measured(age time.Duration) time.Duration {
	if !c.marked {
		age += forgotten
	}
	return age + age/3 + 1 // CLOCK_MONOTONIC may have been 22.6 % slow: see wallclock
}

// growth is by how much the bound has grown, rounded up. CLOCK_MONOTONIC, which counts the age, is
// slewed with CLOCK_REALTIME: a daemon can make its tick 10 % shorter and its frequency 500 ppm
// lower (kernel/time/ntp.c, ntp_validate_timex and MAXFREQ), which an eighth more than makes up for.
func growth(age time.Duration, driftPPB uint32, driftPPM float64) time.Duration {
	declared := driftPPM / (1 - driftPPM/1e6) * 1000 // of true time against the oscillator
	rate := max(float64(driftPPB), declared) / 1e9
	const inexact = 1 + 1e-12
	return time.Duration(min(math.Ceil(float64(age)*9/8*rate*inexact), math.MaxInt64/4))
}
