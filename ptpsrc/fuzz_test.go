package ptpsrc

import (
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/facebook/time/ptp/protocol"
	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/monotonic"
	"github.com/epsilontime/epsilon/truetime"
)

func mustEncode(f *testing.F, m protocol.Packet) []byte {
	b, err := protocol.Bytes(m)
	if err != nil {
		f.Fatal(err)
	}
	return b
}

// fuzzedPort is a Port as production has it, on loopback, and a source that asks a server there
// which is deaf: what messages a fuzzer makes up, no packet leaves the host. Its identity is always
// the same, so that a message that is addressed to it once always is.
func fuzzedPort(f *testing.F) (*Port, *unicast) {
	deaf, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	require.NoError(f, err)
	port := freePort(f, WithLocalAddress(netip.MustParseAddr("127.0.0.1")))
	f.Cleanup(func() {
		require.NoError(f, port.Close())
		require.NoError(f, deaf.Close())
	})
	port.identity = protocol.PortIdentity{ClockIdentity: 0xfeed_5eed_feed_5eed, PortNumber: 1}
	number := deaf.LocalAddr().(*net.UDPAddr).Port
	u := newUnicast(port, "127.0.0.1", []UnicastOption{WithServerPorts(number, number)})
	require.NoError(f, u.server.resolve(f.Context()))
	return port, u
}

// FuzzConversation gives two arbitrary datagrams, before and after good ones, to a Sample in
// progress. Whatever comes, nothing panics, and a sample that is accepted keeps every promise that
// a sample makes.
func FuzzConversation(f *testing.F) {
	port, u := fuzzedPort(f)
	g := &fakeGM{counter: &monotonic.Manual{}}
	stamp := protocol.NewTimestamp(fakeUTC.Add(fakeTAI).Std())
	announce := &protocol.Announce{Header: g.header(protocol.MessageAnnounce, announceSize, 1, fakeFlags)}
	announce.CurrentUTCOffset = 37
	announce.GrandmasterClockQuality = protocol.ClockQuality{ClockClass: 6, ClockAccuracy: 0x21}
	sync := &protocol.SyncDelayReq{Header: g.header(protocol.MessageSync, syncSize, 1, protocol.FlagTwoStep)}
	followUp := &protocol.FollowUp{Header: g.header(protocol.MessageFollowUp, followUpSize, 1, 0), FollowUpBody: protocol.FollowUpBody{PreciseOriginTimestamp: stamp}}
	answer := &protocol.DelayResp{Header: g.header(protocol.MessageDelayResp, delayRespSize, 1, 0), DelayRespBody: protocol.DelayRespBody{ReceiveTimestamp: stamp, RequestingPortIdentity: port.identity}}
	grant := &protocol.Signaling{Header: g.header(protocol.MessageSignaling, signalingSize+12, 1, 0), TargetPortIdentity: port.identity, TLVs: []protocol.TLV{
		&protocol.GrantUnicastTransmissionTLV{TLVHead: protocol.TLVHead{TLVType: protocol.TLVGrantUnicastTransmission, LengthField: 8}, DurationField: 9},
	}}
	good := [][]byte{mustEncode(f, announce), mustEncode(f, sync), mustEncode(f, followUp), mustEncode(f, answer)}
	for _, b := range append(good, mustEncode(f, grant), nil, make([]byte, 64), withTLV(good[0])[0]) {
		f.Add(b, good[2], uint8(0b1111), int64(1000))
		f.Add(b, b, uint8(0b0011), int64(-1))
	}
	// Another clock takes over in the midst, and what it sends is used from there on.
	grant.SourcePortIdentity.PortNumber++
	sync.SourcePortIdentity.PortNumber++
	f.Add(mustEncode(f, grant), mustEncode(f, sync), uint8(0b1111), int64(1000))

	f.Fuzz(func(t *testing.T, first, last []byte, keep uint8, took int64) {
		var counter monotonic.Manual
		port.departures.last = 0 // the first Delay_Req has number 1, as good answers say
		c := conversation{unicast: u, grants: &grants{parent: gmIdentity}, port: port, counter: &counter, ruler: worst}
		defer func() { port.departures.forget(c.delayReq) }()
		all := [][]byte{first}
		for i, b := range good {
			if keep>>i&1 == 1 {
				all = append(all, b)
			}
		}
		for _, b := range append(all, last) {
			p, err := decode(b)
			if err != nil {
				continue
			}
			if err := c.take(arrival{at: counter.Advance(time.Duration(took)), packet: p}); err != nil {
				return
			}
			if c.complete() {
				break // as run does
			}
		}
		if !c.complete() {
			if c.missing() == "" {
				t.Fatal("nothing is missing from what is not complete")
			}
			return
		}
		s, err := c.evaluate()
		if err == nil {
			requirePromises(t, u.config, s)
		}
	})
}

