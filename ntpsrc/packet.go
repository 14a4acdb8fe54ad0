package ntpsrc

import (
	"encoding/binary"
	"fmt"
	"math"
	"time"

	"github.com/epsilontime/epsilon/truetime"
)

// headerSize is the length of an NTP message without extensions (RFC 5905 figure 8).
const headerSize = 48

// header is what a reply says besides its four time stamps. The packet engine decodes these fields
// too, but rounds them to the nearest nanosecond, and reads a precision of 2⁶⁴ s as none at all;
// a bound needs them as they were sent.
type header struct {
	leap           uint8
	version        uint8
	stratum        uint8
	precision      int8   // log₂ s
	rootDelay      uint32 // 2⁻¹⁶ s
	rootDispersion uint32 // 2⁻¹⁶ s
	kiss           [4]byte
	received       uint64 // T2 in 2⁻³² s; 0 is "not stamped"
	transmitted    uint64 // T3
}

// parseHeader decodes a datagram of at least headerSize bytes.
func parseHeader(b []byte) header {
	_ = b[headerSize-1]
	return header{
		leap:           b[0] >> 6,
		version:        b[0] >> 3 & 7,
		stratum:        b[1],
		precision:      int8(b[3]),
		rootDelay:      binary.BigEndian.Uint32(b[4:]),
		rootDispersion: binary.BigEndian.Uint32(b[8:]),
		kiss:           [4]byte(b[12:16]),
		received:       binary.BigEndian.Uint64(b[32:]),
		transmitted:    binary.BigEndian.Uint64(b[40:]),
	}
}

// origin is where a reply carries the random number that the request had as its transmit time
// stamp.
func origin(reply []byte) uint64 { return binary.BigEndian.Uint64(reply[24:]) }

// transmit is where the request carries it.
func transmit(request []byte) uint64 { return binary.BigEndian.Uint64(request[40:]) }

const (
	leapUnsynchronized = 3
	maxPrecision       = 0 // 2⁰ s; anything larger is no clock
)

// kissError translates a kiss-o'-death (RFC 5905 section 7.4): a reply of stratum 0.
func (h header) kissError() error {
	switch code := string(h.kiss[:]); code {
	case "RATE":
		return fmt.Errorf("kiss-o'-death RATE: %w", truetime.ErrSlowDown)
	case "DENY", "RSTR":
		return fmt.Errorf("kiss-o'-death %s: %w", code, truetime.ErrDenied)
	default:
		return unusable("stratum 0, kiss-o'-death %q", code)
	}
}

// check refuses a server that is not synchronized or does not know how well.
func (h header) check(maxStratum int) error {
	switch {
	case h.version < 3 || h.version > 4:
		return unusable("NTP version %d in the reply", h.version)
	case h.leap == leapUnsynchronized:
		return unusable("the server is not synchronized (leap indicator 3)")
	case int(h.stratum) > maxStratum:
		return unusable("stratum %d is above the limit of %d", h.stratum, maxStratum)
	case h.precision > maxPrecision:
		return unusable("a precision of 2^%d s", h.precision)
	case h.received == 0 || h.transmitted == 0:
		return unusable("a time stamp is missing")
	}
	return nil
}

// claim is E, the most by which the server may be off if its header is right. Each term is rounded
// up.
func (h header) claim() time.Duration {
	const unit = 1 << 16
	second := uint64(time.Second)
	rootDelay := (uint64(h.rootDelay) + 1) * second
	rootDispersion := (uint64(h.rootDispersion) + 1) * second
	e := ceilDiv(rootDelay, 2*unit) + ceilDiv(rootDispersion, unit)
	e += uint64(math.Ceil(math.Ldexp(1e9, int(h.precision))))
	return time.Duration(e + 1)
}

func ceilDiv(a, b uint64) uint64 { return (a + b - 1) / b }

func unusable(format string, values ...any) error {
	return fmt.Errorf("%w: %s", truetime.ErrUnusable, fmt.Sprintf(format, values...))
}
