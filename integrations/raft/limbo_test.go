package epsilonraft_test

import (
	"encoding/binary"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"go.etcd.io/raft/v3/raftpb"

	epsilonraft "github.com/epsilontime/epsilon/integrations/raft"
)

func TestNewLeaderReadsWhatNoEntryInLimboTouches(t *testing.T) {
	first, second := newPeer(t, 1), newPeer(t, 2)
	second.succeeds(first)
	require.NoError(t, second.read("a"), "settled")
	require.NoError(t, second.read("z"))
	require.ErrorIs(t, second.read("b"), epsilonraft.ErrLimbo)
	read, err := second.lease.Begin()
	require.NoError(t, err)
	require.ErrorIs(t, read.Confirm(nil), epsilonraft.ErrDeferred)

	second.ready(ready(nil, 0, 0, entry(5, 2, second.lease.Wrap([]byte("c")))))
	require.ErrorIs(t, second.read("c"), epsilonraft.ErrLimbo, "its own writes, too, may have been applied")

	second.at(duration - ε)
	require.ErrorIs(t, second.read("a"), epsilonraft.ErrExpired, "the lease it inherits has an end")
	second.at(duration - 2*ε - 1)
	require.NoError(t, second.read("a"))
}

// Raft may have committed an entry that its leader must not tell yet: the commit index is no end of the limbo.
func TestWhatIsCommittedAndNotReleasedIsInLimbo(t *testing.T) {
	first, second, third := newPeer(t, 1), newPeer(t, 2), newPeer(t, 3)
	second.succeeds(first)
	second.ready(ready(nil, 2, 5, entry(5, 2, second.lease.Wrap([]byte("a")))))
	require.ErrorIs(t, second.lease.Released(5), epsilonraft.ErrDeferred)
	require.NoError(t, first.read("a"), "the first leader answers without the write")

	third.ready(ready(follows, 2, 5, append(second.log, entry(6, 2, second.lease.Wrap([]byte("d"))))...))
	third.leads(3, 7)
	require.ErrorIs(t, third.read("a"), epsilonraft.ErrLimbo, "it is committed, and the first leader does not know")
	require.NoError(t, third.read("z"))
	require.ErrorIs(t, third.lease.Released(5), epsilonraft.ErrDeferred)
	third.at(2 * duration)
	require.NoError(t, third.lease.Released(5))
}

// What the second leader has released, the third need not keep in limbo.
func TestWhatIsReleasedIsSettledForTheNextLeader(t *testing.T) {
	first, second, third := newPeer(t, 1), newPeer(t, 2), newPeer(t, 3)
	second.succeeds(first)
	second.ready(ready(nil, 2, 5, entry(5, 2, second.lease.Wrap([]byte("a")))))
	second.at(2 * duration)
	told := entry(6, 2, second.lease.Wrap([]byte("d")))

	third.at(2 * duration)
	third.ready(ready(follows, 2, 6, append(second.log, told)...))
	require.NoError(t, third.lease.Released(5), "a follower learns it from the log")
	require.ErrorIs(t, third.lease.Released(6), epsilonraft.ErrNotLeader)
	third.leads(3, 7)
	require.NoError(t, third.read("a"))
	require.ErrorIs(t, third.read("d"), epsilonraft.ErrLimbo)
}

// An entry may say that more is settled than this member knows to be committed. What that has granted counts all the same.
func TestWhatIsSettledIsCommitted(t *testing.T) {
	first, second := newPeer(t, 1), newPeer(t, 2)
	first.ready(ready(leads, 1, 2, entry(1, 1, nil), entry(2, 1, second.lease.Wrap([]byte("a"))))) // forwarded by raft
	second.ready(ready(follows, 1, 1, append(first.log, entry(3, 1, first.lease.Wrap([]byte("b"))))...))
	second.ready(ready(leads, 2, 1, entry(4, 2, nil)))
	read, err := second.lease.Begin()
	require.NoError(t, err)
	require.EqualValues(t, 2, read.Index)
	require.NoError(t, read.Confirm(touching("a")))
	second.clock.Advance(duration + 1 - 2*ε) // b has the same expiry, and is not known to be committed
	require.ErrorIs(t, read.Confirm(touching("a")), epsilonraft.ErrExpired)
}

// A member that does not lead, or that defers, must not say that anything of its own is settled, however its proposal comes into the log.
func TestOnlyALeaderThatHasReleasedSettles(t *testing.T) {
	first, second := newPeer(t, 1), newPeer(t, 2)
	second.succeeds(first)
	second.ready(ready(nil, 2, 4))
	deferring := second.lease.Wrap([]byte("c"))
	second.at(2 * duration)
	require.NoError(t, second.lease.Released(4))
	second.ready(ready(follows, 3, 4))
	following := second.lease.Wrap([]byte("c"))
	for name, data := range map[string][]byte{"deferring": deferring, "following": following} {
		third := newPeer(t, 3)
		third.ready(ready(follows, 3, 2, append(second.log, entry(5, 3, data))...))
		require.EqualValues(t, 2, third.lease.Status().Settled, name)
	}
}

