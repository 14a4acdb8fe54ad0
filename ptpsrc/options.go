package ptpsrc

import (
	"errors"
	"fmt"
	"time"

	"github.com/epsilontime/epsilon/internal/distance"
	"github.com/epsilontime/epsilon/internal/mistakes"
	"github.com/epsilontime/epsilon/truetime"
)

// The options form a chain, from those that every source has a use for to those of one source
// alone: every Option is a PTP4LOption, and every PTP4LOption a UnicastOption. So an option that
// means nothing to a constructor does not compile.

// An Option is for every source of this package: [PHC], [PTP4L], [PHCWithPTP4L] and [Unicast].
type Option interface {
	PTP4LOption
	phc()
}

// A PTP4LOption is for the sources that follow a grandmaster: [PTP4L], [PHCWithPTP4L] and
// [Unicast].
type PTP4LOption interface {
	UnicastOption
	ptp4l()
}

// A UnicastOption is for [Unicast] and [Port.Unicast].
type UnicastOption interface {
	apply(*config)
	unicast()
}

// option is what all of them are. Whom it is for is in the type that its constructor returns.
type option func(*config)

func (o option) apply(c *config) { o(c) }

func (option) phc()     {}
func (option) ptp4l()   {}
func (option) unicast() {}

type config struct {
	domain     uint8
	extraError time.Duration
	maxDelay   time.Duration
	maxError   time.Duration
	trust      trust

	// Of Unicast only.
	ports         ports
	interval      int8 // log₂ s, below 0
	corrections   bool
	programStamps bool
	distance      distance.Claim

	mistakes.List
}

// trust is what the user vouches for where the grandmaster does not.
type trust struct {
	accuracy  time.Duration // 0: take the grandmaster's word
	utcOffset time.Duration // if hasOffset
	hasOffset bool
	tai       bool          // it serves TAI, whatever it says
	perStep   time.Duration // of a boundary clock; 0: none may be in between
	local     bool          // it may follow nobody
}

// scale is what a source serves that trusts so.
func (t trust) scale() truetime.Scale {
	if t.hasOffset {
		return truetime.ScaleUTC
	}
	return truetime.ScaleTAI
}

// ports are the two UDP ports of PTP.
type ports struct{ event, general uint16 }

// wellKnown is IEEE 1588-2019 annex C.
var wellKnown = ports{event: 319, general: 320}

const (
	defaultInterval = -3 // eight messages a second
	maxExtraError   = 16 * time.Second
	maxOffset       = 1000 * time.Second
)

func defaults() config {
	return config{
		maxDelay: time.Second,
		maxError: 1500 * time.Millisecond,
		ports:    wellKnown,
		interval: defaultInterval,
	}
}

var (
	errNilOption = errors.New("an option is nil")
	errTwoScales = errors.New("WithTAI and WithUTCOffset exclude each other: what is ahead of UTC by a number of its own is not TAI")
)

// configure applies the options to the defaults.
func configure[O interface{ apply(*config) }](options []O) config {
	c := defaults()
	for _, o := range options {
		if any(o) == nil {
			c.Add(errNilOption)
			continue
		}
		o.apply(&c)
	}
	if c.trust.tai && c.trust.hasOffset {
		c.Add(errTwoScales)
	}
	c.Add(c.distance.Within(c.maxDelay))
	return c
}

// WithAccuracy says by how much the grandmaster may be away from true time, 1 ns to 16 s, in place
// of what it announces. It is needed where a grandmaster makes no claim: where it announces an
// unknown accuracy, or a clock class that is neither 6 (locked to a reference) nor 7 (in holdover
// within its specification). The user then vouches for it; too small a number makes the interval
// wrong. For [PHC] it says by how much the device may be away.
func WithAccuracy(bound time.Duration) Option {
	return option(func(c *config) {
		if bound <= 0 || bound > maxExtraError {
			c.Addf("accuracy of %v: it must be above 0 and at most %v", bound, maxExtraError)
		}
		c.trust.accuracy = bound
	})
}

// WithTAI says that the grandmaster, or the device, serves TAI: for a grandmaster that does not
// flag its scale as PTP's, and for a device that something other than ptp4l sets to TAI. If it
// serves UTC the interval is wrong by 37 s. It is a mistake together with [WithUTCOffset].
func WithTAI() Option {
	return option(func(c *config) { c.trust.tai = true })
}

// WithUTCOffset says that the grandmaster, or the device, does not serve TAI, and how far its time
// is ahead of UTC: whole seconds from −1000 s to 1000 s, 0 for one that serves UTC. A wrong number
// makes the interval wrong by whole seconds.
//
// ptp4l as a grandmaster with time_stamping software serves UTC, whatever it announces. The source
// then serves UTC with a step at each leap second, so the device must step too, or the interval is
// wrong from then on. For one that serves TAI use [WithTAI].
func WithUTCOffset(ahead time.Duration) Option {
	return option(func(c *config) {
		if ahead.Abs() > maxOffset || ahead%time.Second != 0 {
			c.Addf("UTC offset of %v: it must be whole seconds from -%v to %v", ahead, maxOffset, maxOffset)
		}
		c.trust.utcOffset, c.trust.hasOffset = ahead, true
	})
}

