package ptpsrc

import (
	"testing"

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
			"Announce": heard.announce == nil, "Sync": heard.sync == nil, "Follow_Up": heard.followUp == nil, "Delay_Resp": heard.answer == nil,
		} {
			require.Equal(t, !c.kept, missing, "%s, %s", name, what)
		}
	}
}
