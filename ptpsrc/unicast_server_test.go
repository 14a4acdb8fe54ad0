package ptpsrc

import (
	"net"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/facebook/time/ptp/protocol"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/epsilontime/epsilon/internal/testing/testbed"
	"github.com/epsilontime/epsilon/monotonic"
	"github.com/epsilontime/epsilon/truetime"
)

func TestMain(m *testing.M) {
	testbed.RunTogether()
	goleak.VerifyTestMain(m)
}

// fakeUTC is true time in these tests when the counter reads 0, and trueTAI the same moment as TAI
// counts it.
const (
	fakeUTC = truetime.Time(1_700_000_000_000_000_000)
	trueTAI = fakeUTC + truetime.Time(fakeTAI)
)

// trueIn is true time when the counter reads 0, in the scale that a source serves.
func trueIn(s truetime.Source) truetime.Time {
	if s.Info().Scale == truetime.ScaleTAI {
		return trueTAI
	}
	return fakeUTC
}

// fakeGM is a grandmaster that serves the test's own counter, and lies as it is told. Its hooks
// change a message before it is sent; true keeps it, false drops it. They are called from its
// goroutines.
type fakeGM struct {
	counter        monotonic.Counter
	event, general *net.UDPConn
	oneStep        bool
	every          time.Duration // between two Syncs
	overtakes      time.Duration // by how much a Follow_Up is sent before its Sync

	onGrant    func(*protocol.Signaling, *protocol.GrantUnicastTransmissionTLV) bool
	onAnnounce func(*protocol.Announce) bool
	onSync     func(*protocol.SyncDelayReq) bool
	onFollowUp func(*protocol.FollowUp) bool
	onAnswer   func(*protocol.DelayResp) bool
	onAnything func([]byte) [][]byte // what is sent in place of a datagram

	mu       sync.Mutex
	requests []*protocol.Signaling
	domain   uint8
}

var gmIdentity = protocol.PortIdentity{ClockIdentity: 0x0011_22ff_fe33_4455, PortNumber: 1}

const (
	fakeTick   = 5 * time.Millisecond
	fakeTAI    = 37 * time.Second
	fakeFlags  = protocol.FlagUnicast | protocol.FlagPTPTimescale | protocol.FlagCurrentUtcOffsetValid
	fakeClaim  = 100 * time.Nanosecond
	fakeDomain = 0
)

// bed is a fake grandmaster and a Port to ask it by.
type bed struct {
	*fakeGM
	port *Port
}

// newBed starts both. The hooks are set by prepare, before anything runs.
func newBed(t *testing.T, prepare func(*fakeGM)) bed {
	t.Helper()
	port := freeLocalPort(t)
	t.Cleanup(func() { require.NoError(t, port.Close()) })
	return bed{startGM(t, port, prepare), port}
}

// startGM starts a fake grandmaster that a Port asks.
func startGM(t *testing.T, port *Port, prepare func(*fakeGM)) *fakeGM {
	t.Helper()
	counter, err := monotonic.System()
	require.NoError(t, err)
	g := &fakeGM{counter: counter, domain: fakeDomain, every: fakeTick}
	if prepare != nil {
		prepare(g)
	}
	listen := func() *net.UDPConn {
		c, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
		require.NoError(t, err)
		return c
	}
	g.event, g.general = listen(), listen()
	stop, done := make(chan struct{}), sync.WaitGroup{}
	done.Add(3)
	go func() { defer done.Done(); g.serveGeneral() }()
	go func() { defer done.Done(); g.serveEvent(port) }()
	go func() { defer done.Done(); g.tick(port, stop) }()
	t.Cleanup(func() {
		close(stop)
		_ = g.event.Close()
		_ = g.general.Close()
		done.Wait()
	})
	return g
}

// freeLocalPort opens a Port at numbers that nobody uses.
func freeLocalPort(t *testing.T) *Port {
	t.Helper()
	return freePort(t, WithLocalAddress(netip.MustParseAddr("127.0.0.1")))
}

func freePort(t testing.TB, options ...PortOption) *Port {
	t.Helper()
	for range 20 {
		c, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
		require.NoError(t, err)
		number := c.LocalAddr().(*net.UDPAddr).Port
		require.NoError(t, c.Close())
		if p, err := NewPort(append(options, WithLocalPorts(number, number%65535+1))...); err == nil {
			return p
		}
	}
	t.Fatal("no two free UDP ports in 20 attempts")
	return nil
}

func (b bed) source(options ...UnicastOption) truetime.Source {
	number := func(c *net.UDPConn) int { return c.LocalAddr().(*net.UDPAddr).Port }
	return b.port.Unicast("127.0.0.1", append([]UnicastOption{WithServerPorts(number(b.event), number(b.general))}, options...)...)
}

func (g *fakeGM) stamp() protocol.Timestamp {
	return protocol.NewTimestamp(trueTAI.Add(time.Duration(g.counter.Now())).Std())
}

func (g *fakeGM) header(kind protocol.MessageType, length, sequence uint16, flags uint16) protocol.Header {
	return protocol.Header{
		SdoIDAndMsgType: protocol.NewSdoIDAndMsgType(kind, 0), Version: protocol.Version, MessageLength: length,
		DomainNumber: g.domain, FlagField: flags, SourcePortIdentity: gmIdentity, SequenceID: sequence,
	}
}

