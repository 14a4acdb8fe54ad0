package clockbound

import (
	"errors"
	"time"

	"github.com/epsilontime/epsilon/internal/mistakes"
	"github.com/epsilontime/epsilon/truetime"
)

type publisherOption func(*publisherConfig)

func (o publisherOption) applyToPublisher(c *publisherConfig) { o(c) }

type publisherConfig struct {
	slewPPM  float64
	slewSet  bool
	driftPPM float64
	period   time.Duration
	vmClock  string // empty for none

	mistakes.List
}

const (
	defaultDriftPPM = 200 // that of truetime.WithDrift
	maxSlewPPM      = 250_000
	minPeriod       = time.Millisecond
	maxPeriod       = 100 * time.Millisecond
)

var errNoMaxSlew = errors.New("WithMaxSlew is missing: say by how many ppm at most CLOCK_REALTIME is slewed, 83333 for chronyd's default")

func configurePublisher(path string, options []PublisherOption) publisherConfig {
	c := publisherConfig{driftPPM: defaultDriftPPM, period: maxPeriod}
	c.Add(mistakeInPath("segment", path))
	for _, o := range options {
		if o == nil {
			c.Add(errNilOption)
			continue
		}
		o.applyToPublisher(&c)
	}
	if !c.slewSet {
		c.Add(errNoMaxSlew)
	}
	return c
}

// WithMaxSlew declares by how many parts per million at most CLOCK_REALTIME is slewed to correct its
// offset: 0 to 250 000. It is required. For chronyd it is what its directive maxslewrate says, 83333
// by default. An ntpd that uses the kernel's loop makes up each second for one of 2^(2+poll) of an
// offset of up to 128 ms: 500 ppm with its default minpoll of 6, and 4000 with 3. What corrects the
// frequency of the oscillator comes on top, up to the 500 ppm that Linux takes, and is not to be
// counted.
//
// If the clock is slewed faster, the clients' intervals are wrong. The bound grows at this rate, so a
// smaller one narrows them: with 83333 ppm and a write every 100 ms they are up to 12 ms wider on
// either side, with maxslewrate 1000 in chronyd's configuration up to 0.2 ms (where a tick is 4 ms).
func WithMaxSlew(ppm float64) PublisherOption {
	return publisherOption(func(c *publisherConfig) {
		if !(ppm >= 0 && ppm <= maxSlewPPM) { // so that NaN fails too
			c.Addf("maximum slew of %g ppm: it must be 0 to %d", ppm, maxSlewPPM)
			ppm = 0
		}
		c.slewPPM, c.slewSet = ppm, true
	})
}

// WithDrift declares by how many parts per million this machine's oscillator may be off: above 0, and
// at most [truetime.MaxDriftPPM]. The default is 200, as for truetime.WithDrift.
func WithDrift(ppm float64) PublisherOption {
	return publisherOption(func(c *publisherConfig) {
		if !(ppm > 0 && ppm <= truetime.MaxDriftPPM) {
			c.Addf("drift of %g ppm: it must be above 0 and at most %d", ppm, truetime.MaxDriftPPM)
			ppm = defaultDriftPPM
		}
		c.driftPPM = ppm
	})
}

// WithPeriod sets how often the segment is written: every 1 ms to 100 ms, default 100 ms. What is
// written grows at the rate of [WithMaxSlew] until the next write, so a shorter period makes the
// clients' intervals narrower. Each write costs some 15 µs of a processor.
func WithPeriod(period time.Duration) PublisherOption {
	return publisherOption(func(c *publisherConfig) {
		if period < minPeriod || period > maxPeriod {
			c.Addf("period of %v: it must be %v to %v", period, minPeriod, maxPeriod)
			period = maxPeriod
		}
		c.period = period
	})
}
