package ntpsrc

import (
	"crypto/tls"
	"errors"
	"fmt"
	"time"

	"github.com/epsilontime/epsilon/truetime"
)

// An Option changes what a source accepts.
type Option func(*limits) error

type limits struct {
	maxDelay        time.Duration
	maxRootDistance time.Duration
	maxReferenceAge time.Duration
	maxStratum      int
	extraError      time.Duration
	scale           truetime.Scale
	tls             *tls.Config // of NTS alone; nil for the default
	programStamps   bool
	localReference  bool
	replaceAfter    time.Duration // 0 for never
	forwarded       bool
	private         bool
}

// maxExtraError is what NTP takes for no knowledge at all (MAXDISP, RFC 5905 figure 6).
const maxExtraError = 16 * time.Second

func defaultLimits() limits {
	return limits{
		maxDelay:        time.Second,
		maxRootDistance: 1500 * time.Millisecond, // MAXDIST, RFC 5905 figure 27
		maxReferenceAge: 1 << 17 * time.Second,   // MAXPOLL, RFC 5905 figure 6
		maxStratum:      15,                      // 16 is "not synchronized"
	}
}

// WithMaxDelay sets the longest round-trip delay δ of a reply that is used: above 0, default 1 s. A
// longer one would still be true, but says little.
func WithMaxDelay(max time.Duration) Option {
	return func(l *limits) error {
		if max <= 0 {
			return fmt.Errorf("maximum delay of %v: it must be above 0", max)
		}
		l.maxDelay = max
		return nil
	}
}

// WithMaxRootDistance sets the largest root distance of a reply that is used: above 0, default
// 1.5 s. Root distance is δ/2 + E: how far the server may be from true time, and the reply with it.
func WithMaxRootDistance(max time.Duration) Option {
	return func(l *limits) error {
		if max <= 0 {
			return fmt.Errorf("maximum root distance of %v: it must be above 0", max)
		}
		l.maxRootDistance = max
		return nil
	}
}

// WithMaxStratum sets the highest stratum of a server that is used: 1 to 15, default 15.
func WithMaxStratum(max int) Option {
	return func(l *limits) error {
		if max < 1 || max > 15 {
			return fmt.Errorf("maximum stratum of %d: it must be 1 to 15", max)
		}
		l.maxStratum = max
		return nil
	}
}

// WithMaxReferenceAge sets how long ago the server's own clock may have been corrected last: above
// 0, default 2¹⁷ s, a day and a half. Root dispersion should tell of that, but it is a claim. A
// server that does not say when it was is used.
func WithMaxReferenceAge(max time.Duration) Option {
	return func(l *limits) error {
		if max <= 0 {
			return fmt.Errorf("maximum reference age of %v: it must be above 0", max)
		}
		l.maxReferenceAge = max
		return nil
	}
}

// WithoutKernelStamps leaves the kernel's stamps of packets unused, and makes δ some tens of
// microseconds longer. Without it, on Linux, the kernel is asked to stamp the packets that it
// receives for the time of each poll; where no other program wants that, it has to patch its code
// for it each time, which a machine with isolated processors may not want. And one file descriptor of the
// process, by which it is told when anybody sets the wall clock, is opened at the first poll and stays open.
func WithoutKernelStamps() Option {
	return func(l *limits) error {
		l.programStamps = true
		return nil
	}
}

// minReplaceAfter is the least for WithReplaceAfter: shorter gaps are what networks have.
const minReplaceAfter = time.Minute

// WithReplaceAfter lets a server that has had a vote be replaced by another of its name once it has been silent
// for so long, 1 min or more, and for eight polls, or refuses service. Never is the default.
//
// It changes what is assumed. Without it at most f of the servers that had the votes first may be wrong. With it at
// most f of any n servers of the name may be, also if somebody makes the others silent. That holds where one
// operator whom you trust runs all servers of the name. It does not hold for a public pool as soon as f+1 of its
// servers are hostile. A process that lives for months, or a machine that moves between networks, needs it or
// ends up with servers that are gone.
//
// A [Server] whose name has one address follows its name without it, and an [NTS] source too: there it is a
// mistake, as it is for an address that is no name.
func WithReplaceAfter(silence time.Duration) Option {
	return func(l *limits) error {
		if silence < minReplaceAfter {
			return fmt.Errorf("replacing servers after a silence of %v: it must be %v or more", silence, minReplaceAfter)
		}
		l.replaceAfter = silence
		return nil
	}
}

// WithPortForwarding declares that different ports of the address lead to different machines, as behind a router
// that forwards them. Otherwise servers at one address are one machine, which has one vote, at whatever port
// they listen. What listens on the loopback interface is told apart by its port in any case.
func WithPortForwarding() Option {
	return func(l *limits) error {
		l.forwarded = true
		return nil
	}
}

// WithExtraError adds to the error E that the server claims: 0 to 16 s, default 0. Root dispersion
// is a claim and often an estimate. chrony, for one, adds 1 ppm for its own clock (maxclockerror)
// where 50 would be a bound; add what you think is missing.
func WithExtraError(extra time.Duration) Option {
	return func(l *limits) error {
		if extra < 0 || extra > maxExtraError {
			return fmt.Errorf("extra error of %v: it must be 0 to %v", extra, maxExtraError)
		}
		l.extraError = extra
		return nil
	}
}

// WithScale declares in which scale the server counts, which makes a difference around leap seconds: the
// default is [truetime.ScaleUTC], which steps. Servers of Google and AWS serve
// [truetime.ScaleUTCSmeared]. Nothing in NTP says so: on the days of leap seconds a wrong declaration
// makes a server a falseticker, and then its Status says what it seems to serve.
func WithScale(scale truetime.Scale) Option {
	return func(l *limits) error {
		if scale == truetime.ScaleTAI {
			return errors.New("scale TAI: NTP counts in UTC")
		}
		l.scale = scale
		return nil
	}
}

// check refuses a sample that is too wide to be of use.
func (l limits) check(delay, e time.Duration) error {
	if delay > l.maxDelay {
		return unusable("a delay of %v is above the limit of %v (WithMaxDelay)", delay, l.maxDelay)
	}
	if distance := delay/2 + e; distance > l.maxRootDistance {
		return unusable("a root distance of %v is above the limit of %v (WithMaxRootDistance)", distance, l.maxRootDistance)
	}
	return nil
}
