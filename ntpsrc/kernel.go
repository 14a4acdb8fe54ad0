package ntpsrc

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"time"

	"github.com/epsilontime/epsilon/internal/wallclock"
	"github.com/epsilontime/epsilon/monotonic"
	"github.com/epsilontime/epsilon/truetime"
)

// kernelSource is a source that asks the kernel about the system clock.
type kernelSource struct {
	config config
	read   func() (kernelClock, error)
}

// kernelClock is what adjtimex(2) says.
type kernelClock struct {
	time           truetime.Time
	resolution     time.Duration // of time
	maxError       time.Duration
	unsynchronized bool    // STA_UNSYNC, or another error that makes the kernel return TIME_ERROR
	inLeapSecond   bool    // TIME_OOP: the last second of the day is running a second time
	slew           float64 // ppm, by which its seconds are made shorter
	leap           truetime.Leap
}

// maxErrorStep is by how much the kernel raises maxerror once a second: 500 ppm (kernel/time/ntp.c,
// second_overflow). It is added for the second that may have passed since, with the microsecond
// that maxerror may have been rounded down by.
const maxErrorStep = 500*time.Microsecond + time.Microsecond

// Kernel returns a source that reads the system clock together with the kernel's bound on its
// error, by adjtimex(2) on Linux, without any right. It works with every daemon that tells the
// kernel how well the clock is synchronized. Elsewhere than on Linux [truetime.New] refuses it.
//
// True time is within maxerror of the system clock, unless the kernel has marked the clock as not
// synchronized (STA_UNSYNC). The kernel also does that itself when somebody steps the clock, and
// when maxerror has reached 16 s. maxerror counts whole microseconds. It grows by 500 ppm, once a
// second, from what the daemon last set it to. E is maxerror, what one more second adds, and
// [WithExtraError]. esterror is an estimate and no bound, and is not read.
//
// A clock that assumes more than 500 ppm of its counter ([truetime.WithDrift]) assumes that of the
// system clock, too. The kernel does not say how much of maxerror has grown, so E is then larger by
// the same factor.
//
// While the daemon slews the clock by more than that, with longer or shorter ticks as chronyd does, it is not used: nobody
// takes that back if the daemon dies.
//
// The daemon is trusted. It has to set maxerror to its root distance, as ntpd does, and as chronyd
// does with the directive rtcsync. Without rtcsync chronyd leaves the clock marked as not
// synchronized, and so it does while it follows nobody (its directive local). An ntpd with the
// local clock driver marks the clock as synchronized, which this source cannot see.
// systemd-timesyncd sets maxerror to 0, which is no bound, and a hypervisor's agent may do so: do
// not use Kernel with them, or add at least the distance of their server by WithExtraError.
//
// After a disruption of the counter, such as a suspend, from which the kernel sets its clock by the
// RTC and leaves maxerror as it was, the kernel is used once maxerror shows that the daemon has set it
// since: after 2700 times what the daemon sets it to, 40 s for 15 ms.
//
// Kernel and [Chrony] see one clock and are one vote. A sample costs a system call, about 1 µs.
func Kernel(options ...Option) truetime.Source {
	k := &kernelSource{config: configure(options), read: readKernelClock}
	k.config.Add(kernelSupported())
	return k
}

// Info has "kernel" for a name.
func (k *kernelSource) Info() truetime.SourceInfo {
	return truetime.SourceInfo{Name: "kernel", Scale: k.config.scale, Err: k.config.Err()}
}

// Sample asks the kernel once.
func (k *kernelSource) Sample(ctx context.Context, counter monotonic.Counter) (truetime.Sample, error) {
	if err := k.config.Err(); err != nil {
		return truetime.Sample{}, err
	}
	if err := ctx.Err(); err != nil {
		return truetime.Sample{}, err
	}
	c1 := counter.Now()
	clock, err := k.read()
	c4 := counter.Now()
	switch {
	case errors.Is(err, fs.ErrPermission):
		return truetime.Sample{}, fmt.Errorf("adjtimex(2) is forbidden to this process, by a container's seccomp profile for instance: %w", err)
	case err != nil:
		return truetime.Sample{}, fmt.Errorf("ask the kernel by adjtimex(2): %w", err)
	}
	return k.evaluate(c1, clock, c4, truetime.PollInfoOf(ctx))
}

// evaluate turns a reading into a sample or says why it cannot be used. The clock was read,
// together with its bound, at one moment between c1 and c4.
func (k *kernelSource) evaluate(c1 monotonic.Instant, clock kernelClock, c4 monotonic.Instant, info truetime.PollInfo) (truetime.Sample, error) {
	switch {
	case c4 < c1:
		return truetime.Sample{}, unusable("the local counter went back by %v", c1.Sub(c4))
	case clock.unsynchronized:
		return truetime.Sample{}, unusable("the kernel says that the system clock is not synchronized (STA_UNSYNC)")
	case math.Abs(clock.slew) > kernelDriftPPM:
		return truetime.Sample{}, unusable("the system clock is slewed by %.0f ppm, and maxerror grows by %d", clock.slew, kernelDriftPPM)
	case clock.inLeapSecond:
		return truetime.Sample{}, unusable("the system clock repeats a second, the leap second (TIME_OOP)")
	case clock.maxError < 0 || clock.maxError > maxKernelError:
		return truetime.Sample{}, unusable("a maxerror of %v makes no sense", clock.maxError)
	}
	e := grown(clock.maxError+maxErrorStep, info) + clock.resolution + k.config.extraError
	delay := c4.Sub(c1)
	if err := k.config.check(delay, e); err != nil {
		return truetime.Sample{}, err
	}
	return truetime.Sample{
		Sent:     c1,
		Latest:   clock.time.Add(e),
		Age:      aged((clock.maxError + maxErrorStep) * (1e6 / kernelDriftPPM)), // or all of it would have grown since
		Received: c4,
		Earliest: clock.time.Add(-e),
		Peer:     wallclock.Peer,
		Delay:    delay,
		Claim:    e,
		Leap:     clock.leap,
	}, nil
}

// Linux has 100 ticks of 10 000 µs a second for adjtimex(2) (USER_HZ), so one more microsecond of a tick is 100 ppm. The
// frequency counts in 2⁻¹⁶ ppm. A daemon that knows how far the oscillator is off takes both for that, too.
const (
	usualTick  = 10_000
	ppmPerTick = 100
	ppmPerUnit = 1.0 / (1 << 16)
)

// kernelDriftPPM is what the kernel counts for the oscillator's drift.
const kernelDriftPPM = 500

// grown is the most that the kernel's bound would be if it counted the drift that the clock
// assumes: as if all of it had grown since the daemon set it.
func grown(bound time.Duration, i truetime.PollInfo) time.Duration {
	if i.DriftPPM <= kernelDriftPPM {
		return bound
	}
	return i.Slack(bound * (1e6 / kernelDriftPPM))
}

// aged is how long ago something was at most by a counter that was so long ago by the system clock, which may be slewed to be
// slower by 22.6 % (see package wallclock).
func aged(bySystemClock time.Duration) time.Duration { return bySystemClock + bySystemClock/3 + 1 }

// maxKernelError is NTP_PHASE_LIMIT (include/linux/timex.h), where the kernel stops counting.
const maxKernelError = 16 * time.Second
