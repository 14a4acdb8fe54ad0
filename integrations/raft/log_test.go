package epsilonraft_test

import (
	"encoding/binary"
	"hash/crc32"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.etcd.io/raft/v3"
	"go.etcd.io/raft/v3/raftpb"

	epsilonraft "github.com/epsilontime/epsilon/integrations/raft"
	"github.com/epsilontime/epsilon/truetime"
	"github.com/epsilontime/epsilon/truetime/truetimetest"
)

func TestUnwrap(t *testing.T) {
	wrapped := newPeer(t, 1).lease.Wrap([]byte("set a"))
	command, err := epsilonraft.Unwrap(wrapped)
	require.NoError(t, err)
	require.Equal(t, "set a", string(command))
	for _, empty := range [][]byte{nil, newPeer(t, 1).lease.Wrap(nil)} {
		command, err = epsilonraft.Unwrap(empty)
		require.NoError(t, err)
		require.Empty(t, command)
	}
	_, err = epsilonraft.Unwrap([]byte("set a"))
	require.ErrorIs(t, err, epsilonraft.ErrNotWrapped)
	for length := 4; length < 56; length++ {
		_, err = epsilonraft.Unwrap(wrapped[:length])
		require.ErrorIs(t, err, epsilonraft.ErrCorrupt, "%d bytes", length)
	}
	for bit := 4 * 8; bit < 56*8; bit++ {
		damaged := slices.Clone(wrapped)
		damaged[bit/8] ^= 1 << (bit % 8)
		_, err = epsilonraft.Unwrap(damaged)
		require.ErrorIs(t, err, epsilonraft.ErrCorrupt, "bit %d", bit)
	}
}

// forged is an envelope with a checksum that fits.
func forged(node uint64, expiry truetime.Time, duration time.Duration, settled uint64) []byte {
	data := wrappedBy(node)
	binary.BigEndian.PutUint64(data[16:], uint64(expiry))
	binary.BigEndian.PutUint64(data[24:], uint64(duration))
	binary.BigEndian.PutUint64(data[32:], settled)
	binary.BigEndian.PutUint32(data[4:], crc32.Checksum(data[8:56], crc32.MakeTable(crc32.Castagnoli)))
	return append(data, 'x')
}

func wrappedBy(node uint64) []byte {
	lease, err := epsilonraft.New(truetimetest.NewManual(start, ε), node, duration, raft.NewMemoryStorage())
	if err != nil {
		panic(err)
	}
	return lease.Wrap(nil)
}

// After what cannot be in a log nothing is answered any more.
func TestCorruptLogStopsTheMember(t *testing.T) {
	for name, r := range map[string]raft.Ready{
		"a truncated envelope":          ready(nil, 0, 0, entry(3, 1, wrappedBy(1)[:55])),
		"a lease for years":             ready(nil, 0, 0, entry(3, 1, forged(1, start, 1e6*time.Hour, 0))),
		"a lease for less than no time": ready(nil, 0, 0, entry(3, 1, forged(1, start, -1, 0))),
		"a lease without end":           ready(nil, 0, 0, entry(3, 1, forged(1, 0, duration, 0))),
		"settled before it is written":  ready(nil, 0, 0, entry(3, 1, forged(1, start, duration, 3))),
		"an entry is missing":           ready(nil, 0, 0, entry(4, 1, nil)),
		"a committed one is replaced":   ready(nil, 0, 0, entry(2, 2, nil)),
		"more committed than there is":  ready(nil, 1, 9),
		"of a term that is not known":   ready(nil, 0, 0, entry(3, 2, nil)),
	} {
		t.Run(name, func(t *testing.T) {
			p := newPeer(t, 1)
			p.leadsAlone()
			read, err := p.lease.Begin()
			require.NoError(t, err)
			require.ErrorIs(t, p.lease.Ready(p.votes(r)), epsilonraft.ErrCorrupt)
			require.ErrorIs(t, read.Confirm(nil), epsilonraft.ErrCorrupt)
			require.ErrorIs(t, p.read("a"), epsilonraft.ErrCorrupt)
			require.ErrorIs(t, p.lease.Released(1), epsilonraft.ErrCorrupt)
			require.ErrorIs(t, p.lease.Ready(raft.Ready{}), epsilonraft.ErrCorrupt)
			require.ErrorIs(t, p.lease.Status().Err, epsilonraft.ErrCorrupt)
			require.False(t, p.lease.NeedsRenewal())
		})
	}
}

