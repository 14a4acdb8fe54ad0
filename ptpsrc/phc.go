package ptpsrc

import (
	"context"
	"fmt"
	"math"
	"path/filepath"
	"strings"
	"time"

	"github.com/epsilontime/epsilon/monotonic"
	"github.com/epsilontime/epsilon/truetime"
)

// phc is a source that reads a PTP hardware clock.
type phc struct {
	device string // a path, or the name of a network interface
	config config
	system phcSystem

	daemon *ptp4l // who tells the device's error; nil if nobody does
}

// PHC returns a source that reads a PTP hardware clock of this host, on Linux: a device as in
// "/dev/ptp0", or that of a network interface as in "eth0". Whoever may open the device for reading
// may use it. A mistake in the device or the options is reported by [truetime.New].
//
// # What a reading proves
//
// The device was read between two readings of the counter, so true time at the first was at most
// the device's time plus E, and at the second at least the device's time less E. How sharp that is
// depends on the driver and the kernel; of the following the first that is offered is used, and
// Status says which:
//
//   - "precise": device and CLOCK_MONOTONIC_RAW are read by the hardware at one moment
//     (PTP_SYS_OFFSET_PRECISE).
//   - "raw": the kernel reads that clock just before and just after the device, five times
//     (PTP_SYS_OFFSET_EXTENDED with a clock id, Linux 6.12 and later).
//   - "wall": the same with CLOCK_REALTIME. It may be set or slewed meanwhile; what that leaves
//     open is counted, and a reading during which it was set is not used.
//   - "read": the counter, the device by clock_gettime(2), and the counter again. It is used in
//     place of PTP_SYS_OFFSET, which reads no less between its readings of CLOCK_REALTIME and needs
//     that clock.
//
// Of several readings all count: the intersection is used. A kernel's reading that lies outside of
// the call, or whose end is before its beginning, has the sample refused.
//
// # What is trusted
//
// The device itself, which nothing proves: a network card's clock is as good as who steers it. How
// far it is from true time has to come from somebody:
//
//   - [WithAccuracy]: the user, who knows what steers the device and how well.
//   - Otherwise the device's driver: that of Amazon's ENA has a file phc_error_bound. It is read
//     before the device and after it, and the larger number counts.
//
// Where ptp4l steers the device it can tell: see [PHCWithPTP4L].
//
// A device does not say what it counts either: [WithTAI] or [WithUTCOffset] has to. ptp4l sets a
// device to what its master serves, which is TAI as a rule; ENA's counts UTC, with an offset of 0
// and without a smear.
//
// E is that bound, what [WithExtraError] adds, and a nanosecond. One device is one vote, whoever
// reads it: see [truetime.Group].
//
// # What has been tested
//
// No such hardware was at hand when this was written. Sizes and numbers of the ioctls are compared
// with those of the kernel's header, everything behind them is tested with scripted devices, and
// what happens with files that are no such device with real ones. A sample costs some 10 µs, plus
// what the device takes: a microsecond or so for each reading over PCIe. ENA allows 125 readings a
// second: poll it at most ten times.
func PHC(device string, options ...Option) truetime.Source {
	p := newPHC(device, configure(options))
	if !p.config.trust.hasOffset && !p.config.trust.tai {
		p.config.Addf("%s does not say what it counts: say WithTAI, or give its offset from UTC by WithUTCOffset, "+
			"which is 0 for UTC, or use PHCWithPTP4L", p.name())
	}
	return p
}

// PHCWithPTP4L is [PHC] for a device that the ptp4l of this host steers (time_stamping hardware).
// ptp4l tells, over its management socket as in [PTP4LSocket], what the device counts and how far
// it is from true time: its offset at the last Sync, and all that [PTP4L] adds to it.
//
// It is refused while ptp4l follows its master by another device. The device and the [PTP4L] of the
// same grandmaster are one vote: see [truetime.Group].
func PHCWithPTP4L(device, socket string, options ...PTP4LOption) truetime.Source {
	p := newPHC(device, configure(options))
	p.config.Add(parseSocket(socket))
	p.daemon = &ptp4l{socket: socket, config: p.config, clock: "the clock of " + device, hardware: true}
	return p
}

func newPHC(device string, c config) *phc {
	c.Add(parseDevice(device))
	return &phc{device: device, config: c, system: hostPHC{}}
}

// maxInterfaceName is IFNAMSIZ without the final zero (include/uapi/linux/if.h).
const maxInterfaceName = 15

func parseDevice(device string) error {
	switch {
	case strings.ContainsRune(device, 0):
	case filepath.IsAbs(device):
		return nil
	case device != "" && device != "." && device != ".." && len(device) <= maxInterfaceName && !strings.ContainsAny(device, "/ \t\n"):
		return nil
	}
	return fmt.Errorf("device %.80q is neither an absolute path, as /dev/ptp0, nor the name of a network interface", device)
}

