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

	longestPause time.Duration

	mistakes.List
}

const (
	defaultDriftPPM = 200 // that of truetime.WithDrift
	maxSlewPPM      = 250_000
	minPeriod       = time.Millisecond
	maxPeriod       = 100 * time.Millisecond

	defaultLongestPause = 100 * time.Millisecond // the period of a quota (cpu.max) as it comes
	maxLongestPause     = lifetime
)

var errNoMaxSlew = errors.New("WithMaxSlew is missing: say by how many ppm at most CLOCK_REALTIME is slewed: 100000 for chronyd as it comes, 1000 if its configuration has maxslewrate 1000 and maxdrift 500")

func configurePublisher(path string, options []PublisherOption) publisherConfig {
	c := publisherConfig{driftPPM: defaultDriftPPM, period: maxPeriod, longestPause: defaultLongestPause}
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
// offset, or by more than 500 to correct its frequency: 0 to 250 000. It is required.
//
// For chronyd as it comes it is 100 000, the most that Linux lets a daemon do by the length of the tick. By
// default chronyd slews by up to 83 333 ppm, and takes whatever frequency its sources show it, as its
// directive maxdrift allows 500 000 ppm. With the lines
//
//	maxslewrate 1000
//	maxdrift 500
//
// in its configuration it is 1000. With any other maxdrift it is maxslewrate and what maxdrift has above 500
// together.
//
// An ntpd that uses the kernel's loop makes up each second for one of 2^(2+poll) of an offset of up
// to 128 ms: 500 ppm with its default minpoll of 6, and 4000 with 3. It corrects the frequency by up
// to the 500 ppm that the kernel takes for one, which are not to be counted.
//
// If the clock is slewed faster, the clients' intervals are wrong. The bound grows at this rate, so a
// smaller one narrows them: with 100 000 ppm and a write every 100 ms they are up to 81 ms wider on
// either side, with 1000 up to 0.4 ms (where a tick is 4 ms).
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

// WithLongestPause declares for how long at most the host of a virtual machine lets all of its processors
// stand still together while its clocks go on: 0 to 5 s, default 100 ms, which is the period of a
// quota (cpu.max) as it comes. A client that runs again before the processor that moves
// CLOCK_MONOTONIC_COARSE takes the segment to be so much younger than it is. Where a machine is
// migrated live, or its host gives away more than it has, that may be a second; on a host of its own
// it is 0.
//
// If a pause is longer, the clients' intervals may be wrong for some ticks after it. Each 100 ms make them 11 ms
// wider on either side with 100 000 ppm, and 0.17 ms with 1000.
func WithLongestPause(pause time.Duration) PublisherOption {
	return publisherOption(func(c *publisherConfig) {
		if pause < 0 || pause > maxLongestPause {
			c.Addf("longest pause of %v: it must be 0 to %v", pause, maxLongestPause)
			pause = defaultLongestPause
		}
		c.longestPause = pause
	})
}