// WithExtraError adds to the error E that is claimed: 0 to 16 s, default 0.
func WithExtraError(extra time.Duration) Option {
	return option(func(c *config) {
		if extra < 0 || extra > maxExtraError {
			c.Addf("extra error of %v: it must be 0 to %v", extra, maxExtraError)
		}
		c.extraError = extra
	})
}

// WithMaxDelay sets the longest delay of an exchange that is used: above 0, default 1 s. For
// [Unicast] that is the sum of both ways, for [PTP4L] the mean path delay, for [PHC] how long it
// takes to read the device.
func WithMaxDelay(max time.Duration) Option {
	return option(func(c *config) {
		if max <= 0 {
			c.Addf("maximum delay of %v: it must be above 0", max)
		}
		c.maxDelay = max
	})
}

// WithMaxError sets the largest error E of a sample that is used: above 0, default 1.5 s. Unlike
// the root distance of NTP it does not count half of the delay.
func WithMaxError(max time.Duration) Option {
	return option(func(c *config) {
		if max <= 0 {
			c.Addf("maximum error of %v: it must be above 0", max)
		}
		c.maxError = max
	})
}

// WithDomain sets the PTP domain: 0 to 255, default 0. Messages of other domains are not used.
func WithDomain(number int) PTP4LOption {
	return option(func(c *config) {
		if number < 0 || number > 255 {
			c.Addf("domain %d: it must be 0 to 255", number)
		}
		c.domain = uint8(number)
	})
}

// WithBoundaryClocks allows boundary clocks between the grandmaster and here, and says how much
// error each adds: 1 ns to 1 s. A boundary clock passes the grandmaster's accuracy on and tells
// nothing of its own error, so by default time that came through one is not used.
func WithBoundaryClocks(errorEach time.Duration) PTP4LOption {
	return option(func(c *config) {
		if errorEach <= 0 || errorEach > time.Second {
			c.Addf("error of %v for each boundary clock: it must be above 0 and at most 1s", errorEach)
		}
		c.trust.perStep = errorEach
	})
}

// WithServerPorts sets the two UDP ports of the server, for event and for general messages: 319 and
// 320 by default.
func WithServerPorts(event, general int) UnicastOption {
	return option(func(c *config) {
		p, err := makePorts(event, general)
		c.Add(err)
		c.ports = p
	})
}

func makePorts(event, general int) (ports, error) {
	if event < 1 || event > 65535 || general < 1 || general > 65535 || event == general {
		return ports{}, fmt.Errorf("ports %d and %d: they must be two different numbers from 1 to 65535", event, general)
	}
	return ports{uint16(event), uint16(general)}, nil
}

// WithMessageRate asks the server for 2^exponent messages of each kind in a second: 1 to 7, default 3.
// A sample needs one message of each kind, and takes about the time between two of them; a clock waits for
// one for a second at first, so that fewer than two a second would come too late. A server may
// refuse a rate.
//
// A clock that is to use each Sync must ask for the next one before it comes: a quarter of the time between
// two of them is a good [truetime.WithPoll]. With the whole of it, every other one is missed.
func WithMessageRate(exponent int) UnicastOption {
	return option(func(c *config) {
		if exponent < 1 || exponent > 7 {
			c.Addf("message rate of 2^%d a second: the exponent must be 1 to 7, as a sample has to come within a second", exponent)
			exponent = -defaultInterval
		}
		c.interval = int8(-exponent)
	})
}

// WithTransparentClocks believes the corrections which transparent clocks (switches with PTP
// support) on the path have added to the messages, and narrows the interval by them. Whoever can
// change a message on its way can then make the interval wrong. By default corrections are used
// only where they widen the interval. ptp4l always believes them.
func WithTransparentClocks() UnicastOption {
	return option(func(c *config) { c.corrections = true })
}

// WithoutKernelStamps leaves the kernel's stamps of packets unused, and makes δ some tens of
// microseconds longer.
//
// By default, on Linux, each poll asks by adjtimex(2) how the kernel is steered, to know what its
// stamps are worth. That takes no right, but a filter of system calls that ends the process for it
// would do so at the first poll: such as systemd's SystemCallFilter=@system-service without
// SystemCallErrorNumber=. A [Port] still has the kernel stamp what passes, for its other sources.
func WithoutKernelStamps() UnicastOption {
	return option(func(c *config) { c.programStamps = true })
}

// check refuses a sample that is too wide to be of use.
func (c config) check(delay, e time.Duration) error {
	if delay > c.maxDelay {
		return unusable("a delay of %v is above the limit of %v (WithMaxDelay)", delay, c.maxDelay)
	}
	if e > c.maxError {
		return unusable("an error of %v is above the limit of %v (WithMaxError)", e, c.maxError)
	}
	return nil
}