// To settle needs no clock once nothing is deferred, and a member that has stopped settles nothing.
func TestWhatIsReleasedIsSettledWithoutAClock(t *testing.T) {
	p := newPeer(t, 1)
	p.leadsAlone()
	p.clock.Disrupt()
	require.EqualValues(t, 2, settledBy(p.lease.Wrap(nil)))
	require.ErrorIs(t, p.lease.Ready(ready(nil, 0, 0, entry(9, 1, nil))), epsilonraft.ErrCorrupt)
	require.EqualValues(t, 0, settledBy(p.lease.Wrap(nil)))
}

func settledBy(wrapped []byte) uint64 { return binary.BigEndian.Uint64(wrapped[32:]) }

// What a program wrote before it had leases may be in limbo as well.
func TestEntryWithoutAnEnvelopeIsInLimbo(t *testing.T) {
	first, second := newPeer(t, 1), newPeer(t, 2)
	first.leadsAlone()
	second.ready(ready(follows, 1, 2, append(first.log, entry(3, 1, []byte("b")))...))
	second.leads(2, 4)
	require.ErrorIs(t, second.read("b"), epsilonraft.ErrLimbo)
	require.NoError(t, second.read("z"))
}

// What is not committed is kept, however long it is: it may grant a lease.
func TestTooLongAndNotCommitted(t *testing.T) {
	first, second := newPeer(t, 1), newPeer(t, 2)
	entries := []*raftpb.Entry{entry(1, 1, nil), entry(2, 1, first.lease.Wrap([]byte("a")))}
	for i := range uint64(1 << 16) {
		entries = append(entries, entry(3+i, 1, nil))
	}
	second.ready(ready(follows, 1, 1, entries...))
	second.ready(ready(leads, 2, 1, entry(3+1<<16, 2, nil)))
	require.ErrorIs(t, second.lease.Released(1), epsilonraft.ErrDeferred)
	second.at(2 * duration)
	require.NoError(t, second.lease.Released(1))
}

// So many entries are not kept, and then it is not known what they touch.
func TestTooLongLimbo(t *testing.T) {
	first, second := newPeer(t, 1), newPeer(t, 2)
	second.succeeds(first)
	require.NoError(t, second.read("z"))
	for i := range uint64(1 << 16) {
		second.ready(ready(nil, 2, 4+i, entry(5+i, 2, second.lease.Wrap([]byte("c")))))
	}
	require.ErrorIs(t, second.read("z"), epsilonraft.ErrLimbo)
	require.LessOrEqual(t, second.lease.Status().Limbo, 1<<16)
	require.ErrorIs(t, second.lease.Released(5), epsilonraft.ErrDeferred)
	second.at(2 * duration)
	require.NoError(t, second.lease.Released(5), "the lease that is waited for is known all the same")
}

// A program may keep its members in its data, and raft alone understands what is in these entries.
func TestChangeOfTheConfigurationTouchesEverything(t *testing.T) {
	for name, data := range map[string][]byte{"a change": []byte("z"), "the end of a joint one": nil} {
		t.Run(name, func(t *testing.T) {
			first, second := newPeer(t, 1), newPeer(t, 2)
			second.succeeds(first)
			change := entry(5, 2, data)
			change.Type = raftpb.EntryConfChangeV2.Enum()
			require.NoError(t, second.read("a"))
			second.ready(ready(nil, 2, 5, change))
			require.ErrorIs(t, second.read("a"), epsilonraft.ErrLimbo)
			second.at(2 * duration)
			second.ready(ready(nil, 2, 6, entry(6, 2, second.lease.Wrap(nil))))
			require.NoError(t, second.read("a"))
		})
	}
}

// A program may carry what was wrapped by a way of its own, to a member that leads in an earlier term and does not know of a later one. Up
// to what is settled its log has other entries.
func TestWhatIsSettledIsOfNoEarlierTerm(t *testing.T) {
	first, second, fourth := newPeer(t, 1), newPeer(t, 2), newPeer(t, 4)
	first.leadsAlone()
	common := slices.Clone(first.log)
	read, err := first.lease.Begin()
	require.NoError(t, err)

	second.ready(ready(follows, 1, 2, common...))
	second.ready(ready(leads, 2, 3, entry(3, 2, nil)))
	second.at(2 * duration)
	second.ready(ready(nil, 2, 4, entry(4, 2, second.lease.Wrap([]byte("a")))))
	require.NoError(t, second.lease.Released(4), "a is told")
	second.ready(ready(nil, 2, 5, entry(5, 2, second.lease.Wrap(nil)))) // says that 4 is settled
	fourth.ready(ready(follows, 2, 5, second.log...))
	carried := fourth.lease.Wrap([]byte("x"))

	first.at(2 * duration) // cut off all the time
	first.ready(ready(nil, 0, 0, entry(3, 1, first.lease.Wrap(nil)), entry(4, 1, carried)))
	first.ready(ready(nil, 0, 0, entry(5, 1, first.lease.Wrap(nil)), entry(6, 1, carried)))
	require.ErrorIs(t, read.Confirm(nil), epsilonraft.ErrExpired, "nothing of it is committed")
	first.ready(ready(follows, 2, 5, second.log[2:]...))
	require.EqualValues(t, 4, first.lease.Status().Settled, "by the log of the other leader")

	later := newPeer(t, 3)
	later.ready(ready(follows, 3, 5, append(second.log, entry(6, 3, carried))...))
	require.EqualValues(t, 4, later.lease.Status().Settled)
}
