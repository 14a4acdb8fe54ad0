package ntpsrc

import (
	"crypto/tls"
	"errors"
	"time"

	"github.com/epsilontime/epsilon/internal/distance"
	"github.com/epsilontime/epsilon/internal/mistakes"
	"github.com/epsilontime/epsilon/truetime"
)

// The options form a chain, from those that every source has a use for to those of one source
// alone: every Option is a ChronyOption, every ChronyOption a NetworkOption, every NetworkOption both
// a PoolOption and a ServerOption, and every ServerOption an NTSOption. So an option that means
// nothing to a constructor does not compile.

// An Option is for every source of this package: [Kernel], [Chrony], [Server], [Pool]
// and [NTS].
type Option interface {
	ChronyOption
	kernel()
}

// A ChronyOption is for every source but [Kernel], which does not say whom it follows: for
// [Chrony], [Server], [Pool] and [NTS].
type ChronyOption interface {
	NetworkOption
	chrony()
}

// A NetworkOption is for the sources that ask servers over the network: [Server], [Pool] and [NTS].
type NetworkOption interface {
	ServerOption
	PoolOption
}

// A ServerOption is for the sources that ask one server which the user has chosen: [Server] and
// [NTS].
type ServerOption interface {
	NTSOption
	server()
}

// A PoolOption is for [Pool].
type PoolOption interface {
	apply(*config)
	pool()
}

// An NTSOption is for [NTS].
type NTSOption interface {
	apply(*config)
	nts()
}

// option is what all of them are. Whom it is for is in the type that its constructor returns.
type option func(*config)

func (o option) apply(c *config) { o(c) }

func (option) kernel() {}
func (option) chrony() {}
func (option) server() {}
func (option) pool()   {}
func (option) nts()    {}

type config struct {
	maxDelay        time.Duration
	maxRootDistance time.Duration
	maxReferenceAge time.Duration
	maxStratum      int
	extraError      time.Duration
	scale           truetime.Scale
	tls             *tls.Config // nil for the default
	programStamps   bool
	sharpStamps     bool
	localReference  bool
	replaceAfter    time.Duration // 0 for never
	forwarded       bool
	private         bool
	fineBounds      bool
	distance        distance.Claim

	mistakes.List
}

// maxExtraError is what NTP takes for no knowledge at all (MAXDISP, RFC 5905 figure 6).
const maxExtraError = 16 * time.Second

func defaults() config {
	return config{
		maxDelay:        time.Second,
		maxRootDistance: 1500 * time.Millisecond, // MAXDIST, RFC 5905 figure 27
		maxReferenceAge: 1 << 17 * time.Second,   // MAXPOLL, RFC 5905 figure 6
		maxStratum:      15,                      // 16 is "not synchronized"
	}
}

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
	c.Add(c.distance.Within(c.maxDelay))
	return c
}

var errNilOption = errors.New("an option is nil")

// WithMaxDelay sets the longest round-trip delay δ of a reply that is used: above 0, default 1 s. A
// longer one would still be true, but says little. [Kernel] and [Chrony] apply it to how long it
// takes to ask.
func WithMaxDelay(max time.Duration) Option {
	return option(func(c *config) {
		if max <= 0 {
			c.Addf("maximum delay of %v: it must be above 0", max)
		}
		c.maxDelay = max
	})
}

// WithMaxRootDistance sets the largest root distance of a reply that is used: above 0, default 1.5
// s. Root distance is δ/2 + E: how far the server may be from true time, and the reply with it.
func WithMaxRootDistance(max time.Duration) Option {
	return option(func(c *config) {
		if max <= 0 {
			c.Addf("maximum root distance of %v: it must be above 0", max)
		}
		c.maxRootDistance = max
	})
}

// WithExtraError adds to the error E that the source claims: 0 to 16 s, default 0. Root dispersion
// is a claim and often an estimate. chrony, for one, adds 1 ppm for its own clock (maxclockerror)
// where 50 would be a bound; add what you think is missing.
func WithExtraError(extra time.Duration) Option {
	return option(func(c *config) {
		if extra < 0 || extra > maxExtraError {
			c.Addf("extra error of %v: it must be 0 to %v", extra, maxExtraError)
		}
		c.extraError = extra
	})
}