func (p *phc) name() string { return fmt.Sprintf("phc %.80s", p.device) }

// Info has "phc" and the device for a name. The scale is TAI, unless WithUTCOffset says otherwise.
func (p *phc) Info() truetime.SourceInfo {
	return truetime.SourceInfo{Name: p.name(), Scale: p.config.trust.scale(), Err: p.config.Err()}
}

// Sample opens the device, reads it and closes it.
func (p *phc) Sample(ctx context.Context, counter monotonic.Counter) (truetime.Sample, error) {
	if err := p.config.Err(); err != nil {
		return truetime.Sample{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, maxSample)
	defer cancel()
	if err := ctx.Err(); err != nil {
		return truetime.Sample{}, err
	}
	path, err := p.system.path(p.device)
	if err != nil {
		return truetime.Sample{}, err
	}
	d, err := p.system.open(path)
	if err != nil {
		return truetime.Sample{}, explainDevice(path, err)
	}
	defer d.close()
	if p.daemon != nil {
		return p.sampleWithPTP4L(ctx, d, path, counter)
	}
	return p.sample(d, path, counter, rulerOf(ctx, counter))
}

// sample reads a device whose error the user tells, or its driver.
func (p *phc) sample(d phcDevice, path string, counter monotonic.Counter, by ruler) (truetime.Sample, error) {
	e := p.config.trust.accuracy
	byDriver := e == 0
	if byDriver {
		before, err := p.boundByDriver(d, path)
		if err != nil {
			return truetime.Sample{}, err
		}
		e = before
	}
	readings, how, err := readPHC(p.system, d, counter, by.poll.DriftPPM)
	if err != nil {
		return truetime.Sample{}, explainDevice(path, err)
	}
	if byDriver {
		after, err := p.boundByDriver(d, path)
		if err != nil {
			return truetime.Sample{}, err
		}
		e = max(e, after)
	}
	e += stampResolution + p.config.extraError
	s, err := intersect(readings, p.config.trust.utcOffset, e, by)
	if err != nil {
		return truetime.Sample{}, err
	}
	s.Peer, s.Stamps = d.identity(), how
	return s, p.config.check(s.Delay, e)
}

// boundByDriver reads how far the device is from true time, as its driver says.
func (p *phc) boundByDriver(d phcDevice, path string) (time.Duration, error) {
	bound, err := d.errorBound()
	switch {
	case err != nil:
		return 0, fmt.Errorf("nothing says how far %s is from true time (its driver does not: %w): give that by WithAccuracy, or use PHCWithPTP4L", path, err)
	case bound <= 0 || bound >= math.MaxUint32: // which is how ENA's driver marks that it knows none
		return 0, unusable("the driver of %s knows no bound for its error at the moment", path)
	}
	return bound, nil
}

// sampleWithPTP4L reads a device whose error ptp4l tells. ptp4l is asked first, as by [PTP4L].
func (p *phc) sampleWithPTP4L(ctx context.Context, d phcDevice, path string, counter monotonic.Counter) (truetime.Sample, error) {
	if err := p.daemon.turn.Take(ctx); err != nil {
		return truetime.Sample{}, err
	}
	defer p.daemon.turn.Leave()
	r, err := p.daemon.ask(ctx)
	if err != nil {
		return truetime.Sample{}, err
	}
	if r.follows {
		if err := p.sameDevice(d, path, r.port.name()); err != nil {
			return truetime.Sample{}, err
		}
	}
	by := rulerOf(ctx, counter)
	readings, how, err := readPHC(p.system, d, counter, by.poll.DriftPPM)
	if err != nil {
		return truetime.Sample{}, explainDevice(path, err)
	}
	poll := p.daemon.poll(ctx, counter)
	if poll.device != path {
		*poll.ptp4lMemory = ptp4lMemory{device: path, watch: watch{clock: poll.clock}} // the interface has another device now
	}
	m, err := poll.measure(r, narrowest(readings))
	if err != nil {
		return truetime.Sample{}, err
	}
	e := m.claim
	s, err := intersect(readings, m.ahead, e, by)
	if err != nil {
		return truetime.Sample{}, err
	}
	s.Peer, s.Stratum, s.Leap, s.Stamps = m.peer, m.stratum, m.leap, how
	s.TAIOffset, s.Identity, s.Age = m.tai, m.shown, m.age
	return s, p.config.check(max(s.Delay, m.delay), e)
}

// sameDevice refuses a ptp4l that measures another device than this one.
func (p *phc) sameDevice(d phcDevice, path, name string) error {
	followed, err := p.system.path(name)
	if err != nil {
		return fmt.Errorf("ptp4l follows its master by interface %.20q: %w", name, err)
	}
	other, err := p.system.open(followed)
	if err != nil {
		return explainDevice(followed, err)
	}
	defer other.close()
	if other.identity() != d.identity() {
		return unusable("ptp4l measures %s, the clock of interface %s, and not %s", followed, name, path)
	}
	return nil
}
