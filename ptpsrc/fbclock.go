package ptpsrc

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"path/filepath"
	"strings"
	"time"

	"github.com/epsilontime/epsilon/monotonic"
	"github.com/epsilontime/epsilon/truetime"
)

// FBClockPath is where fbclock's daemon writes unless told otherwise.
const FBClockPath = "/run/fbclock_data_v2"

// fbclock is a source that reads what fbclock's daemon publishes.
type fbclock struct {
	path     string
	settings settings
	mistake  error
	raw      func() (int64, error) // CLOCK_MONOTONIC_RAW
}

// FBClock returns a source that reads the shared memory of Meta's fbclock (github.com/facebook/time), version
// 2, at a path as in [FBClockPath], on Linux. It takes the right to read that file, and no cgo. A mistake in the
// path or the options is reported by [truetime.New].
//
// The daemon writes there every 10 ms what the PTP hardware clock showed at a reading of
// CLOCK_MONOTONIC_RAW. True time is that, and what the clock has gained since then by the rate that the daemon
// gives. The claimed error E is
//
//	(error bound + holdover rate × age of the last Sync) × inflation      as the daemon publishes them; see WithInflation
//	+ drift × age of the reading                                          by WithDrift: the daemon's rate is an estimate
//	+ WithExtraError                                                      what the user adds
//
// What is trusted is much. The bound is a statistic and no proof: the mean and four standard deviations of what
// the daemon has seen of ptp4l's offsets, with a drift that it has learned from the servo. Whatever all
// samples have in common cannot be seen in their spread, a difference between the two ways to the grandmaster
// above all; the path delay does not enter into it. Do not use it as the only source of a clock. It shares its
// fate with [PHC] and [PTP4L] of the same card and the same grandmaster: see [truetime.Group].
//
// The reading is not used if it is more than a second old, as 100 updates are missing then, or if it is of
// CLOCK_REALTIME, which fbclock falls back to before Linux 6.12, and which anybody may set in the meantime.
//
// The device is taken to count TAI, as fbclock does, and the source serves that, unless [WithUTCOffset] says otherwise.
// The daemon's UTC offset counts only once the clock's leap second table has expired, and fbclock's own smear of leap
// seconds, over 62 500 s, has no part in it.
//
// The memory is read, not mapped: a file that is cut off gives an error and no SIGBUS. A sample costs some 5 µs.
func FBClock(path string, options ...Option) truetime.Source {
	f := &fbclock{path: path, settings: defaultSettings(fbclockKind), raw: hostPHC{}.raw}
	var mistake error
	if !filepath.IsAbs(path) || strings.ContainsRune(path, 0) {
		mistake = fmt.Errorf("fbclock's file %.80q is not an absolute path, as %s", path, FBClockPath)
	}
	f.mistake = join(mistake, f.settings.configure(options))
	return f
}

func (f *fbclock) name() string { return "fbclock " + f.path }

// Info has "fbclock" and the path for a name. The scale is TAI, unless WithUTCOffset says otherwise.
func (f *fbclock) Info() truetime.SourceInfo {
	return truetime.SourceInfo{Name: f.name(), Scale: f.settings.trust.scale(), Err: f.mistake}
}

// Sample reads the memory once.
func (f *fbclock) Sample(ctx context.Context, counter monotonic.Counter) (truetime.Sample, error) {
	if f.mistake != nil {
		return truetime.Sample{}, f.mistake
	}
	if err := ctx.Err(); err != nil {
		return truetime.Sample{}, err
	}
	data, err := readFBClock(f.path)
	if err != nil {
		return truetime.Sample{}, explainFBClock(f.path, err)
	}
	look := rawLook{before: counter.Now()}
	look.raw, err = f.raw()
	look.after = counter.Now()
	if err != nil {
		return truetime.Sample{}, fmt.Errorf("read CLOCK_MONOTONIC_RAW: %w", err)
	}
	return f.judge(data, look, truetime.PollInfoOf(ctx))
}