// The member whose clock was wrong is named, and nobody waits for years without knowing why.
func TestLeaseFromTheFutureIsRefused(t *testing.T) {
	p := newPeer(t, 1)
	p.ready(ready(follows, 1, 1, entry(1, 1, forged(7, start.Add(1e5*time.Hour), time.Second, 0))))
	p.ready(ready(leads, 2, 2, entry(2, 2, nil)))
	err := p.lease.Released(2)
	require.ErrorIs(t, err, epsilonraft.ErrFromFuture)
	require.ErrorContains(t, err, "member 7")
	require.ErrorIs(t, p.lease.Status().FromFuture, epsilonraft.ErrFromFuture)
	require.ErrorIs(t, p.read("z"), epsilonraft.ErrExpired, "nor does anybody read by it")
	p.ready(ready(nil, 2, 3, entry(3, 2, p.lease.Wrap(nil))))
	require.NoError(t, p.read("z"), "but by another")
	read, err := p.lease.Begin()
	require.NoError(t, err)
	require.ErrorIs(t, read.Confirm(nil), epsilonraft.ErrFromFuture)
	require.NoError(t, p.lease.Revoke())
	require.ErrorIs(t, p.lease.Released(2), epsilonraft.ErrDeferred, "others may read by what was granted since")
	p.at(time.Second + 3*ε)
	require.NoError(t, p.lease.Released(2))
	p.ready(ready(nil, 2, 4, entry(4, 2, p.lease.Wrap(nil))))
	require.NoError(t, p.read("a"))
}

// A log from before grants nothing, so there is nothing to wait for, and its entries touch what the caller says.
func TestLogWithoutEnvelopes(t *testing.T) {
	p := newPeer(t, 1)
	p.ready(ready(follows, 1, 2, entry(1, 1, []byte("a")), entry(2, 1, []byte("b")), &raftpb.Entry{
		Index: new(uint64(3)), Term: new(uint64(1)), Type: raftpb.EntryConfChangeV2.Enum(), Data: []byte("no command"),
	}))
	p.ready(ready(leads, 2, 2, entry(4, 2, p.lease.Wrap(nil))))
	require.ErrorIs(t, p.read("a"), epsilonraft.ErrExpired)
	p.ready(ready(nil, 2, 4))
	require.NoError(t, p.lease.Released(4))
	require.NoError(t, p.read("a"))
}

// What was replaced was never committed: nobody reads by it, and nobody waits for it.
func TestEntriesThatWereReplacedGrantNothing(t *testing.T) {
	p := newPeer(t, 2)
	p.ready(ready(follows, 1, 1, entry(1, 1, nil), entry(2, 1, forged(1, start.Add(duration-ε), duration, 0)), entry(3, 1, nil)))
	p.ready(ready(nil, 2, 1, entry(2, 2, nil)))
	p.ready(ready(leads, 3, 1, entry(3, 3, nil)))
	p.ready(ready(nil, 3, 3))
	require.NoError(t, p.lease.Released(3))
	p.ready(ready(nil, 0, 0, entry(3, 3, nil))) // told twice
	require.NoError(t, p.lease.Released(3))
}

// stored returns a storage with a log of term 1, and its hard state.
func stored(t *testing.T, commit uint64, entries ...*raftpb.Entry) *raft.MemoryStorage {
	storage := raft.NewMemoryStorage()
	require.NoError(t, storage.Append(entries))
	require.NoError(t, storage.SetHardState(&raftpb.HardState{Term: new(uint64(1)), Commit: &commit}))
	return storage
}

// A member that starts again, even the one that held the lease, waits for what its log grants.
func TestLeasesSurviveARestart(t *testing.T) {
	first := newPeer(t, 1)
	storage := stored(t, 1, entry(1, 1, nil), entry(2, 1, first.lease.Wrap([]byte("a"))))
	lease, err := epsilonraft.New(first.clock, 1, duration, storage)
	require.NoError(t, err)
	p := &peer{t: t, id: 1, clock: first.clock, lease: lease}
	require.ErrorIs(t, p.read("a"), epsilonraft.ErrNotLeader)
	p.ready(ready(leads, 2, 3, entry(3, 2, nil)))
	require.ErrorIs(t, p.lease.Released(3), epsilonraft.ErrDeferred)
	p.at(2 * duration)
	require.NoError(t, p.lease.Released(3))
}

// Another duration on each member: the one that was granted counts.
func TestMembersNeedNotAgreeOnTheDuration(t *testing.T) {
	first := newPeer(t, 1)
	storage := stored(t, 1, entry(1, 1, nil), entry(2, 1, first.lease.Wrap([]byte("a"))))
	lease, err := epsilonraft.New(first.clock, 2, duration/100, storage)
	require.NoError(t, err)
	p := &peer{t: t, id: 2, clock: first.clock, lease: lease}
	p.ready(ready(leads, 2, 3, entry(3, 2, nil)))
	p.at(duration - ε)
	require.ErrorIs(t, p.lease.Released(3), epsilonraft.ErrDeferred)
	p.at(duration + 1)
	require.NoError(t, p.lease.Released(3))
}

