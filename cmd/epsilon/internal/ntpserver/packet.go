package ntpserver

import (
	"encoding/binary"
	"time"

	"github.com/epsilontime/epsilon/internal/extension"
	"github.com/epsilontime/epsilon/truetime"
)

// messageSize is the length of an NTP message without extensions (RFC 5905 figure 8), and of every
// reply to a request that does not ask for more.
const messageSize = 48

// largestReply is the length of a reply with the bounds that it was asked for.
const largestReply = messageSize + extension.BoundsSize

const (
	modeClient         = 3
	modeServer         = 4
	leapUnsynchronized = 3

	// precision is log₂ of what a reading of the clock takes, in seconds: about 30 ns. The bound in
	// the reply does not need it.
	precision = -25
)

// request is what the reply to a datagram depends on.
type request struct {
	version  uint8
	poll     uint8  // log₂ s, as the client says it
	transmit uint64 // the client's transmit stamp, or a random number: it comes back as the origin
	bounds   bool   // the client asks for them in an extension field
}

// parse decodes the beginning of a datagram. Of what follows the 48 bytes only one extension field
// counts: see the package comment.
func parse(b []byte) (request, Reason) {
	if len(b) < messageSize {
		return request{}, TooShort
	}
	if b[0]&7 != modeClient {
		return request{}, NotAClient
	}
	version := b[0] >> 3 & 7
	if version < 3 || version > 4 {
		return request{}, UnknownVersion
	}
	q := request{version: version, poll: b[2], transmit: binary.BigEndian.Uint64(b[40:])}
	q.bounds = version == 4 && len(b) >= largestReply && asksForBounds(b)
	return q, answered
}

// asksForBounds reports whether a request of version 4 has the field, empty. Fields that cannot be
// read, as a message authentication code, end the search.
func asksForBounds(b []byte) bool {
	for f, err := range extension.Fields(b, messageSize, extension.Smallest) {
		if err != nil {
			break
		}
		if bounds, ok := extension.BoundsOf(f); ok {
			return bounds == extension.Bounds{}
		}
	}
	return false
}

// header is the first half of a reply, which all replies of one moment have in common but for the
// version and the poll interval.
type header [24]byte

// newHeader is the header of a reply with a time.
func newHeader(r reference, rootDispersion uint32) (h header) {
	h[0] = modeServer
	h[1] = r.stratum
	h[3] = precision & 0xff
	binary.BigEndian.PutUint32(h[8:], rootDispersion)
	copy(h[12:], r.id[:])
	binary.BigEndian.PutUint64(h[16:], uint64(r.corrected))
	return h
}

// newKiss is the header of a reply without a time. It has stratum 0, which is how stratum 16 is
// sent, and a code (RFC 5905 section 7.4).
func newKiss(code string) (h header) {
	h[0] = leapUnsynchronized<<6 | modeServer
	h[3] = precision & 0xff
	copy(h[12:16], code)
	return h
}

var (
	unsynchronizedHeader = newKiss("INIT")
	rateHeader           = newKiss("RATE")
)

// reply writes the answer to a request that was received and is answered at these stamps.
func (h *header) reply(b *[messageSize]byte, q request, received, transmitted stamp) {
	copy(b[:], h[:])
	b[0] |= q.version << 3
	b[2] = q.poll
	binary.BigEndian.PutUint64(b[24:], q.transmit)
	binary.BigEndian.PutUint64(b[32:], uint64(received))
	binary.BigEndian.PutUint64(b[40:], uint64(transmitted))
}

// kiss writes a reply without a time. The stamps are the client's own, as ntpd does it: zeros would
// make chronyd ignore the reply, and whoever does not look at the leap indicator learns nothing.
func (h *header) kiss(b *[messageSize]byte, q request) {
	h.reply(b, q, stamp(q.transmit), stamp(q.transmit))
}

// stamp is a time in 2⁻³² s since 1900, modulo 2³² s. 0 is "not stamped".
type stamp uint64

// stampOf rounds down by less than 2⁻³² s, but never to 0: that is 2⁻³² s late, once in 136 years.
func stampOf(t truetime.Time) stamp { return max(stampBefore(t), 1) }

// stampBefore rounds down by less than 2⁻³² s.
func stampBefore(t truetime.Time) stamp {
	const from1900To1970 = 2_208_988_800
	const second = int64(time.Second)
	seconds, nanoseconds := int64(t)/second, int64(t)%second
	if nanoseconds < 0 {
		seconds, nanoseconds = seconds-1, nanoseconds+second
	}
	return stamp(uint64(seconds+from1900To1970)<<32 | uint64(nanoseconds)<<32/uint64(second))
}
