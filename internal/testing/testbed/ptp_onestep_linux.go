package testbed

import (
	"encoding/binary"
	"net"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/facebook/time/ptp/protocol"
)

// OneStepPTP is a PTP server of one step by unicast, which has its time of sending in the Sync and sends no Follow_Up.
// ptp4l does that with hardware only. It serves CLOCK_REALTIME as [GoodPTPTime] says, in a network namespace behind a
// veth pair, and runs in this process: its goroutines are there until the test ends. It puts the time into a Sync just before
// it sends it, which is early by what sending takes, and has the kernel stamp what comes in.
type OneStepPTP struct {
	inside         *namespace
	event, general *net.UDPConn
	interval       int8 // log₂ s

	mu     sync.Mutex
	client netip.Addr // the last one that has asked
}

const (
	ptpEvent, ptpGeneral = 319, 320
	ptpTerm              = 300 // s, for which messages are granted
)

var oneStepIdentity = protocol.PortIdentity{ClockIdentity: 0x0a_bbcc_0000_0001, PortNumber: 1}

// StartOneStepPTP starts one that sends 2^rate Syncs a second, 0 to 7, to whoever has asked last.
func StartOneStepPTP(t testing.TB, rate int) *OneStepPTP {
	t.Helper()
	p := &OneStepPTP{inside: newNamespace(t), interval: int8(-rate)}
	var refused error
	listen := func(port int) (c *net.UDPConn) {
		if refused == nil {
			c, refused = net.ListenUDP("udp4", &net.UDPAddr{IP: net.ParseIP(p.inside.theirs), Port: port})
		}
		return c
	}
	if err := p.inside.enter(func() { p.event, p.general = listen(ptpEvent), listen(ptpGeneral) }); err != nil {
		t.Fatalf("testbed: %v", err)
	}
	if refused != nil {
		t.Fatalf("testbed: a PTP server in namespace %s: %v", p.inside.name, refused)
	}
	stampArrivals(p.event)
	stop, done := make(chan struct{}), sync.WaitGroup{}
	done.Go(p.serveGeneral)
	done.Go(p.serveEvent)
	done.Go(func() { p.send(time.Second>>rate, stop) })
	t.Cleanup(func() {
		close(stop)
		_ = p.event.Close()
		_ = p.general.Close()
		done.Wait()
	})
	return p
}

// Address returns the address of the server, as seen from this network namespace.
func (p *OneStepPTP) Address() string { return p.inside.theirs }

// LocalAddress returns the address of this network namespace from which it can be reached.
func (p *OneStepPTP) LocalAddress() string { return p.inside.ours }

// serveGeneral grants all that is asked for.
func (p *OneStepPTP) serveGeneral() {
	var b [1500]byte
	for {
		n, from, err := p.general.ReadFromUDPAddrPort(b[:])
		if err != nil {
			return
		}
		var asked protocol.Signaling
		if asked.UnmarshalBinary(b[:n]) != nil {
			continue
		}
		answer := &protocol.Signaling{Header: p.header(protocol.MessageSignaling, 44, asked.SequenceID), TargetPortIdentity: asked.SourcePortIdentity}
		for _, tlv := range asked.TLVs {
			if r, ok := tlv.(*protocol.RequestUnicastTransmissionTLV); ok {
				answer.TLVs = append(answer.TLVs, &protocol.GrantUnicastTransmissionTLV{
					TLVHead:            protocol.TLVHead{TLVType: protocol.TLVGrantUnicastTransmission, LengthField: 8},
					MsgTypeAndReserved: r.MsgTypeAndReserved, LogInterMessagePeriod: protocol.LogInterval(p.interval), DurationField: ptpTerm,
				})
				answer.MessageLength += 12
			}
		}
		if len(answer.TLVs) > 0 {
			p.mu.Lock()
			p.client = from.Addr()
			p.mu.Unlock()
			write(p.general, from, answer)
		}
	}
}

// serveEvent answers to Delay_Req.
func (p *OneStepPTP) serveEvent() {
	var b [1500]byte
	control := make([]byte, stampSpace)
	for {
		n, inControl, _, from, err := p.event.ReadMsgUDPAddrPort(b[:], control)
		if err != nil {
			return
		}
		var r protocol.SyncDelayReq
		if r.UnmarshalBinary(b[:n]) != nil || r.MessageType() != protocol.MessageDelayReq {
			continue
		}
		stamp, ok := stampIn(control[:inControl])
		if !ok {
			stamp = Realtime()
		}
		write(p.general, netip.AddrPortFrom(from.Addr(), ptpGeneral), &protocol.DelayResp{
			Header:        p.header(protocol.MessageDelayResp, 54, r.SequenceID),
			DelayRespBody: protocol.DelayRespBody{ReceiveTimestamp: protocol.NewTimestamp(time.Unix(0, stamp)), RequestingPortIdentity: r.SourcePortIdentity},
		})
	}
}

// send sends an Announce and a Sync again and again.
func (p *OneStepPTP) send(interval time.Duration, stop <-chan struct{}) {
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for sequence := uint16(0); ; sequence++ {
		select {
		case <-stop:
			return
		case <-ticker.C:
		}
		p.mu.Lock()
		client := p.client
		p.mu.Unlock()
		if !client.IsValid() {
			continue
		}
		good := GoodPTPTime()
		announce := &protocol.Announce{Header: p.header(protocol.MessageAnnounce, 64, sequence)}
		announce.FlagField |= protocol.FlagPTPTimescale | protocol.FlagCurrentUtcOffsetValid | protocol.FlagTimeTraceable
		announce.GrandmasterIdentity = oneStepIdentity.ClockIdentity
		announce.GrandmasterClockQuality = protocol.ClockQuality{
			ClockClass: protocol.ClockClass(good.Class), ClockAccuracy: protocol.ClockAccuracy(good.Accuracy), OffsetScaledLogVariance: 0xffff,
		}
		write(p.general, netip.AddrPortFrom(client, ptpGeneral), announce)
		p.sendSync(netip.AddrPortFrom(client, ptpEvent), &protocol.SyncDelayReq{Header: p.header(protocol.MessageSync, 44, sequence)})
	}
}

// sendSync puts the time into a message that is ready otherwise, and sends it.
func (p *OneStepPTP) sendSync(to netip.AddrPort, m *protocol.SyncDelayReq) {
	b, err := protocol.Bytes(m)
	if err != nil {
		return
	}
	const seconds, nanoseconds = 36, 40 // IEEE 1588-2019 table 43; the upper 16 bits of the seconds are 0
	now := Realtime()
	binary.BigEndian.PutUint32(b[seconds:], uint32(now/int64(time.Second)))
	binary.BigEndian.PutUint32(b[nanoseconds:], uint32(now%int64(time.Second)))
	_, _ = p.event.WriteToUDPAddrPort(b, to)
}

func (p *OneStepPTP) header(kind protocol.MessageType, length, sequence uint16) protocol.Header {
	return protocol.Header{
		SdoIDAndMsgType: protocol.NewSdoIDAndMsgType(kind, 0), Version: protocol.Version, MessageLength: length,
		FlagField: protocol.FlagUnicast, SourcePortIdentity: oneStepIdentity, SequenceID: sequence, LogMessageInterval: protocol.LogInterval(p.interval),
	}
}

// write sends a message. As on any network, it may be lost.
func write(from *net.UDPConn, to netip.AddrPort, m protocol.Packet) {
	if b, err := protocol.Bytes(m); err == nil {
		_, _ = from.WriteToUDPAddrPort(b, to)
	}
}