func TestLeasesSurviveACompaction(t *testing.T) {
	first := newPeer(t, 1)
	first.leadsAlone()
	_, err := first.lease.State(3)
	require.ErrorIs(t, err, epsilonraft.ErrNotCommitted)
	state, err := first.lease.State(2)
	require.NoError(t, err)

	storage := stored(t, 2, entry(1, 1, nil), entry(2, 1, nil), entry(3, 1, nil))
	_, err = storage.CreateSnapshot(2, nil, state)
	require.NoError(t, err)
	require.NoError(t, storage.Compact(2))
	clock := truetimetest.NewManual(start, ε)
	_, err = epsilonraft.New(clock, 2, duration, storage)
	require.ErrorContains(t, err, "WithState")
	_, err = epsilonraft.New(clock, 2, duration, storage, epsilonraft.WithState(state[1:]))
	require.ErrorIs(t, err, epsilonraft.ErrCorrupt)
	_, err = epsilonraft.New(clock, 2, duration, storage, epsilonraft.WithState(epsilonraft.NoLeases(4)))
	require.ErrorContains(t, err, "from 3 to 3", "a state from after the end of the log")

	lease, err := epsilonraft.New(clock, 2, duration, storage, epsilonraft.WithState(state))
	require.NoError(t, err)
	p := &peer{t: t, id: 2, clock: clock, lease: lease}
	p.leads(2, 4)
	require.ErrorIs(t, p.lease.Released(4), epsilonraft.ErrDeferred)
	require.ErrorIs(t, p.read("z"), epsilonraft.ErrLimbo, "what is in the snapshot and not settled may touch anything")
	p.at(2 * duration)
	require.NoError(t, p.lease.Released(4))

	lease, err = epsilonraft.New(clock, 2, duration, storage, epsilonraft.WithState(epsilonraft.NoLeases(2)))
	require.NoError(t, err)
	p = &peer{t: t, id: 2, clock: clock, lease: lease}
	p.ready(ready(leads, 2, 4, entry(4, 2, nil)))
	require.NoError(t, p.lease.Released(4))
}

// What a snapshot says of leases is of entries that are committed, and of no more of them than it has.
func TestStateIsOfCommittedEntries(t *testing.T) {
	first := newPeer(t, 1)
	first.leadsAlone()
	settles := entry(3, 1, first.lease.Wrap(nil)) // 2
	first.at(duration / 2)
	first.ready(ready(nil, 1, 3, settles, entry(4, 1, first.lease.Wrap(nil))))
	storage := stored(t, 3, entry(1, 1, nil), entry(2, 1, nil), entry(3, 1, nil))
	for index, settled := range map[uint64]uint64{1: 1, 2: 2, 3: 2} {
		state, err := first.lease.State(index)
		require.NoError(t, err)
		lease, err := epsilonraft.New(first.clock, 2, duration, storage, epsilonraft.WithState(state))
		require.NoError(t, err)
		require.Equal(t, epsilonraft.Status{Term: 1, Settled: settled, Limbo: int(3 - max(index, settled))}, lease.Status())
		p := &peer{t: t, id: 2, clock: first.clock, lease: lease}
		p.leads(2, 4)
		require.Equal(t, start.Add(duration-ε), lease.Status().Deferred)

		for name, word := range map[string]struct {
			at    int
			value uint64
		}{
			"settled": {16, index + 1}, "cover": {40, uint64(2 * time.Hour)}, "floor": {64, 1}, "longest": {72, uint64(2 * time.Hour)}, "shorter": {72, 1},
		} {
			bad := slices.Clone(state)
			binary.BigEndian.PutUint64(bad[word.at:], word.value)
			binary.BigEndian.PutUint32(bad[4:], crc32.Checksum(bad[8:], crc32.MakeTable(crc32.Castagnoli)))
			_, err = epsilonraft.New(first.clock, 2, duration, storage, epsilonraft.WithState(bad))
			require.ErrorIs(t, err, epsilonraft.ErrCorrupt, name)
		}
	}
}