// WithScale declares in which scale the server counts, which makes a difference around leap
// seconds. The default is [truetime.ScaleUTC], which steps. Servers of Google and AWS serve
// [truetime.ScaleUTCSmeared]. Nothing in NTP says so: on the days of leap seconds a wrong
// declaration makes a server a falseticker, and then its Status says what it seems to serve.
func WithScale(scale truetime.Scale) Option {
	return option(func(c *config) {
		if scale == truetime.ScaleTAI {
			c.Addf("scale TAI: NTP counts in UTC")
		}
		c.scale = scale
	})
}

// WithMaxStratum sets the highest stratum of a server that is used: 1 to 15, default 15.
func WithMaxStratum(max int) ChronyOption {
	return option(func(c *config) {
		if max < 1 || max > 15 {
			c.Addf("maximum stratum of %d: it must be 1 to 15", max)
		}
		c.maxStratum = max
	})
}

// WithMaxReferenceAge sets how long ago the server's own clock may have been corrected last: above
// 0, default 2¹⁷ s, a day and a half. Root dispersion should grow in that time, but it is a claim.
// A server that does not say when it was corrected is used.
func WithMaxReferenceAge(max time.Duration) ChronyOption {
	return option(func(c *config) {
		if max <= 0 {
			c.Addf("maximum reference age of %v: it must be above 0", max)
		}
		c.maxReferenceAge = max
	})
}

// WithoutKernelStamps leaves the kernel's stamps of packets unused, and makes δ some tens of
// microseconds longer.
//
// By default, on Linux, the kernel is asked to stamp the packets that it receives for the time of
// each poll. Where no other program wants that, it patches its code each time, which may disturb a
// machine with isolated processors. And one file descriptor, by which the process is told when
// anybody sets the wall clock, is opened at the first poll and stays open.
func WithoutKernelStamps() NetworkOption {
	return option(func(c *config) { c.programStamps = true })
}

// WithSharpStamps makes the kernel's stamps of packets worth more: some tens of microseconds less of δ, where the path is short enough
// for that to show. It is for clocks that ask nearby servers every few seconds or more often, or with
// [truetime.WithMaxWander]; where δ is above 20 ms it does nothing. Stamps in Status says "sharp" where it has worked.
//
// The kernel stamps by the wall clock, which a daemon may be slewing by up to 22.6 %, and by as much of the time between a stamp and the
// program's next reading a round trip seems longer. How fast the wall clock is can be proved if adjtimex(2), before and
// after, tells the same of its steering. That takes no right, but a filter of system calls that ends the process for it would do so at the
// first poll: such as systemd's SystemCallFilter=@system-service without SystemCallErrorNumber=. Where it is refused with an
// error, stamps are worth what they are without the option. It also takes two looks some milliseconds apart: each poll
// waits for 5 ms before it asks, or 10 where a timer interrupt comes every 10 ms, unless another one in the same second has, and near the end of a second for up to 40, which costs the processor
// time of one more wake-up, some 0.3 ms.
//
// Somebody with the right to set the clock who sets the length of its tick, and sets it back to just what it was, within one second, goes
// unnoticed. Time daemons do not. A stamp may then be wrong by 22.6 % of its distance from the reading.
func WithSharpStamps() NetworkOption {
	return option(func(c *config) { c.sharpStamps = true })
}

// sharpDelay is a round trip beside which what the stamps are worth does not show.
const sharpDelay = 20 * time.Millisecond

// WithPortForwarding declares that different ports of the address lead to different machines, as
// behind a router that forwards them. Otherwise servers at one address are one machine, which has
// one vote, at whatever port they listen. Servers on the loopback interface are always told apart
// by their ports.
func WithPortForwarding() NetworkOption {
	return option(func(c *config) { c.forwarded = true })
}

// minReplaceAfter is the least for WithReplaceAfter: networks have shorter gaps.
const minReplaceAfter = time.Minute

// WithReplaceAfter lets a server that has had a vote be replaced by another of its name once it has
// been silent for so long, 1 min or more, and for eight polls, or refuses service. Never is the
// default.
//
// It changes what is assumed. Without it at most f of the servers that had the votes first may be
// wrong. With it at most f of any n servers of the name may be wrong, even if somebody makes the
// others silent. That holds where one operator whom you trust runs all servers of the name. It does
// not hold for a public pool as soon as f+1 of its servers are hostile. A process that lives for
// months, or a machine that moves between networks, needs it or ends up with servers that are gone.
func WithReplaceAfter(silence time.Duration) PoolOption {
	return option(func(c *config) {
		if silence < minReplaceAfter {
			c.Addf("replacing servers after a silence of %v: it must be %v or more", silence, minReplaceAfter)
		}
		c.replaceAfter = silence
	})
}
