package extension

import "encoding/binary"

// Bounds are the ends of a server's interval, as stamps of NTP: 2⁻³² s since 1900, modulo 2³² s. They
// are what a client concludes anyway from the stamps T2 and T3 of the header and from the error that
// the header claims, without the header's units of 2⁻¹⁶ s (15 µs) and 2^precision.
type Bounds struct {
	Latest   uint64 // true time was at most this when the server received the request
	Earliest uint64 // true time was at least this when it sent the reply
}

// The field as it is sent:
//
//	 0  type 0xF3B5 (ε is U+03B5), in the range for experiments 0xF000 to 0xFFFF (RFC 9748)
//	 2  length 28, the least for the last field of a packet without a MAC (RFC 7822 section 7.5.1.4)
//	 4  0xB311AE0F, drawn at random: others may experiment with the same type
//	 8  version 1
//	12  Latest
//	20  Earliest
//
// A request asks with both stamps 0, and a server that sends back what it got says nothing by it. Both
// stamps count in the scale of T2 and T3, and a client finds their era by theirs.
const (
	BoundsKind = 0xF3B5
	BoundsSize = 28 // of the whole field

	boundsMagic   = 0xB311AE0F
	boundsVersion = 1
)

// AppendBounds appends the field.
func AppendBounds(to []byte, b Bounds) []byte {
	var body [BoundsSize - HeadSize]byte
	binary.BigEndian.PutUint32(body[0:], boundsMagic)
	binary.BigEndian.PutUint32(body[4:], boundsVersion)
	binary.BigEndian.PutUint64(body[8:], b.Latest)
	binary.BigEndian.PutUint64(body[16:], b.Earliest)
	return Append(to, BoundsKind, body[:])
}

// BoundsOf returns what the field says. It is false if it is another field, or of another version.
func BoundsOf(f Field) (Bounds, bool) {
	if f.Kind != BoundsKind || len(f.Body) != BoundsSize-HeadSize ||
		binary.BigEndian.Uint32(f.Body) != boundsMagic || binary.BigEndian.Uint32(f.Body[4:]) != boundsVersion {
		return Bounds{}, false
	}
	return Bounds{binary.BigEndian.Uint64(f.Body[8:]), binary.BigEndian.Uint64(f.Body[16:])}, true
}
