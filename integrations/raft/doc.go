// Package epsilonraft lets the leader of a cluster on go.etcd.io/raft/v3 answer linearizable reads without asking
// anybody, proved by clocks that know how wrong they may be. Raft itself is unchanged.
//
// Raft has two ways to read. ReadIndex asks a majority each time. Its lease counts ticks, and is wrong when a clock runs slowly or a
// process is stopped. Here an entry of the log grants its leader a lease once it is committed, in the manner of LeaseGuard (A. J. J. Davis,
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
// An entry carries an expiry: Earliest of an interval that is read before it is proposed, and the duration. It grants a lease.
//
//   - Read: a leader answers while Latest < the expiry of an entry that is committed.
//   - Defer: a new leader tells nothing that is committed in its term, to a writer or a reader, until Earliest > the
//     expiry of every entry of earlier terms in its log. Raft commits, and everybody applies, meanwhile.
//   - Inherit: until then it answers, by the lease of any entry that is committed, reads of what no entry in limbo touches.
//     In limbo is every entry after the last that is known to be settled. Each entry says what was settled when it was
//     written: what a leader that defers nothing (any more) knew to be committed.
//
// # Why this is right
//
// Order all reads by the index of the log that they saw, and writes by their own. That is an order in which they may have happened if whoever begins
// after something was told sees no smaller index than that. Let a read be confirmed, at true time t, by leader X and entry e.
//
//   - Later leaders. Each leader Y of a later term has e in its log, since e is committed (Leader Completeness, Ongaro's
//     dissertation, 3.6.3). It tells nothing before t' ≥ Earliest' > expiry of e > Latest ≥ t. So nothing that X did not know of had been told
//     when X looked at its clock, and X had looked at its data before that: the order of Begin, look, Confirm.
//   - Earlier leaders had told nothing that is not committed. So it is in the log of X, and X has applied it if an entry
//     of its own term is committed, or if it is before the limbo.
//   - Reads that X has answered are no newer than what later leaders show: what X has applied is in their log. And what
//     an earlier leader W still answers from its lease is no older than what X has shown, because X has waited until
//     the entries by which W may read have expired.
//   - Inherited reads. Let W and X both read something by leases of earlier terms. Their logs are equal up to
//     the last entry that is settled, and beyond, up to where they part. Neither has an entry after what it knows to be settled that touches what is read, so both
//     see what was settled, unless a leader between them has told more; and that one had waited for the lease by which W reads.
//
// Two things follow, in which this differs from LeaseGuard. The expiry is one number that all members compare their own
// clocks with, and not an interval: so it need not be true, and only the clocks of those who compare must be right. And as every entry says until
// when, the members need not have the same duration, nor hand it over.
//
// Why limbo begins after what is settled, and not after the commit index: raft commits entries while their leader defers.
// A third leader may know them to be committed, and have to wait for the same lease as the second: its newest entries of an earlier term are then those that were deferred, and
// an earlier one which the leader before granted. Waiting for all of them covers both. If it answered reads from what was
// committed and not told, the first leader, whose lease still runs, would answer the same reads with what was before.
//
// # What you must do
//
//  1. Give every entry that may change something to Wrap, and every Ready to [Lease.Ready] first.
//  2. Tell nobody what an entry has done before [Lease.Released]. That holds for reads by ReadIndex, too.
//  3. Begin, then wait until Index is applied, then look, then Confirm.
//  4. Put [Lease.State] into each snapshot, and give it to [Lease.Restore] or [WithState].
//  5. Use this at all members before any of them answers by its lease: a member without it would not defer. Logs from
//     before are understood: what has no envelope grants nothing, and may touch anything that Confirm is told it does.
//  6. Propose [Lease.Wrap] of nothing when [Lease.NeedsRenewal] says so, if an idle leader is to answer.
//  7. Fall back to ReadIndex of package raft at the leader when Confirm refuses.
//
// # What is promised
//
// As long as raft's own assumptions hold, and the clocks of those that lead or believe so:
//
//   - Reads and writes that are told by these rules are linearizable, whatever is paused, lost, late or restarted, with changes of
//     the configuration and snapshots, and with clocks that refuse: then they refuse.
//   - The lease is only as long as the leader gets entries committed: one that cannot write does not keep it.
//   - After the loss of a leader its successor tells of writes within the duration, 2ε of its clock and an election.
//
// # What this does not promise
//
//   - Anything if a clock of a leader, or of one that was, is wrong. An expiry that no correct clock can have written is
//     reported: [ErrFromFuture].
//   - Anything if a member loses what it had acknowledged to raft, or a majority is replaced by force.
//   - Reads from followers by a lease, or a change of leader without the wait, even if the old leader hands over.
//
// hashicorp/raft is not served: it hands committed entries to its state machine and resolves the futures of its writers by
// itself, and does not tell what it appends before it is committed, which is what a new leader has to wait for and what is in limbo.
package epsilonraft
