package ntpsrc

import (
	"errors"
	"fmt"

	"github.com/epsilontime/epsilon/truetime"
)

// A DaemonOption changes what a source accepts that asks about the system clock, which a daemon
// steers: [Chrony] or [Kernel]. Every [Option] is one.
type DaemonOption interface {
	applyDaemon(*daemon) error
}

func (o Option) applyDaemon(d *daemon) error {
	if o == nil {
		return errNilOption
	}
	return o(&d.limits)
}

var errNilOption = errors.New("an option is nil")

type daemonOption func(*daemon) error

func (o daemonOption) applyDaemon(d *daemon) error { return o(d) }

// daemon is what the sources have in common that ask about the system clock.
type daemon struct {
	name     string
	limits   limits
	driftPPM float64 // 0 for what the clock assumes of its counter, or the least
	mistake  error
}

// WithDaemonDrift sets, in parts per million, by how much the oscillator of this host may run away
// from true time while chronyd has no news from its sources: 1 to [truetime.MaxDriftPPM], by default what the clock
// assumes of its counter ([truetime.WithDrift]), and 200 at least. chronyd asks its sources every 64 to 1024 seconds by
// default, so 200 ppm add up to 13 to 205 ms between two answers; on a host known to stay within 20 ppm it is a
// tenth. The danger of a smaller number is a wrong interval. The maxpoll of chronyd's servers has the same
// effect without that danger. [Kernel] does not use it: the kernel counts 500 ppm itself, and
// Kernel adds what the clock assumes beyond that.
func WithDaemonDrift(ppm float64) DaemonOption {
	return daemonOption(func(d *daemon) error {
		if !(ppm >= 1 && ppm <= truetime.MaxDriftPPM) {
			return fmt.Errorf("daemon drift of %g ppm: it must be 1 to %d", ppm, truetime.MaxDriftPPM)
		}
		d.driftPPM = ppm
		return nil
	})
}

// leastDaemonDriftPPM is what is assumed at least of this host's oscillator: a clock may have a better one.
const leastDaemonDriftPPM = 200

// configure sets name and options and keeps every mistake.
func (d *daemon) configure(name string, mistake error, options []DaemonOption) {
	d.name, d.limits = name, defaultLimits()
	d.note(mistake)
	for _, o := range options {
		if o == nil {
			d.note(errNilOption)
			continue
		}
		d.note(o.applyDaemon(d))
	}
}

func (d *daemon) note(mistake error) {
	switch {
	case mistake == nil:
	case d.mistake == nil:
		d.mistake = mistake
	default:
		d.mistake = fmt.Errorf("%w; %w", d.mistake, mistake)
	}
}

// Info says what the source is.
func (d *daemon) Info() truetime.SourceInfo {
	return truetime.SourceInfo{Name: d.name, Scale: d.limits.scale, Err: d.mistake}
}