func (g *fakeGM) send(from *net.UDPConn, to *net.UDPConn, m protocol.Packet) {
	b, err := protocol.Bytes(m)
	if err != nil {
		panic(err)
	}
	all := [][]byte{b}
	if g.onAnything != nil {
		all = g.onAnything(b)
	}
	for _, b := range all {
		_, _ = from.WriteToUDPAddrPort(b, to.LocalAddr().(*net.UDPAddr).AddrPort())
	}
}

// serveGeneral grants what is asked for.
func (g *fakeGM) serveGeneral() {
	b := make([]byte, 1500)
	for {
		n, from, err := g.general.ReadFromUDPAddrPort(b)
		if err != nil {
			return
		}
		var s protocol.Signaling
		if s.UnmarshalBinary(b[:n]) != nil || s.DomainNumber != g.domain {
			continue
		}
		g.mu.Lock()
		g.requests = append(g.requests, &s)
		g.mu.Unlock()
		for _, tlv := range s.TLVs {
			if r, ok := tlv.(*protocol.RequestUnicastTransmissionTLV); ok {
				g.grant(from, &s, r)
			}
		}
	}
}

func (g *fakeGM) grant(to netip.AddrPort, s *protocol.Signaling, r *protocol.RequestUnicastTransmissionTLV) {
	grant := &protocol.GrantUnicastTransmissionTLV{
		TLVHead:            protocol.TLVHead{TLVType: protocol.TLVGrantUnicastTransmission, LengthField: 8},
		MsgTypeAndReserved: r.MsgTypeAndReserved, LogInterMessagePeriod: r.LogInterMessagePeriod, DurationField: r.DurationField,
	}
	m := &protocol.Signaling{
		Header:             g.header(protocol.MessageSignaling, signalingSize+12, s.SequenceID, protocol.FlagUnicast),
		TargetPortIdentity: s.SourcePortIdentity, TLVs: []protocol.TLV{grant},
	}
	if g.onGrant != nil && !g.onGrant(m, grant) {
		return
	}
	b, err := protocol.Bytes(m)
	if err != nil {
		panic(err)
	}
	_, _ = g.general.WriteToUDPAddrPort(b, to)
}

// serveEvent answers to Delay_Req.
func (g *fakeGM) serveEvent(client *Port) {
	b := make([]byte, 1500)
	for {
		n, _, err := g.event.ReadFromUDPAddrPort(b)
		if err != nil {
			return
		}
		var r protocol.SyncDelayReq
		if r.UnmarshalBinary(b[:n]) != nil || r.MessageType() != protocol.MessageDelayReq {
			continue
		}
		m := &protocol.DelayResp{
			Header:        g.header(protocol.MessageDelayResp, delayRespSize, r.SequenceID, protocol.FlagUnicast),
			DelayRespBody: protocol.DelayRespBody{ReceiveTimestamp: g.stamp(), RequestingPortIdentity: r.SourcePortIdentity},
		}
		if g.onAnswer == nil || g.onAnswer(m) {
			g.send(g.general, client.general, m)
		}
	}
}

// tick sends Announce, Sync and Follow_Up again and again, granted or not.
func (g *fakeGM) tick(client *Port, stop <-chan struct{}) {
	ticker := time.NewTicker(g.every)
	defer ticker.Stop()
	for sequence := uint16(65_530); ; sequence++ {
		select {
		case <-stop:
			return
		case <-ticker.C:
		}
		g.announce(client, sequence)
		sync := &protocol.SyncDelayReq{Header: g.header(protocol.MessageSync, syncSize, sequence, protocol.FlagUnicast)}
		stamp := g.stamp()
		if g.oneStep {
			sync.OriginTimestamp = stamp
		} else {
			sync.FlagField |= protocol.FlagTwoStep
		}
		if g.overtakes > 0 {
			g.followUp(client, sequence, stamp)
			time.Sleep(g.overtakes)
		}
		if g.onSync == nil || g.onSync(sync) {
			g.send(g.event, client.event, sync)
		}
		if !g.oneStep && g.overtakes == 0 {
			g.followUp(client, sequence, stamp)
		}
	}
}

func (g *fakeGM) followUp(client *Port, sequence uint16, stamp protocol.Timestamp) {
	m := &protocol.FollowUp{Header: g.header(protocol.MessageFollowUp, followUpSize, sequence, protocol.FlagUnicast)}
	m.PreciseOriginTimestamp = stamp
	if g.onFollowUp == nil || g.onFollowUp(m) {
		g.send(g.general, client.general, m)
	}
}

func (g *fakeGM) announce(client *Port, sequence uint16) {
	a := &protocol.Announce{Header: g.header(protocol.MessageAnnounce, announceSize, sequence, fakeFlags)}
	a.CurrentUTCOffset = int16(fakeTAI / time.Second)
	a.GrandmasterIdentity = gmIdentity.ClockIdentity
	a.GrandmasterClockQuality = protocol.ClockQuality{ClockClass: protocol.ClockClass6, ClockAccuracy: protocol.ClockAccuracyNanosecond100}
	if g.onAnnounce == nil || g.onAnnounce(a) {
		g.send(g.general, client.general, a)
	}
}
