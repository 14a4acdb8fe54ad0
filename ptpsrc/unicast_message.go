package ptpsrc

import (
	"encoding/binary"
	"fmt"
	"time"

	"github.com/facebook/time/ptp/protocol"

	"github.com/epsilontime/epsilon/truetime"
)

const (
	headerSize     = 34 // IEEE 1588-2019 table 35
	maxMessageSize = 1500
	majorVersion   = 2
)

// Lengths of messages without TLVs. What follows in a longer one is of no interest here, and the
// decoder of the packet library refuses a message that has a TLV it does not know.
const (
	syncSize      = headerSize + 10
	followUpSize  = headerSize + 10
	delayRespSize = headerSize + 20
	announceSize  = headerSize + 30
	signalingSize = headerSize + 10
	tlvHeadSize   = 4
)

// decode reads one datagram that a server may send to a client.
func decode(datagram []byte) (protocol.Packet, error) {
	if len(datagram) < headerSize {
		return nil, fmt.Errorf("%d bytes are no PTP message", len(datagram))
	}
	kind, version := protocol.MessageType(datagram[0]&0xf), datagram[1]&0xf
	length := int(binary.BigEndian.Uint16(datagram[2:]))
	switch {
	case version != majorVersion:
		return nil, fmt.Errorf("PTP version %d", version)
	case datagram[0]>>4 != 0: // majorSdoId: IEEE 802.1AS and others (IEEE 1588-2019 section 7.1.4)
		return nil, fmt.Errorf("a message of another profile (majorSdoId %d)", datagram[0]>>4)
	case length > len(datagram):
		return nil, fmt.Errorf("a message of %d bytes in a datagram of %d", length, len(datagram))
	}
	switch kind {
	case protocol.MessageSync:
		return decodeFixed(datagram[:length], syncSize, &protocol.SyncDelayReq{})
	case protocol.MessageFollowUp:
		return decodeFixed(datagram[:length], followUpSize, &protocol.FollowUp{})
	case protocol.MessageDelayResp:
		return decodeFixed(datagram[:length], delayRespSize, &protocol.DelayResp{})
	case protocol.MessageAnnounce:
		return decodeFixed(datagram[:length], announceSize, &protocol.Announce{})
	case protocol.MessageSignaling:
		return decodeSignaling(datagram[:length])
	}
	return nil, fmt.Errorf("a message of type %d is not for a client", kind)
}

// decodeFixed decodes the first size bytes of a message as if there were no more.
func decodeFixed(message []byte, size int, into protocol.Packet) (protocol.Packet, error) {
	if len(message) < size {
		return nil, fmt.Errorf("%d bytes where %d are needed", len(message), size)
	}
	var short [announceSize]byte // the longest
	copy(short[:], message[:size])
	binary.BigEndian.PutUint16(short[2:], uint16(size))
	if err := protocol.FromBytes(short[:size], into); err != nil {
		return nil, err
	}
	return into, nil
}

// decodeSignaling decodes the grants in a Signaling message and leaves everything else out. Each is
// given to the packet library's decoder as if it were alone, because that refuses what it does not
// know.
func decodeSignaling(message []byte) (protocol.Packet, error) {
	if len(message) < signalingSize {
		return nil, fmt.Errorf("%d bytes where %d are needed", len(message), signalingSize)
	}
	all := &protocol.Signaling{}
	for rest := message[signalingSize:]; len(rest) >= tlvHeadSize; {
		kind, size := protocol.TLVType(binary.BigEndian.Uint16(rest)), tlvHeadSize+int(binary.BigEndian.Uint16(rest[2:]))
		if size > len(rest) {
			return nil, fmt.Errorf("a TLV of %d bytes where %d are left", size, len(rest))
		}
		if kind == protocol.TLVGrantUnicastTransmission {
			alone := append(message[:signalingSize:signalingSize], rest[:size]...)
			binary.BigEndian.PutUint16(alone[2:], uint16(len(alone)))
			var one protocol.Signaling
			if err := protocol.FromBytes(alone, &one); err != nil {
				return nil, err
			}
			all.Header, all.TargetPortIdentity = one.Header, one.TargetPortIdentity
			all.TLVs = append(all.TLVs, one.TLVs...)
		}
		rest = rest[size:]
	}
	if len(all.TLVs) == 0 {
		return nil, fmt.Errorf("a Signaling message without a grant")
	}
	return all, nil
}

// headerOf returns the header of what decode has returned.
func headerOf(p protocol.Packet) *protocol.Header {
	switch p := p.(type) {
	case *protocol.SyncDelayReq:
		return &p.Header
	case *protocol.FollowUp:
		return &p.Header
	case *protocol.DelayResp:
		return &p.Header
	case *protocol.Announce:
		return &p.Header
	case *protocol.Signaling:
		return &p.Header
	}
	return nil
}

// maxSeconds is the last second that a truetime.Time can hold with any UTC offset.
const maxSeconds = 9_000_000_000

// serverTime converts a time stamp of the server, whose scale is ahead of UTC by the given amount.
func serverTime(t protocol.Timestamp, ahead time.Duration) (truetime.Time, error) {
	seconds := t.Seconds.Seconds()
	if seconds == 0 || seconds > maxSeconds || t.Nanoseconds >= 1e9 {
		return 0, unusable("a time stamp of %d s and %d ns", seconds, t.Nanoseconds)
	}
	return truetime.Time(int64(seconds)*1e9 + int64(t.Nanoseconds)).Add(-ahead), nil
}

// correction is by how much a message was corrected on its way, in nanoseconds, rounded down. It is
// what the server's own stamp lacks and what transparent clocks have added (IEEE 1588-2019 section
// 13.3.2.9).
type correction struct {
	onTheWay time.Duration // not below 0: the message spent so long on its way, which narrows the interval
	below    time.Duration // not above 0: what widens it
}

func (c correction) sum() time.Duration { return c.onTheWay + c.below }

// correctionOf adds up the fields of a message. Those above 0 count only if they are believed, those
// below 0 always.
func correctionOf(believed bool, fields ...protocol.Correction) (sum correction, err error) {
	for _, f := range fields {
		ns := time.Duration(int64(f) >> 16) // of 48 bits: a few of them add up without overflow
		switch {
		case f > 0 && !believed:
		case f.TooBig():
			return correction{}, unusable("a correction that is too big for its field")
		case f > 0:
			sum.onTheWay += ns
		default:
			sum.below += ns
		}
	}
	return sum, nil
}
