package ptpsrc

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/epsilontime/epsilon/truetime"
)

// An Option changes what a source asks for and what it accepts. One that says nothing to the kind of
// source it is given to is a mistake, which [truetime.New] reports.
type Option func(*settings) error

// kind is which source the settings are for.
type kind int

const (
	unicastKind kind = iota
	ptp4lKind
	phcKind
)

type settings struct {
	kind kind

	domain     uint8
	extraError time.Duration
	maxDelay   time.Duration
	maxError   time.Duration
	trust      trust

	// Of Unicast only.
	ports       ports
	interval    int8 // log₂ s
	corrections bool

	// Of PTP4L, and of what ptp4l says about a hardware clock.
	driftPPM float64

	// Of PHC only.
	ptp4l string // the socket of the ptp4l that tells the device's error; empty if none does
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

func (t trust) check() error {
	if t.tai && t.hasOffset {
		return errors.New("WithTAI and WithUTCOffset exclude each other: what is ahead of UTC by a number of its own is not TAI")
	}
	return nil
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

func defaultSettings(k kind) settings {
	return settings{
		kind:     k,
		maxDelay: time.Second,
		maxError: 1500 * time.Millisecond,
		ports:    wellKnown,
		interval: defaultInterval,
		driftPPM: 200,
	}
}

// configure applies the options and returns all their mistakes in one error.
func (s *settings) configure(options []Option) error {
	var mistakes []error
	for _, o := range options {
		if o == nil {
			mistakes = append(mistakes, errors.New("an option is nil"))
			continue
		}
		mistakes = append(mistakes, o(s))
	}
	return join(mistakes...)
}

// join puts errors on one line.
func join(all ...error) (joined error) {
	for _, err := range all {
		switch {
		case err == nil:
		case joined == nil:
			joined = err
		default:
			joined = fmt.Errorf("%w; %w", joined, err)
		}
	}
	return joined
}

// WithDomain sets the PTP domain: 0 to 255, default 0. Messages of other domains are not used. It is for
// [Unicast], [PTP4L] and [PHC] with [WithErrorFromPTP4L].
func WithDomain(number int) Option {
	return func(s *settings) error {
		if err := s.only("WithDomain", unicastKind, ptp4lKind, phcKind); err != nil {
			return err
		}
		if number < 0 || number > 255 {
			return fmt.Errorf("domain %d: it must be 0 to 255", number)
		}
		s.domain = uint8(number)
		return nil
	}
}

// WithAccuracy says by how much the grandmaster may be away from true time, 1 ns to 16 s, in place of
// what it announces. It is needed where a grandmaster makes no claim: where it announces an unknown
// accuracy, or a clock class that is neither 6 (locked to a reference) nor 7 (in holdover within its
// specification). The user then vouches for it; too small a number makes the interval wrong. Of a [PHC]
// without ptp4l it says by how much the device may be away.
func WithAccuracy(bound time.Duration) Option {
	return func(s *settings) error {
		if err := s.only("WithAccuracy", unicastKind, ptp4lKind, phcKind); err != nil {
			return err
		}
		if bound <= 0 || bound > maxExtraError {
			return fmt.Errorf("accuracy of %v: it must be above 0 and at most %v", bound, maxExtraError)
		}
		s.trust.accuracy = bound
		return nil
	}
}

// WithErrorFromPTP4L has the ptp4l that steers a PTP hardware clock, with time_stamping hardware, tell how
// far that is from true time: its offset at the last Sync, and all that [PTP4L] adds to it. The path is that of
// its management socket, as in [PTP4LSocket]. It is for [PHC].
func WithErrorFromPTP4L(socket string) Option {
	return func(s *settings) error {
		if err := s.only("WithErrorFromPTP4L", phcKind); err != nil {
			return err
		}
		s.ptp4l = socket
		return parseSocket(socket)
	}
}

// WithTAI says that the grandmaster, or the device, serves TAI: for a grandmaster that does not flag its scale as
// PTP's, and for a [PHC] that somebody else than ptp4l sets to TAI. If it serves UTC the interval is wrong by 37 s. It
// is a mistake together with [WithUTCOffset].
func WithTAI() Option {
	return func(s *settings) error {
		s.trust.tai = true
		return s.trust.check()
	}
}

// WithUTCOffset says that the grandmaster, or the device, does not serve TAI, and how far its time is
// ahead of UTC: whole seconds from −1000 s to 1000 s, 0 for one that serves UTC. ptp4l as a grandmaster
// with time_stamping software is of that kind, whatever it announces. The source then serves UTC, which it has to do
// with a step at a leap second, or else it is wrong from then on; so for one that serves TAI there is [WithTAI]. A
// wrong number makes the interval wrong by whole seconds.
func WithUTCOffset(ahead time.Duration) Option {
	return func(s *settings) error {
		if ahead.Abs() > maxOffset || ahead%time.Second != 0 {
			return fmt.Errorf("UTC offset of %v: it must be whole seconds from -%v to %v", ahead, maxOffset, maxOffset)
		}
		s.trust.utcOffset, s.trust.hasOffset = ahead, true
		return s.trust.check()
	}
}

// WithBoundaryClocks allows boundary clocks between the grandmaster and here, and says how much error
// each adds: 1 ns to 1 s. A boundary clock passes the grandmaster's accuracy on and tells nothing of
// its own error, so by default time that came through one is not used.
func WithBoundaryClocks(errorEach time.Duration) Option {
	return func(s *settings) error {
		if err := s.only("WithBoundaryClocks", unicastKind, ptp4lKind, phcKind); err != nil {
			return err
		}
		if errorEach <= 0 || errorEach > time.Second {
			return fmt.Errorf("error of %v for each boundary clock: it must be above 0 and at most 1s", errorEach)
		}
		s.trust.perStep = errorEach
		return nil
	}
}

// WithExtraError adds to the error E that is claimed: 0 to 16 s, default 0.
func WithExtraError(extra time.Duration) Option {
	return func(s *settings) error {
		if extra < 0 || extra > maxExtraError {
			return fmt.Errorf("extra error of %v: it must be 0 to %v", extra, maxExtraError)
		}
		s.extraError = extra
		return nil
	}
}

// WithMaxDelay sets the longest delay of an exchange that is used: above 0, default 1 s. For
// [Unicast] that is the sum of both ways, for [PTP4L] the mean path delay.
func WithMaxDelay(max time.Duration) Option {
	return func(s *settings) error {
		if max <= 0 {
			return fmt.Errorf("maximum delay of %v: it must be above 0", max)
		}
		s.maxDelay = max
		return nil
	}
}

// WithMaxError sets the largest error E of a sample that is used: above 0, default 1.5 s.
func WithMaxError(max time.Duration) Option {
	return func(s *settings) error {
		if max <= 0 {
			return fmt.Errorf("maximum error of %v: it must be above 0", max)
		}
		s.maxError = max
		return nil
	}
}

// WithServerPorts sets the two UDP ports of the server, for event and for general messages: 319 and 320
// by default. It is for [Unicast].
func WithServerPorts(event, general int) Option {
	return func(s *settings) error {
		if err := s.only("WithServerPorts", unicastKind); err != nil {
			return err
		}
		p, err := makePorts(event, general)
		if err != nil {
			return err
		}
		s.ports = p
		return nil
	}
}

func makePorts(event, general int) (ports, error) {
	if event < 1 || event > 65535 || general < 1 || general > 65535 || event == general {
		return ports{}, fmt.Errorf("ports %d and %d: they must be two different numbers from 1 to 65535", event, general)
	}
	return ports{uint16(event), uint16(general)}, nil
}

// WithMessageRate asks the server for 2^exponent messages of each kind in a second: −4 to 7, default
// 3. A sample needs one message of each kind, and takes about the time between two of them. A server may
// refuse a rate. It is for [Unicast].
func WithMessageRate(exponent int) Option {
	return func(s *settings) error {
		if err := s.only("WithMessageRate", unicastKind); err != nil {
			return err
		}
		if exponent < -4 || exponent > 7 {
			return fmt.Errorf("message rate of 2^%d a second: the exponent must be -4 to 7", exponent)
		}
		s.interval = int8(-exponent)
		return nil
	}
}

// WithTransparentClocks believes the corrections which transparent clocks (switches with PTP support) on
// the path have added to the messages, and narrows the interval by them. Whoever can change a message on
// its way can then make the interval wrong. By default corrections are used only where they widen the
// interval. It is for [Unicast]; ptp4l always believes them.
func WithTransparentClocks() Option {
	return func(s *settings) error {
		if err := s.only("WithTransparentClocks", unicastKind); err != nil {
			return err
		}
		s.corrections = true
		return nil
	}
}

// WithDrift sets by how much, in parts per million, this host's oscillator may be fast or slow: 1 to
// [truetime.MaxDriftPPM], default 200. What is given to [truetime.WithDrift] counts if that is more, so this is for a
// clock whose counter is better than the host's oscillator. It counts from the
// Sync that ptp4l has used last. It is for [PTP4L], and [PHC] with [WithErrorFromPTP4L].
func WithDrift(ppm float64) Option {
	return func(s *settings) error {
		if err := s.only("WithDrift", ptp4lKind, phcKind); err != nil {
			return err
		}
		if !(ppm >= 1 && ppm <= truetime.MaxDriftPPM) {
			return fmt.Errorf("drift of %g ppm: it must be 1 to %d", ppm, truetime.MaxDriftPPM)
		}
		s.driftPPM = ppm
		return nil
	}
}

// drift returns the poll's information with the larger of two drifts: of the counter and of this host's oscillator.
func (s *settings) drift(i truetime.PollInfo) truetime.PollInfo {
	i.DriftPPM = max(i.DriftPPM, s.driftPPM)
	return i
}

func (s *settings) only(option string, kinds ...kind) error {
	if slices.Contains(kinds, s.kind) {
		return nil
	}
	var names []string
	for _, k := range kinds {
		names = append(names, k.String())
	}
	return fmt.Errorf("%s is for %s, not for %s", option, strings.Join(names, " and "), s.kind)
}

func (k kind) String() string { return [...]string{"Unicast", "PTP4L", "PHC"}[k] }

// check refuses a sample that is too wide to be of use.
func (s *settings) check(delay, e time.Duration) error {
	if delay > s.maxDelay {
		return unusable("a delay of %v is above the limit of %v", delay, s.maxDelay)
	}
	if e > s.maxError {
		return unusable("an error of %v is above the limit of %v", e, s.maxError)
	}
	return nil
}
