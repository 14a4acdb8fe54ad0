package ptpsrc

import (
	"time"

	"github.com/facebook/time/ptp/protocol"

	"github.com/epsilontime/epsilon/monotonic"
)

// Unicast negotiation (IEEE 1588-2019 section 16.1): a server sends messages of one type to one
// client for as long as it has granted, and the client asks again before that is over.

// granted is the types of messages that a client needs. The order is that of grants.until.
var granted = [...]protocol.MessageType{protocol.MessageAnnounce, protocol.MessageSync, protocol.MessageDelayResp}

// grants is what one server has granted to one source.
type grants struct {
	parent protocol.PortIdentity // who has granted, and whose messages are used
	until  [len(granted)]monotonic.Instant
	term   time.Duration // the shortest one granted
	refuse string        // the type of message that was refused last, if any

	announced uint16 // the number of the last Announce, if heard
	heard     bool
}

// lateAnnounces is how many numbers an Announce may be behind to be taken for a late one. One that is further behind is
// of a server that has begun anew.
const lateAnnounces = 64

// announces notes the number of an Announce, and reports whether it is not behind one that has come before.
func (g *grants) announces(sequence uint16) bool {
	if behind := int16(g.announced - sequence); g.heard && 0 < behind && behind < lateAnnounces {
		return false
	}
	g.announced, g.heard = sequence, true
	return true
}

// valid reports whether all that is needed has been granted until the given moment at least.
func (g *grants) valid(at monotonic.Instant) bool {
	if g.term == 0 {
		return false
	}
	for _, until := range g.until {
		if !until.After(at) {
			return false
		}
	}
	return true
}

// due reports whether it is time to ask again: half of the term is over.
func (g *grants) due(now monotonic.Instant) bool { return !g.valid(now.Add(g.term / 2)) }

// take notes what a server grants or refuses.
func (g *grants) take(s *protocol.Signaling, now monotonic.Instant) {
	if s.SourcePortIdentity != g.parent {
		*g = grants{parent: s.SourcePortIdentity} // another server than before, or a new one
	}
	for _, tlv := range s.TLVs {
		grant, ok := tlv.(*protocol.GrantUnicastTransmissionTLV)
		if !ok {
			continue
		}
		for i, kind := range granted {
			if grant.MsgTypeAndReserved.MsgType() != kind {
				continue
			}
			if grant.DurationField == 0 {
				g.refuse = kind.String()
				continue
			}
			term := time.Duration(grant.DurationField) * time.Second
			g.until[i] = now.Add(term)
			if g.term == 0 || term < g.term {
				g.term = term
			}
		}
	}
}

// request asks for all that is needed.
func (p *Port) request(domain uint8, interval int8, term time.Duration) *protocol.Signaling {
	const body = 6
	m := &protocol.Signaling{
		Header:             p.header(protocol.MessageSignaling, domain, 0, signalingSize+uint16(len(granted))*(tlvHeadSize+body)),
		TargetPortIdentity: protocol.DefaultTargetPortIdentity,
	}
	for _, kind := range granted {
		m.TLVs = append(m.TLVs, &protocol.RequestUnicastTransmissionTLV{
			TLVHead:               protocol.TLVHead{TLVType: protocol.TLVRequestUnicastTransmission, LengthField: body},
			MsgTypeAndReserved:    protocol.NewUnicastMsgTypeAndFlags(kind, 0),
			LogInterMessagePeriod: protocol.LogInterval(interval),
			DurationField:         uint32(term / time.Second),
		})
	}
	return m
}

// cancel gives back all that was granted.
func (p *Port) cancel(domain uint8, to protocol.PortIdentity) *protocol.Signaling {
	const body = 2
	m := &protocol.Signaling{
		Header:             p.header(protocol.MessageSignaling, domain, 0, signalingSize+uint16(len(granted))*(tlvHeadSize+body)),
		TargetPortIdentity: to,
	}
	for _, kind := range granted {
		m.TLVs = append(m.TLVs, &protocol.CancelUnicastTransmissionTLV{
			TLVHead:         protocol.TLVHead{TLVType: protocol.TLVCancelUnicastTransmission, LengthField: body},
			MsgTypeAndFlags: protocol.NewUnicastMsgTypeAndFlags(kind, 0),
		})
	}
	return m
}

func (p *Port) delayReq(domain uint8, sequence uint16) *protocol.SyncDelayReq {
	return &protocol.SyncDelayReq{Header: p.header(protocol.MessageDelayReq, domain, sequence, syncSize)}
}

func (p *Port) header(kind protocol.MessageType, domain uint8, sequence, length uint16) protocol.Header {
	const noInterval, controlDelayReq, controlOther = 0x7f, 1, 5 // IEEE 1588-2019 tables 42 and 49
	control := uint8(controlOther)
	if kind == protocol.MessageDelayReq {
		control = controlDelayReq
	}
	return protocol.Header{
		SdoIDAndMsgType:    protocol.NewSdoIDAndMsgType(kind, 0),
		Version:            protocol.Version,
		MessageLength:      length,
		DomainNumber:       domain,
		FlagField:          protocol.FlagUnicast,
		SourcePortIdentity: p.identity,
		SequenceID:         sequence,
		ControlField:       control,
		LogMessageInterval: noInterval,
	}
}
