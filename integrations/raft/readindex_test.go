package epsilonraft_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"go.etcd.io/raft/v3"
	"go.etcd.io/raft/v3/raftpb"

	epsilonraft "github.com/epsilontime/epsilon/integrations/raft"
)

// answers is a Ready with answers to ReadIndex, for this member and for another one.
func answers(r raft.Ready, index uint64) raft.Ready {
	r.ReadStates = []raft.ReadState{{Index: index}}
	r.Messages = []*raftpb.Message{{Type: raftpb.MsgReadIndexResp.Enum(), Index: &index}, {Type: raftpb.MsgApp.Enum(), Index: new(uint64(1))}}
	return r
}

// The only voter has told of entry 3, and starts again from a log in which it is not known to be committed.
func TestOnlyVoterAnswersReadIndexFromTheEndOfEarlierTerms(t *testing.T) {
	first := newPeer(t, 1)
	first.leadsAlone()
	first.ready(ready(nil, 1, 3, entry(3, 1, first.lease.Wrap([]byte("b")))))
	require.NoError(t, first.lease.Released(3))

	for _, c := range []struct {
		name   string
		ready  raft.Ready
		raised uint64
	}{
		{"a new leader", ready(leads, 2, 2, entry(4, 2, nil)), 3},
		{"one that has lost its term already", ready(nil, 3, 2, entry(4, 2, nil)), 3},
		{"one that has entries of the next leader", ready(nil, 3, 2, entry(4, 2, nil), entry(5, 3, nil), entry(6, 3, nil)), 4},
		{"one that has voted and nothing else", ready(nil, 3, 2), 2},
		{"a follower", ready(nil, 1, 2), 2},
	} {
		lease, err := epsilonraft.New(first.clock, 1, duration, stored(t, 2, first.log...))
		require.NoError(t, err)
		p := &peer{t: t, id: 1, clock: first.clock, lease: lease}
		r := answers(c.ready, 2)
		p.ready(r)
		require.EqualValues(t, c.raised, r.ReadStates[0].Index, c.name)
		require.EqualValues(t, c.raised, r.Messages[0].GetIndex(), c.name)
		require.EqualValues(t, 1, r.Messages[1].GetIndex(), c.name)
	}

	lease, err := epsilonraft.New(first.clock, 1, duration, stored(t, 2, first.log...))
	require.NoError(t, err)
	p := &peer{t: t, id: 1, clock: first.clock, lease: lease}
	p.ready(ready(leads, 2, 2, entry(4, 2, nil)))
	r := answers(ready(follows, 2, 2), 2)
	p.ready(r)
	require.EqualValues(t, 3, r.ReadStates[0].Index, "one that steps down in its term")

	r = answers(ready(nil, 1, 3), 3)
	first.ready(r)
	require.EqualValues(t, 3, r.ReadStates[0].Index, "in its own term it knows all that it has told")
}
