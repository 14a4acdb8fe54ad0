package ntpsrc

import (
	"fmt"
	"time"

	"github.com/epsilontime/epsilon/truetime"
)

// When a reply is refused: by what it says, and by what follows from it. server_exchange.go
// has the exchanges that no true server can have had, and reference.go who follows nobody.

// kissError translates a kiss-o'-death (RFC 5905 section 7.4): a reply of stratum 0.
func (h header) kissError() error {
	switch code := string(h.referenceID[:]); code {
	case "RATE":
		return fmt.Errorf("kiss-o'-death RATE: %w", truetime.ErrSlowDown)
	case "DENY", "RSTR":
		return fmt.Errorf("kiss-o'-death %s: %w", code, truetime.ErrDenied)
	case "\x00\x00\x00\x00": // of openntpd, and of others that mean no kiss by it
		return unusable("the server is not synchronized (stratum 0)")
	default:
		return unusable("stratum 0, kiss-o'-death %q", code)
	}
}

// check refuses a server that is not synchronized or does not know how well.
func (h header) check(c config) error {
	switch {
	case h.mode != modeServer:
		return unusable("mode %d in the reply, which is not a server's", h.mode)
	case h.version < 3 || h.version > 4:
		return unusable("NTP version %d in the reply", h.version)
	case h.leap == leapUnsynchronized:
		return unusable("the server is not synchronized (leap indicator 3)")
	case int(h.stratum) > c.maxStratum:
		return unusable("stratum %d is above the limit of %d (WithMaxStratum)", h.stratum, c.maxStratum)
	case h.precision > maxPrecision:
		return unusable("a precision of 2^%d s", h.precision)
	case h.received == 0 || h.transmitted == 0:
		return unusable("a time stamp is missing")
	}
	if err := h.follows().check(c); err != nil {
		return err
	}
	if h.reference == 0 {
		return nil // some servers leave it out, and nothing rests on it
	}
	switch age := h.transmitted.since(h.reference); {
	case age < -2*(h.claim()+c.extraError): // a clock that was set back since may be that much behind
		return unusable("the server's clock was last corrected %v after it sent the reply", -age)
	case age > c.maxReferenceAge:
		return unusable("the server's clock was last corrected %v ago, above the limit of %v that WithMaxReferenceAge sets", age, c.maxReferenceAge)
	}
	return nil
}

// check refuses a sample that is too wide to be of use.
func (c config) check(delay, e time.Duration) error {
	if delay > c.maxDelay {
		return unusable("a delay of %v is above the limit of %v (WithMaxDelay)", delay, c.maxDelay)
	}
	if distance := delay/2 + e; distance > c.maxRootDistance {
		return unusable("a root distance of %v is above the limit of %v (WithMaxRootDistance)", distance, c.maxRootDistance)
	}
	return nil
}
