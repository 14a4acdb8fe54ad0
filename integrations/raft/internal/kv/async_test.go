package kv

import (
	"time"

	"github.com/stretchr/testify/require"
	"go.etcd.io/raft/v3"
	"go.etcd.io/raft/v3/raftpb"
)

// runAsync does what one Ready says, with AsyncStorageWrites: what is to be written or applied is so later, each in its order, while
// other things happen. What is on its way is lost in a crash.
func (m *member) runAsync() ([]*raftpb.Message, error) {
	ready := m.replica.raft.Ready()
	if err := m.replica.tell(ready); err != nil {
		return nil, err
	}
	m.replica.confirmed = append(m.replica.confirmed, ready.ReadStates...)
	m.replica.look()
	var messages []*raftpb.Message
	for _, message := range ready.Messages {
		switch message.GetTo() {
		case raft.LocalAppendThread:
			m.after(&m.writing, func() error { return m.replica.save(toWrite(message, ready.MustSync)) }, message.GetResponses())
		case raft.LocalApplyThread:
			m.after(&m.applying, func() error { return m.applyAll(message.GetEntries()) }, message.GetResponses())
		default:
			messages = append(messages, message)
		}
	}
	return messages, nil
}

// after does something when all that was to be done before it has been, and then gives raft and others the answers.
func (m *member) after(free *time.Duration, do func() error, answers []*raftpb.Message) {
	*free = max(*free, m.w.now) + m.w.between(0, 2*time.Millisecond)
	m.later(*free-m.w.now, func() {
		require.NoError(m.w.t, do())
		for _, answer := range answers {
			if answer.GetTo() == m.replica.id {
				m.replica.Step(answer)
			} else {
				m.send(answer)
			}
		}
		m.run()
	})
}

func toWrite(message *raftpb.Message, sync bool) raft.Ready {
	ready := raft.Ready{Entries: message.GetEntries(), Snapshot: message.GetSnapshot(), MustSync: sync}
	if message.Term != nil {
		ready.HardState = &raftpb.HardState{Term: message.Term, Vote: message.Vote, Commit: message.Commit}
	}
	return ready
}

// applyAll applies entries, unless a snapshot that has them has come meanwhile.
func (m *member) applyAll(entries []*raftpb.Entry) error {
	for _, entry := range entries {
		if entry.GetIndex() <= m.replica.applied {
			continue
		}
		if err := m.replica.apply(entry); err != nil {
			return err
		}
	}
	m.replica.look()
	return nil
}
