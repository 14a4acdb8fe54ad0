package ntpsrc

import (
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"math"
	"time"

	"github.com/epsilontime/epsilon/truetime"
)

// headerSize is the length of an NTP message without extensions (RFC 5905 figure 8).
const headerSize = 48

// header is what a reply says. beevik/ntp decodes these fields too, but rounds them to the nearest
// nanosecond, reads a precision of 2⁶⁴ s as none at all, and takes a reply that was sent in a later
// era than the request came in for one of a clock that went back; a bound needs them as they were
// sent. It also costs 10 KB and 45 allocations more than what is here, and is kept for extension
// fields.
type header struct {
	leap           uint8
	version        uint8
	mode           uint8
	stratum        uint8
	precision      int8      // log₂ s
	rootDelay      uint32    // 2⁻¹⁶ s
	rootDispersion uint32    // 2⁻¹⁶ s
	referenceID    [4]byte   // whom the server follows, or the code of a kiss-o'-death
	reference      timestamp // when the server's clock was last corrected
	received       timestamp // T2
	transmitted    timestamp // T3
}

// parseHeader decodes a datagram of at least headerSize bytes.
func parseHeader(b []byte) header {
	_ = b[headerSize-1]
	return header{
		leap:           b[0] >> 6,
		version:        b[0] >> 3 & 7,
		mode:           b[0] & 7,
		stratum:        b[1],
		precision:      int8(b[3]),
		rootDelay:      binary.BigEndian.Uint32(b[4:]),
		rootDispersion: binary.BigEndian.Uint32(b[8:]),
		referenceID:    [4]byte(b[12:16]),
		reference:      timestamp(binary.BigEndian.Uint64(b[16:])),
		received:       timestamp(binary.BigEndian.Uint64(b[32:])),
		transmitted:    timestamp(binary.BigEndian.Uint64(b[40:])),
	}
}

// timestamp is a time in 2⁻³² s since 1900, modulo 2³² s: 136 years, an era. 0 is "not stamped".
type timestamp uint64

// time takes the era in which the time lies between 1968 and 2104 (RFC 4330 section 3), and rounds
// down by less than 1 ns.
func (t timestamp) time() truetime.Time {
	const from1900To1970 = 2_208_988_800
	seconds := int64(t >> 32)
	if seconds < 1<<31 {
		seconds += 1 << 32
	}
	fraction := uint64(t) & math.MaxUint32 * uint64(time.Second) >> 32
	return truetime.Time((seconds-from1900To1970)*int64(time.Second) + int64(fraction))
}

// since is the time from u to t if they are less than 68 years apart, whatever their eras.
func (t timestamp) since(u timestamp) time.Duration {
	d := int64(t - u)
	return time.Duration(d>>32)*time.Second + time.Duration(uint64(d)&math.MaxUint32*uint64(time.Second)>>32)
}

// newRequest returns a request of version 4. It says nothing about the client: its one field that
// is not constant is the transmit time stamp, which is random and comes back as the origin
// (draft-ietf-ntp-data-minimization).
func newRequest() (request [headerSize]byte) {
	const version4 = 4 << 3
	request[0] = version4 | modeClient
	_, _ = rand.Read(request[40:]) // never fails, says its documentation
	return request
}

// origin is where a reply carries the random number that the request had as its transmit time
// stamp.
func origin(reply []byte) uint64 { return binary.BigEndian.Uint64(reply[24:]) }

// transmit is where the request carries it.
func transmit(request []byte) uint64 { return binary.BigEndian.Uint64(request[40:]) }

const (
	modeClient         = 3
	modeServer         = 4
	leapUnsynchronized = 3
	maxPrecision       = 0 // 2⁰ s; anything larger is no clock
)

// headerUnit is how many units of root delay and root dispersion are a second.
const headerUnit = 1 << 16

// claim is E, the most by which the server may be off if its header is right.
func (h header) claim() time.Duration {
	return h.claimOf(h.rootDelay, h.rootDispersion, headerUnit)
}

// claimOf is E for a root delay and a root dispersion of so many units, of which unit are a second.
// Each term is rounded up.
func (h header) claimOf(delay, dispersion uint32, unit uint64) time.Duration {
	second := uint64(time.Second)
	e := ceilDiv((uint64(delay)+1)*second, 2*unit) + ceilDiv((uint64(dispersion)+1)*second, unit)
	e += uint64(math.Ceil(math.Ldexp(1e9, int(h.precision))))
	return time.Duration(e + 1)
}

func ceilDiv(a, b uint64) uint64 { return (a + b - 1) / b }

func unusable(format string, values ...any) error {
	return fmt.Errorf("%w: %s", truetime.ErrUnusable, fmt.Sprintf(format, values...))
}

// leapOf returns what a leap indicator says (RFC 5905 figure 9).
func leapOf(indicator uint8) truetime.Leap {
	switch indicator {
	case 0:
		return truetime.LeapNone
	case 1:
		return truetime.LeapInsert
	case 2:
		return truetime.LeapDelete
	}
	return truetime.LeapUnknown
}
