package ptpsrc

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/facebook/time/ptp/protocol"
	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/monotonic"
)

// At an address there may be another server than before. What the one has announced of its accuracy
// is no claim about the time of the other, nor is its Follow_Up with the same number.
func TestNothingOfOneServerCountsForTheNextAtItsAddress(t *testing.T) {
	g := &fakeGM{}
	other := gmIdentity
	other.ClockIdentity++
	grantOf := func(id protocol.PortIdentity) *protocol.Signaling {
		m := &protocol.Signaling{Header: g.header(protocol.MessageSignaling, signalingSize, 1, 0)}
		m.SourcePortIdentity = id
		return m
	}
	for name, c := range map[string]struct {
		grantBy protocol.PortIdentity
		kept    bool
	}{
		"the same server": {gmIdentity, true}, "another one": {other, false},
	} {
		var counter monotonic.Manual
		u := newUnicast(nil, "192.0.2.1", nil)
		heard := conversation{unicast: u, grants: &grants{}, port: &Port{}, counter: &counter}
		hear := func(p protocol.Packet) { require.NoError(t, heard.take(arrival{packet: p})) }
		hear(grantOf(gmIdentity))
		hear(&protocol.Announce{Header: g.header(protocol.MessageAnnounce, announceSize, 1, 0)})
		hear(&protocol.FollowUp{Header: g.header(protocol.MessageFollowUp, followUpSize, 1, 0)})
		heard.sync = &protocol.SyncDelayReq{Header: g.header(protocol.MessageSync, syncSize, 1, protocol.FlagTwoStep)}
		heard.delayReq = &departure{sequence: 1}
		hear(&protocol.DelayResp{Header: g.header(protocol.MessageDelayResp, delayRespSize, 1, 0)})
		require.True(t, heard.complete(), name)
		hear(grantOf(c.grantBy))
		require.Equal(t, c.kept, heard.complete(), name)
		for what, missing := range map[string]bool{
			"Announce": heard.announce == nil, "Sync": heard.sync == nil, "Follow_Up": heard.followUps.of(1) == nil, "Delay_Resp": heard.answer == nil,
		} {
			require.Equal(t, !c.kept, missing, "%s, %s", name, what)
		}
	}
}

// A Follow_Up comes in at another socket than its Sync, and is read before or after it, by one Sync or by several. One
// that is read early is kept until its Sync is, also while the answer to an earlier Sync is waited for.
func TestMessagesAreUsedInWhateverOrderTheyAreRead(t *testing.T) {
	const none = -1
	for _, c := range []struct {
		// Sn is a Sync, Fn its Follow_Up, A the answer to the last Delay_Req, and "late" ends the patience that lasts
		// for ever otherwise.
		heard string
		by    int // the Sync by which the conversation is complete
	}{
		{"S1 F1 A", 1},
		{"S1 A F1", 1},
		{"F1 S1 A", 1},
		{"F1 F2 F3 S1 A", 1},
		{"F1 F2 F3 S1 late S2 A", 2},
		{"S1 S2 F1 S3 A", 1},
		{"S1 F1 F2 S2 F3 S3 A", 1},
		{"S1 F1 late F2 S2 A", 2},
		{"S1 F1 late F2 F3 F4 S2 S3 A", 2},
		{"S1 F1 late S2 A F2", 2},
		{"F1 S1 late F2 S2 late F3 S3 A", 3},
		{"S1 A F2 S2 A", 2},
		{"S1 A S2 A F2", 2},
		{"S1 A S2 F1 A", none},
		{"S1 A F65", none},
		{"S1 A F257", none},
		{"F1 F65 S65 A", 65},
		{"S65535 F65535 late F0 S0 A", 0},
		{"S65535 F0 A F65535", 65535},
	} {
		t.Run(c.heard, func(t *testing.T) {
			g := &fakeGM{}
			var counter monotonic.Manual
			port := freeLocalPort(t)
			defer func() { require.NoError(t, port.Close()) }()
			u := newUnicast(port, "127.0.0.1", []UnicastOption{WithServerPorts(1, 2), WithoutKernelStamps()})
			conversation := conversation{unicast: u, grants: &grants{parent: gmIdentity}, port: port, counter: &counter}
			hear := func(p protocol.Packet) { require.NoError(t, conversation.take(arrival{packet: p})) }
			hear(&protocol.Announce{Header: g.header(protocol.MessageAnnounce, announceSize, 1, 0)})
			for _, what := range strings.Fields(c.heard) {
				require.False(t, conversation.complete(), "before %s", what)
				var sequence uint16
				_, _ = fmt.Sscanf(what[1:], "%d", &sequence)
				switch what[0] {
				case 'S':
					hear(&protocol.SyncDelayReq{Header: g.header(protocol.MessageSync, syncSize, sequence, protocol.FlagTwoStep)})
					conversation.asked = time.Now().Add(time.Hour)
				case 'F':
					hear(&protocol.FollowUp{Header: g.header(protocol.MessageFollowUp, followUpSize, sequence, 0)})
				case 'A':
					hear(&protocol.DelayResp{
						Header:        g.header(protocol.MessageDelayResp, delayRespSize, conversation.delayReq.sequence, 0),
						DelayRespBody: protocol.DelayRespBody{RequestingPortIdentity: port.identity},
					})
				case 'l':
					conversation.asked = time.Now().Add(-conversation.patience)
				}
			}
			require.Equal(t, c.by != none, conversation.complete())
			if c.by != none {
				require.Equal(t, c.by, int(conversation.sync.SequenceID))
			}
		})
	}
}

// A server that begins its numbers anew sends a second Follow_Up of a number. That of the Sync that was heard counts.
func TestSecondFollowUpOfANumberIsAnotherSyncs(t *testing.T) {
	g := &fakeGM{}
	first := &protocol.FollowUp{Header: g.header(protocol.MessageFollowUp, followUpSize, 7, 0)}
	second := &protocol.FollowUp{Header: first.Header}
	var f followUps
	f.take(first)
	f.take(second)
	require.Same(t, first, f.of(7))
}