// explainFBClock says in one sentence why the memory cannot be read and what to do.
func explainFBClock(path string, err error) error {
	switch {
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("no permission to read %s: %w", path, err)
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("there is no file %s: fbclock's daemon does not run, or writes elsewhere: %w", path, err)
	default:
		return fmt.Errorf("%s: %w", path, err)
	}
}

const (
	// maxFBClockAge is how old the daemon's reading may be. fbclock itself goes on for 10 s.
	maxFBClockAge = time.Second

	// fbclockSmear is how long fbclock takes for a leap second (fbclock.c, SMEAR_DURATION), and smearMargin what
	// is left before and after it, since the scale of its start is the device's own.
	fbclockSmear = 62_500 * time.Second
	smearMargin  = 5 * time.Second

	maxSyncAge = 24 * time.Hour
	maxRatePPB = 1_000_000 // of the device against the counter's clock; more is no measurement
)

// judge turns what the daemon has written, and a reading of its clock after it, into a sample or says why it
// cannot be used.
func (f *fbclock) judge(d fbclockData, now rawLook, info truetime.PollInfo) (truetime.Sample, error) {
	if err := d.check(); err != nil {
		return truetime.Sample{}, err
	}
	if now.after < now.before {
		return truetime.Sample{}, unusable("the local counter went back by %v", now.before.Sub(now.after))
	}
	age := time.Duration(now.raw - d.Raw)
	if age < 0 || age > maxFBClockAge {
		return truetime.Sample{}, unusable("fbclock's reading is %v old: its daemon has stopped, or died", age)
	}
	// An age of a second and a rate of a thousandth: nothing overflows. A quotient is rounded towards 0.
	device := truetime.Time(d.PHC).Add(age + age*time.Duration(d.RatePPB)/1e9)
	synced := device.Sub(truetime.Time(d.Ingress))
	if synced > maxSyncAge {
		return truetime.Sample{}, unusable("fbclock's last Sync came in %v ago", synced)
	}
	tai, err := f.taiOffset(d, device)
	if err != nil {
		return truetime.Sample{}, err
	}
	shown := device.Add(-f.settings.trust.utcOffset)
	e := f.claim(d, synced, age, info)
	delay := now.after.Sub(now.before)
	if err := f.settings.check(delay, e); err != nil {
		return truetime.Sample{}, err
	}
	return truetime.Sample{
		Sent:     now.before,
		Latest:   shown.Add(e),
		Received: now.after,
		Earliest: shown.Add(-e),
		Age:      age, // the daemon's reading: nobody knows what happened to the counter in between
		Peer:     "fbclock " + f.path,
		Delay:    delay,
		Error:    e,

		TAIOffset: tai,
	}, nil
}

// claim is E, rounded up.
func (f *fbclock) claim(d fbclockData, synced, age time.Duration, info truetime.PollInfo) time.Duration {
	holdover := float64(d.Holdover) / (1 << 16) * synced.Seconds()
	window := (float64(d.ErrorBound) + holdover) * f.settings.inflation
	const rounding = 2 * time.Nanosecond // of the rate, and of the reading
	return time.Duration(math.Ceil(window)) + f.settings.drift(info).Slack(age) + rounding + f.settings.extraError
}

// taiOffset is TAI−UTC as the daemon has it; 0 if it does not know, and while it smears a leap second.
func (f *fbclock) taiOffset(d fbclockData, device truetime.Time) (time.Duration, error) {
	before, after := time.Duration(d.OffsetBefore)*time.Second, time.Duration(d.OffsetAfter)*time.Second
	start := truetime.Time(d.SmearStart * 1e9)
	switch {
	case f.settings.trust.hasOffset:
		return 0, nil
	case before.Abs() > maxOffset || after.Abs() > maxOffset || d.SmearStart > maxSeconds:
		return 0, unusable("fbclock's UTC offsets of %v and %v, from %d s on, make no sense", before, after, d.SmearStart)
	case before == after || device.Sub(start) > fbclockSmear+smearMargin:
		return after, nil
	case device.Sub(start) < -smearMargin:
		return before, nil
	}
	return 0, nil
}
