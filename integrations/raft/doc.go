// Package epsilonraft lets the leader of a cluster on go.etcd.io/raft/v3 answer linearizable reads without asking
// anybody, proved by clocks that know how wrong they may be. Raft itself is unchanged.
//
// Raft has two ways to read. ReadIndex asks a majority each time. Its lease counts ticks, and is wrong when a clock runs slowly or a
// process is stopped. Here an entry of the log grants the leader that has wrapped it a lease once it is committed, in the manner of LeaseGuard (A. J. J. Davis,
// M. Demirbas, L. Deng: "LeaseGuard: Raft Leases Done Right", arXiv 2512.15659): the log is the lease.
//
//	lease, err := epsilonraft.New(clock, id, time.Second, storage)
//
//	err = node.Propose(ctx, lease.Wrap(command))             // what is written
//
//	err = lease.Ready(ready)                                 // each Ready, before anything is sent or applied
//	command, err := epsilonraft.Unwrap(entry.Data)           // what is applied
//	if lease.Released(entry.Index) == nil { … }              // now whoever has written it may be told
//
//	read, err := lease.Begin()                               // what is read
//	value := …                                               // once entries up to read.Index have been applied
//	if read.Confirm(touches) == nil { … }                    // now the answer may be told
//
// The folder internal/kv has a store with all of it, and example runs three of them.
//
// # Rules
//
// An entry carries an expiry: Earliest of an interval that is read before it is proposed, plus the duration.
//
//   - Read: a leader answers while Latest is before the expiry of some entry that is committed, and that it has wrapped itself since it
//     started.
//   - Defer: a new leader tells nothing that is committed in its term, to a writer or to a reader, until Earliest is
//     after the expiry of every entry of earlier terms in its log, committed or not. Meanwhile raft commits as
//     always, and all members apply.
//   - Inherit: while it defers, it answers reads of what no entry in limbo touches. An entry is settled once a leader that
//     defers nothing knows it committed; each entry it then proposes says up to where, and in which term that was known: in the log of a leader
//     of an earlier term it says nothing. All after that is in limbo.
//
// # Why this is right
//
// Put writes in the order of their entries, and each read after the last entry that it has seen. That is what has happened if nobody who
// begins after something was told sees a smaller index, or at least nothing that differs. Let A be told by
// leader W, and a read B begin after that at leader X.
//
//   - W and X are the same, in one term: Begin returns an index that is not smaller than anything told before.
//   - W is of an earlier term. What A has seen is committed, so it is in the log of X (Leader Completeness: D. Ongaro,
//     dissertation, 3.6.3). If B is inherited, it sees what its key was at the end of that log. If not, B has waited
//     until all of it that is of earlier terms was applied. That an entry of X's own term is committed when B is confirmed would not do, for B may have
//     looked at the data before. ReadIndex has seen as much, by raft's own proof. With one voter, which raft does not have wait for an entry
//     of its own term, Ready has it wait for the end of earlier ones.
//   - W is of a later term, and X does not know. B is covered by an entry that is committed and has not expired when X looks at its clock,
//     which is after A was told. That entry is in the log of W. So W deferred, if it did not revoke: A is an inherited read. Whatever was settled
//     for W was settled by X before, or by a leader before X, or by one that had waited for the entry that covers B, which cannot be. So
//     X has applied it, or has it in its log before the end. Neither log has anything after it that touches the key and is committed, so both see
//     the same.
//
// What a follower tells, or a leader that defers, because it is settled counts as told by the leader that settled it: that one defers nothing,
// and could have told it before it wrapped the entry that says so.
//
// W, or a leader between the two, may have revoked the entry that covers B. If X has wrapped it by a clock that was right, that was before W revoked, so it expires no later than
// Latest of W's clock at that moment plus the longest duration in W's log. That is the floor, until which W defers instead. If the clock of X was wrong,
// the rules of [Lease.Revoke] have X started again by then, and then X answers nothing by it: what it reads by does not
// outlive it. So it does not matter that a member which starts, or takes a snapshot, knows nothing of what was revoked: it waits once more.
//
// The clock is read after the data was looked at. So a pause between the two, or after them, does no harm: the answer
// was right when the data was looked at.
//
// Three things differ from LeaseGuard. The expiry is one number, with which all compare the intervals of their own clocks. It need
// not be true: only the clocks of those who compare must be right. And since each entry says until when, the members
// need not have the same duration. Third, the commit index is raft's, which goes on while a leader defers. So limbo begins where
// nothing is settled any more, and not at the commit index. A third leader may know the deferred entries to be committed. If it answered
// reads from them, the first leader, whose lease still runs, would answer the same reads with what was before. It
// defers as the second one did: the entries that granted the first its lease are in its log, too, and those of the second,
// by which that one may be answering inherited reads.
//
// # What you must do
//
//  1. Give every entry that may change something to Wrap, and every Ready to [Lease.Ready] first.
//  2. Tell nobody what an entry has done before [Lease.Released]. That holds for reads by ReadIndex, too.
//  3. Begin, then wait until Index is applied, but not for ever, then look, then Confirm.
//  4. Put [Lease.State] into each snapshot, and give it to [Lease.Restore] or [WithState].
//  5. Take this into use in two steps: New, Ready, Released and Unwrap at all members, and Unwrap in whatever else reads the log, and only
//     then Wrap. A member without it would not defer, and would apply an envelope as part of the command. Give it up in the opposite order, and the second
//     half only when all leases have expired and no log has an envelope any more. Logs from before are understood: what has no envelope
//     grants nothing, and may touch anything that Confirm is told it does. But no command may begin with the bytes e5 4c 52.
//  6. Propose [Lease.Wrap] of nothing when [Lease.NeedsRenewal] says so, if a leader is to answer that wraps too little itself, or a new one is to inherit.
//  7. Fall back to ReadIndex of package raft at the leader when Confirm refuses. Leave raft.Config.ReadOnlyOption at
//     ReadOnlySafe: the other one is the lease that counts ticks. Set StepDownOnRemoval: otherwise, when one
//     voter is left, a leader that is none any more answers by itself, and does not know what that voter has told.
//
// This needs v3.7 of package raft or later, whose entries are pointers. With AsyncStorageWrites the Ready has the same fields,
// and has to be given to Lease.Ready at the same moment, before any of its messages is handled.
//
// # What is promised
//
// As long as raft's own assumptions hold, and the clocks of those that lead or believe so:
//
//   - Reads and writes that are told by these rules are linearizable, whatever is paused, lost, late or restarted, with changes of
//     the configuration and snapshots, and with clocks that refuse: then they refuse.
//   - The lease is only as long as the leader gets entries committed: one that cannot write does not keep it.
//   - After the loss of a leader its successor tells of writes within the longest duration of any member, 2ε of its clock and an election. It answers reads of what is
//     not in limbo when it has got an entry committed that it has wrapped.
//
// # What this does not promise
//
//   - Anything if a clock of a leader, or of one that was, is wrong. An expiry that no correct clock can have written is
//     reported by every member whose clock answers, until it is nearer than its duration: see [Status].
//   - Anything if a member loses what it had acknowledged to raft, or a majority is replaced by force.
//   - Reads from followers by a lease, or a change of leader without the wait, even if the old leader hands over.
//
// hashicorp/raft is not served: it hands committed entries to its state machine and resolves the futures of its writers by
// itself, and does not tell what it appends before it is committed, which is what a new leader has to wait for and what is in limbo.
package epsilonraft
