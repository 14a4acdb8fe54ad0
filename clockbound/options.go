package clockbound

import (
	"errors"
	"time"

	"github.com/epsilontime/epsilon/internal/mistakes"
	"github.com/epsilontime/epsilon/internal/vmclock"
	"github.com/epsilontime/epsilon/truetime"
)

// An Option is for [Source] and for [NewPublisher].
type Option interface {
	SourceOption
	PublisherOption
}

// A SourceOption is for [Source].
type SourceOption interface{ applyToSource(*sourceConfig) }

// A PublisherOption is for [NewPublisher].
type PublisherOption interface{ applyToPublisher(*publisherConfig) }

type sourceOption func(*sourceConfig)

func (o sourceOption) applyToSource(c *sourceConfig) { o(c) }

type sourceConfig struct {
	scale      truetime.Scale
	extraError time.Duration
	vmClock    string

	mistakes.List
}

// maxExtraError is what NTP takes for no knowledge at all (MAXDISP, RFC 5905 figure 6).
const maxExtraError = 16 * time.Second

var errNilOption = errors.New("an option is nil")

func configureSource(path string, options []SourceOption) sourceConfig {
	c := sourceConfig{vmClock: vmclock.DefaultPath}
	c.Add(mistakeInPath("segment", path))
	for _, o := range options {
		if o == nil {
			c.Add(errNilOption)
			continue
		}
		o.applyToSource(&c)
	}
	return c
}

// WithScale declares in which scale CLOCK_REALTIME counts, which makes a difference around leap
// seconds. The default is [truetime.ScaleUTC], which steps. Nothing in a segment says so. It is what
// the daemon's own sources serve: on EC2 the Time Sync Service at 169.254.169.123 serves
// [truetime.ScaleUTCSmeared], and the PTP hardware clock counts in UTC with steps. A daemon that
// follows both is wrong by up to half a second on the day of a leap second, and no declaration
// helps.
func WithScale(scale truetime.Scale) SourceOption {
	return sourceOption(func(c *sourceConfig) {
		if scale == truetime.ScaleTAI {
			c.Addf("scale TAI: CLOCK_REALTIME counts in UTC")
		}
		c.scale = scale
	})
}

// WithExtraError adds to the error that the segment claims: 0 to 16 s, default 0.
func WithExtraError(extra time.Duration) SourceOption {
	return sourceOption(func(c *sourceConfig) {
		if extra < 0 || extra > maxExtraError {
			c.Addf("extra error of %v: it must be 0 to %v", extra, maxExtraError)
		}
		c.extraError = extra
	})
}

// vmClockOption is the path of a VMClock device.
type vmClockOption string

func (o vmClockOption) applyToSource(c *sourceConfig) {
	c.Add(mistakeInPath("VMClock device", string(o)))
	c.vmClock = string(o)
}

func (o vmClockOption) applyToPublisher(c *publisherConfig) {
	c.Add(mistakeInPath("VMClock device", string(o)))
	c.vmClock = string(o)
}

// WithVMClock sets where the VMClock device is whose disruption marker is compared with that of a
// segment.
//
// [Source] opens it only if the segment says that there is one, at /dev/vmclock0 by default. A
// container needs it besides the segment.
//
// [NewPublisher] writes no marker by default. With the device it does, and clients notice for
// themselves that the machine was migrated or restored, before anything is written. Each client then
// needs the device, too: those without it fail.
func WithVMClock(path string) Option { return vmClockOption(path) }
