package kv

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.etcd.io/raft/v3/raftpb"
)

// put writes at a member, and requires that it is told.
func (w *world) put(m *member, key, value string) {
	w.t.Helper()
	told := false
	w.nextID++
	require.NoError(w.t, m.replica.Put(w.nextID, key, value, func(string) { told = true }))
	m.run()
	w.run(time.Second)
	require.True(w.t, told, "%s=%s", key, value)
}

// ask reads by ReadIndex at a member, and returns where the value will be.
func (m *member) ask(key string) *string {
	value := new("no answer")
	m.replica.ReadByQuorum(func(get func(string) string) func() {
		seen := get(key)
		return func() { *value = seen }
	})
	m.run()
	return value
}

// A leader that is no voter any more need not learn of another one. If one voter is left, raft answers ReadIndex without asking anybody, even if that
// voter is another member.
func TestLeaderThatIsRemovedAnswersNothing(t *testing.T) {
	for name, change := range map[string]raftpb.ConfChangeType{
		"removed": raftpb.ConfChangeRemoveNode, "a learner": raftpb.ConfChangeAddLearnerNode,
	} {
		for _, ignored := range []bool{false, true} {
			w := newWorld(t, 1, 2, habits{voters: 1}, rules{ignoreRemoval: ignored})
			w.run(time.Second)
			old := w.leader()
			other := w.members[1-old.index]
			w.put(old, "k", "old")
			old.replica.ChangeMember(uint64(old.index+1), change)
			old.run()
			w.run(20 * time.Millisecond) // both know
			w.isolate(old, true, true)
			w.run(time.Second)
			require.True(t, other.replica.leads(), name)
			w.put(other, "k", "new")
			_, err := old.replica.Get("k")
			require.Error(t, err, name)
			answer := old.ask("k")
			w.run(time.Second)
			if want := map[bool]string{false: "no answer", true: "old"}[ignored]; *answer != want {
				t.Errorf("%s, with the rule ignored: %v: %s, not %s", name, ignored, *answer, want)
			}
		}
	}
}

// The only voter answers ReadIndex at once. What it has told it may not know to be committed any more.
func TestOnlyVoterTellsAfterAPowerFailureWhatItHadTold(t *testing.T) {
	w := newWorld(t, 1, 1, habits{voters: 1}, rules{})
	w.run(time.Second)
	m := w.members[0]
	w.put(m, "k", "old")
	told := false
	require.NoError(t, m.replica.Put(1000, "k", "new", func(string) { told = true }))
	m.run()
	for !told {
		w.run(100 * time.Microsecond) // nothing else, or it would be synced with the next entry
	}
	_, index := m.replica.Look("k")
	m.restart(true)
	m.replica.Campaign()
	for !m.replica.leads() {
		_, err := m.replica.runOnce()
		require.NoError(t, err)
	}
	require.Less(t, m.replica.raft.BasicStatus().GetCommit(), index)
	answer := m.ask("k")
	w.run(time.Second)
	require.Equal(t, "new", *answer)
}
