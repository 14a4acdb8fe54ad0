package epsilonraft

import (
	"fmt"

	"go.etcd.io/raft/v3"
	"go.etcd.io/raft/v3/raftpb"
)

// Ready takes what raft has to say: call it with every [raft.Ready], in their order, before its messages are sent and
// its entries are applied. Nothing else tells the Lease who leads, what the log is and what is committed.
//
// It changes one thing in it: the index of an answer to ReadIndex, in ReadStates and in Messages, is raised to the end of earlier terms. Raft
// itself waits for an entry of its leader's term, but not if there is one voter alone. That one answers at once, with what
// it knows to be committed, and after a crash that may be less than it has told: raft does not ask for a commit index to be synced.
//
// After an error, which wraps [ErrCorrupt] or [ErrSnapshot], the member must stop. The Lease answers nothing from then on.
func (l *Lease) Ready(ready raft.Ready) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.view.Load().err; err != nil {
		return err
	}
	err := l.take(ready)
	l.publish(err)
	return err
}

func (l *Lease) take(ready raft.Ready) error {
	h := &l.history
	if !raft.IsEmptySnap(ready.Snapshot) {
		if index := ready.Snapshot.GetMetadata().GetIndex(); l.restored == nil || l.restored.folded != index {
			return fmt.Errorf("%w: it is of entry %d", ErrSnapshot, index)
		}
		*h, l.restored = *l.restored, nil
	}
	for _, entry := range ready.Entries {
		if err := h.add(entry); err != nil {
			return err
		}
	}
	led, before := l.leader, l.term
	if ready.SoftState != nil {
		l.leader = ready.SoftState.RaftState == raft.StateLeader
	}
	if !raft.IsEmptyHardState(ready.HardState) {
		l.term, l.vote = ready.HardState.GetTerm(), ready.HardState.GetVote()
	}
	for _, entry := range ready.Entries {
		if entry.GetTerm() > l.term { // raft says first that it is in a term, or in the same Ready
			return fmt.Errorf("%w: entry %d is of term %d, and it is term %d: Ready was not called with each Ready",
				ErrCorrupt, entry.GetIndex(), entry.GetTerm(), l.term)
		}
	}
	if l.leader && l.vote != l.node { // a leader has voted for itself
		return fmt.Errorf("%w: member %x leads in term %d, but has voted for %x: Ready was not called with each Ready, or New was given the number of another member",
			ErrCorrupt, l.node, l.term, l.vote)
	}
	// A leader that has lost one term and won another between two Readys has no new SoftState.
	if l.leader && (!led || before != l.term) {
		l.hold = newHold(h.latestBefore(l.term), h.floor, h.lastBefore(l.term))
	}
	switch {
	case l.leader:
		raiseAnswers(ready, l.hold.through)
	case led || before != l.term:
		// It may have answered before it lost its term, or won and lost one in between: then that term's first entry is in the log. Not up to
		// the end of the log, of which another leader may replace some, so that whoever asked would wait for ever.
		raiseAnswers(ready, h.lastBefore(max(before, h.lastTerm())))
	}
	if raft.IsEmptyHardState(ready.HardState) {
		return nil
	}
	return h.commitTo(ready.HardState.GetCommit())
}

// raiseAnswers has whoever asked by ReadIndex wait at least for an index.
func raiseAnswers(ready raft.Ready, to uint64) {
	for i := range ready.ReadStates {
		ready.ReadStates[i].Index = max(ready.ReadStates[i].Index, to)
	}
	for _, m := range ready.Messages {
		if m.GetType() == raftpb.MsgReadIndexResp {
			m.Index = new(max(m.GetIndex(), to))
		}
	}
}