func TestLeasesComeWithASnapshot(t *testing.T) {
	first := newPeer(t, 1)
	first.leadsAlone()
	state, err := first.lease.State(2)
	require.NoError(t, err)
	arrives := ready(nil, 1, 2)
	arrives.Snapshot = &raftpb.Snapshot{Metadata: &raftpb.SnapshotMetadata{Index: new(uint64(2)), Term: new(uint64(1))}}

	forgetful := newPeer(t, 2)
	require.ErrorIs(t, forgetful.lease.Ready(arrives), epsilonraft.ErrSnapshot)

	second := newPeer(t, 2)
	second.ready(ready(follows, 1, 0, entry(1, 1, nil))) // of which nothing was committed
	require.NoError(t, second.lease.Restore(state))
	second.ready(arrives)
	require.ErrorIs(t, second.lease.Restore(epsilonraft.NoLeases(1)), epsilonraft.ErrCorrupt, "of before what is committed")
	require.ErrorIs(t, second.lease.Restore(nil), epsilonraft.ErrCorrupt)
	second.ready(ready(leads, 2, 3, entry(3, 2, nil)))
	require.ErrorIs(t, second.lease.Released(3), epsilonraft.ErrDeferred)
	second.at(2 * duration)
	require.NoError(t, second.lease.Released(3))
}

// What a snapshot says is another leader's, and counts together with the role that Ready tells: not before, whatever else is called.
func TestSnapshotCountsOnceReadyHasIt(t *testing.T) {
	p := newPeer(t, 1)
	p.leadsAlone()
	require.NoError(t, p.lease.Restore(epsilonraft.NoLeases(9)))
	require.NoError(t, p.lease.Revoke())
	read, err := p.lease.Begin()
	require.NoError(t, err)
	require.EqualValues(t, 2, read.Index)
	require.EqualValues(t, 2, binary.BigEndian.Uint64(p.lease.Wrap(nil)[32:]), "settled")

	arrives := ready(follows, 2, 9)
	arrives.Snapshot = &raftpb.Snapshot{Metadata: &raftpb.SnapshotMetadata{Index: new(uint64(9)), Term: new(uint64(2))}}
	p.ready(arrives)
	require.NoError(t, p.lease.Ready(ready(nil, 2, 10, entry(10, 2, nil))))
}

// An envelope of another version is not taken for a command: its lease would not be waited for.
func TestEnvelopeOfAnotherVersion(t *testing.T) {
	data := newPeer(t, 1).lease.Wrap([]byte("set a"))
	data[3]--
	_, err := epsilonraft.Unwrap(data)
	require.ErrorIs(t, err, epsilonraft.ErrCorrupt)
	require.ErrorContains(t, err, "version '1'")
	require.ErrorIs(t, newPeer(t, 1).lease.Ready(ready(nil, 1, 0, entry(1, 1, data))), epsilonraft.ErrCorrupt)
}

// Whatever bytes are in a log, there is an error or none, and what was wrapped comes out again.
func FuzzUnwrap(f *testing.F) {
	f.Add([]byte(nil))
	f.Add([]byte("set a"))
	f.Add(wrappedBy(1))
	f.Add(forged(1, start, -1, 0))
	f.Fuzz(func(t *testing.T, data []byte) {
		command, err := epsilonraft.Unwrap(data)
		if err == nil && len(command) > 0 {
			require.Equal(t, data[len(data)-len(command):], command)
		}
		command, err = epsilonraft.Unwrap(newPeer(t, 1).lease.Wrap(data))
		require.NoError(t, err)
		require.Equal(t, len(data), len(command))
	})
}

// A Ready that was left out said that another leads by now, and perhaps in which term.
func TestLeaderThatHasNotVotedForItselfStops(t *testing.T) {
	for name, vote := range map[string]uint64{"for another": 2, "for nobody": raft.None} {
		p := newPeer(t, 1)
		p.leadsAlone()
		r := ready(nil, 2, 2, entry(3, 2, nil))
		r.HardState.Vote = &vote
		require.ErrorIs(t, p.lease.Ready(r), epsilonraft.ErrCorrupt, name)
		require.ErrorIs(t, p.read("a"), epsilonraft.ErrCorrupt, name)
		require.False(t, p.lease.Status().Leader, name)
	}

	p := newPeer(t, 1) // of the member 2, says its log
	r := ready(leads, 1, 0, entry(1, 1, nil))
	r.HardState.Vote = new(uint64(2))
	require.ErrorContains(t, p.lease.Ready(r), "the number of another member")
	status := p.lease.Status()
	require.ErrorIs(t, status.Err, epsilonraft.ErrCorrupt)
	require.False(t, status.Leader, "whoever looks for a leader must not pick one that has stopped")

	storage := stored(t, 1, entry(1, 1, nil))
	require.NoError(t, storage.SetHardState(&raftpb.HardState{Term: new(uint64(1)), Vote: new(uint64(1)), Commit: new(uint64(1))}))
	lease, err := epsilonraft.New(p.clock, 1, duration, storage)
	require.NoError(t, err)
	require.NoError(t, lease.Ready(ready(leads, 0, 0)), "it has voted before it was started")
}
