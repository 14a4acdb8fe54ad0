package ntpserver

import (
	"fmt"
	"net/netip"
	"runtime"

	"github.com/epsilontime/epsilon/internal/mistakes"
	"github.com/epsilontime/epsilon/internal/unset"
	"github.com/epsilontime/epsilon/monotonic"
	"github.com/epsilontime/epsilon/truetime"
)

// Config is what a server serves, where, and to whom.
type Config struct {
	// Reader is the clock that is served.
	Reader truetime.Reader

	// Listen is where requests are taken: IPv4 and IPv6 addresses, also 0.0.0.0 and [::], of which
	// the latter takes IPv6 only. Port 0 is any that is free. See Everywhere.
	Listen []netip.AddrPort

	// Upstream says whom the clock follows: it is called about once a second, by one goroutine at a
	// time. See UpstreamOf and Fixed.
	Upstream func() Upstream

	// Scale is how the served time counts leap seconds.
	Scale Scale

	// Limit is how often clients may ask; nil for as often as they like.
	Limit *Limit

	// Workers is how many sockets share an address, 1 to 64, each with a goroutine and a thread; 0
	// stands for one per processor, at most 4.
	Workers int

	// Counter and DriftPPM are what the kernel's stamps are measured against: the local counter, and
	// by how much it may be fast or slow, as declared by truetime.WithDrift. nil stands for
	// monotonic.System, and 0 for 200.
	Counter  monotonic.Counter
	DriftPPM float64

	// ProgramStamps does without the kernel's receive stamps. T2 is then the moment at which the
	// request is handled: as true, and later by what the request has waited.
	ProgramStamps bool
}

// Scale is how the served time counts leap seconds.
type Scale uint8

const (
	// ScaleSmeared is the scale of truetime.Time, UTC smeared from noon to noon. The leap indicator
	// is 0 always: a client that was told of a leap second would apply it a second time.
	ScaleSmeared Scale = iota

	// ScaleStepped is UTC that steps at a leap second, with the leap indicator set before. It is
	// refused: an interval that reaches across the step has no form in NTP.
	ScaleStepped
)

const (
	defaultDriftPPM = 200
	maxWorkers      = 64
)

// check reports all mistakes at once and fills in what 0 stands for.
func (c *Config) check() error {
	var m mistakes.List
	if unset.Nil(c.Reader) {
		m.Addf("no clock to serve: Reader is nil")
	}
	if c.Upstream == nil {
		m.Addf("Upstream is nil: set UpstreamOf of the clock's Status, or Fixed for a stratum that never changes")
	}
	if len(c.Listen) == 0 {
		m.Addf("no address to listen at: add one, as 0.0.0.0:123 or [::]:123")
	}
	m.Add(CheckListen(c.Listen))
	c.Listen = unmapped(c.Listen)
	switch c.Scale {
	case ScaleSmeared:
	case ScaleStepped:
		m.Addf("UTC with steps cannot be served: around the step an interval has no form in NTP; serve smeared UTC, and tell clients not to mix it with servers that step (RFC 8633 section 3.7.1)")
	default:
		m.Addf("scale %d is none of ScaleSmeared, ScaleStepped", c.Scale)
	}
	m.Add(c.Limit.Check())
	m.Add(CheckWorkers(c.Workers))
	if c.Workers == 0 {
		c.Workers = min(runtime.GOMAXPROCS(0), 4)
	}
	if !(c.DriftPPM >= 0 && c.DriftPPM <= truetime.MaxDriftPPM) {
		m.Addf("drift of %v ppm: it must be 0 to %v", c.DriftPPM, truetime.MaxDriftPPM)
	}
	if c.DriftPPM == 0 {
		c.DriftPPM = defaultDriftPPM
	}
	if unset.Nil(c.Counter) {
		var err error
		if c.Counter, err = monotonic.System(); err != nil {
			m.Add(fmt.Errorf("the local counter: %w", err))
		}
	}
	return m.Err()
}

// CheckListen says what is wrong with addresses to listen at, so that a configuration can be refused with its
// line before anything is started.
func CheckListen(listen []netip.AddrPort) error {
	var m mistakes.List
	seen := map[netip.AddrPort]bool{}
	for _, a := range unmapped(listen) {
		switch {
		case !a.IsValid():
			m.Addf("an address to listen at is not valid")
		case a.Addr().IsMulticast() || a.Addr() == netip.AddrFrom4([4]byte{255, 255, 255, 255}):
			m.Addf("listen at %v: it is not the address of one host", a)
		case seen[a] && a.Port() != 0:
			m.Addf("listen at %v: it is there twice", a)
		}
		seen[a] = true
	}
	return m.Err()
}

// unmapped writes IPv4 addresses as such, also those that were written as IPv6 (::ffff:192.0.2.1).
func unmapped(listen []netip.AddrPort) []netip.AddrPort {
	plain := make([]netip.AddrPort, len(listen))
	for i, a := range listen {
		plain[i] = netip.AddrPortFrom(a.Addr().Unmap(), a.Port())
	}
	return plain
}

// CheckWorkers says what is wrong with a number of workers.
func CheckWorkers(n int) error {
	if n < 0 || n > maxWorkers {
		return fmt.Errorf("%d workers: they must be 1 to %d, or 0 for one per processor, at most 4", n, maxWorkers)
	}
	return nil
}
