package epsilonraft_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.etcd.io/raft/v3"
	"go.etcd.io/raft/v3/raftpb"
	"go.uber.org/goleak"

	epsilonraft "github.com/epsilontime/epsilon/integrations/raft"
	"github.com/epsilontime/epsilon/truetime"
	"github.com/epsilontime/epsilon/truetime/truetimetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	start    = truetimetest.DefaultStart
	ε        = time.Millisecond
	duration = time.Second
)

// A peer is a member to whom a test says what raft would: no raft runs.
type peer struct {
	t     *testing.T
	id    uint64
	clock *truetimetest.Manual
	lease *epsilonraft.Lease
	log   []*raftpb.Entry
}

func newPeer(t *testing.T, id uint64) *peer {
	clock := truetimetest.NewManual(start, ε)
	lease, err := epsilonraft.New(clock, id, duration, raft.NewMemoryStorage())
	require.NoError(t, err)
	return &peer{t: t, id: id, clock: clock, lease: lease}
}

// ready is what raft says: the role if it is given, a term and a commit index unless they are 0, and entries.
func ready(role *raft.StateType, term, commit uint64, entries ...*raftpb.Entry) raft.Ready {
	r := raft.Ready{Entries: entries}
	if role != nil {
		r.SoftState = &raft.SoftState{RaftState: *role}
	}
	if term != 0 {
		r.HardState = &raftpb.HardState{Term: &term, Commit: &commit}
	}
	return r
}

var (
	leads   = new(raft.StateLeader)
	follows = new(raft.StateFollower)
)

func entry(index, term uint64, data []byte) *raftpb.Entry {
	return &raftpb.Entry{Index: &index, Term: &term, Data: data}
}

// votes makes the peer vote for itself, as a leader has.
func (p *peer) votes(r raft.Ready) raft.Ready {
	if r.HardState != nil {
		r.HardState.Vote = &p.id
	}
	return r
}

func (p *peer) ready(r raft.Ready) {
	p.t.Helper()
	require.NoError(p.t, p.lease.Ready(p.votes(r)))
	for _, e := range r.Entries {
		if e.GetIndex() <= uint64(len(p.log)) {
			p.log = p.log[:e.GetIndex()-1]
		}
		p.log = append(p.log, e)
	}
}

// leadsAlone makes the peer the leader of term 1, with the entry of raft and one that grants a lease, both committed.
func (p *peer) leadsAlone() {
	p.t.Helper()
	p.ready(ready(leads, 1, 0, entry(1, 1, nil)))
	p.ready(ready(nil, 1, 2, entry(2, 1, p.lease.Wrap([]byte("a")))))
}

// succeeds makes the peer the leader of term 2, after a leader of term 1 has written a, which is committed and known to be, and b, which is not
// known to be. The lease of b ends at start − ε + duration.
func (p *peer) succeeds(first *peer) {
	p.t.Helper()
	first.leadsAlone()
	p.ready(ready(follows, 1, 2, first.log...))
	p.ready(ready(nil, 0, 0, entry(3, 1, first.lease.Wrap([]byte("b"))))) // says that 2 is settled
	p.leads(2, 4)
}

// leads makes the peer the leader of a term whose first entry is committed, and grants it a lease so that it can inherit.
func (p *peer) leads(term, index uint64) {
	p.t.Helper()
	p.ready(ready(leads, term, index, entry(index, term, p.lease.Wrap(nil))))
}

// read reads at once, of what commands that are equal to key touch.
func (p *peer) read(key string) error {
	read, err := p.lease.Begin()
	if err != nil {
		return err
	}
	return read.Confirm(touching(key))
}

func touching(key string) func([]byte) bool {
	return func(command []byte) bool { return string(command) == key }
}

// at sets the peer's clock to an interval around a moment after the start.
func (p *peer) at(d time.Duration) {
	p.clock.Set(truetime.Interval{Earliest: start.Add(d - ε), Latest: start.Add(d + ε)})
}