func requirePromises(t *testing.T, limits config, s truetime.Sample) {
	t.Helper()
	switch {
	case s.Stratum < 1 || s.Stratum > 15 || s.Leap > truetime.LeapDelete:
		t.Fatalf("stratum or leap: %+v", s)
	case s.Claim <= 0 || s.Claim > limits.maxError || s.Delay > limits.maxDelay:
		t.Fatalf("beyond the limits: %+v", s)
	case s.Received.Before(s.Sent):
		t.Fatalf("received before it was sent: %+v", s)
	case s.Latest.Add(s.Received.Sub(s.Sent)).Before(s.Earliest.Add(-time.Millisecond)) && s.Received.Sub(s.Sent) < time.Second:
		t.Fatalf("the sample excludes itself: %+v", s)
	}
}

// FuzzManagement gives an arbitrary datagram as the answer to each question in turn. Whatever
// comes, nothing panics.
func FuzzManagement(f *testing.F) {
	sets := []struct {
		id  uint16
		set func(*report) any
	}{
		{idDefaultDataSet, func(r *report) any { return &r.clock }},
		{idPortPropertiesNP, func(r *report) any { return &r.port }},
		{idParentDataSet, func(r *report) any { return &r.parent }},
		{idGrandmasterNP, func(r *report) any { return &r.own }},
		{idTimeProperties, func(r *report) any { return &r.time }},
		{idCurrentDataSet, func(r *report) any { return &r.current }},
		{idTimeStatusNP, func(r *report) any { return &r.status }},
	}
	for i, s := range sets {
		f.Add(answer(question{id: s.id, port: allPorts}, make([]byte, 50)), uint8(i), int64(0))
	}
	f.Add([]byte{}, uint8(0), int64(1))
	f.Fuzz(func(t *testing.T, b []byte, which uint8, wall int64) {
		h := newHost()
		p := h.source(t)
		_, _ = p.evaluate(h.report, h.readClock())
		h.pass(50 * time.Millisecond)
		h.sync(0)
		s := sets[int(which)%len(sets)]
		q := question{id: s.id, port: allPorts}
		if q.decode(b, s.set(&h.report)) != nil {
			return
		}
		sample, err := p.evaluate(h.report, h.readClock())
		if err == nil {
			requirePromises(t, p.config, sample)
		}
		_, _ = p.evaluate(h.report, reading{h.counter, truetime.Time(wall), h.counter})
	})
}

// FuzzServer reads arbitrary text as a PTP server. What is accepted is a name, or the address of
// one machine, and is read again as the same.
func FuzzServer(f *testing.F) {
	for _, text := range []string{"192.0.2.1", "192.0.2.1.", "0.0.0.0.", "224.0.1.129", "2001:db8::7", "::ffff:192.0.2.1", "fe80::1%eth0", "GM.example.net.", "gm:319", "", ".", "a b", "a..", "192.o1?0..", "fe80::1%]:1"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		s, err := parseServer(text)
		if err != nil {
			return
		}
		require.NotEqual(t, s.name, s.ip.IsValid(), "a name or an address")
		require.False(t, s.ip.IsValid() && (s.ip.IsUnspecified() || s.ip.IsMulticast() || s.ip.Is4In6()), "%v", s.ip)
		again, err := parseServer(s.host)
		require.NoError(t, err, "%q is written as %q", text, s.host)
		require.Equal(t, s, again)
	})
}
