package epsilonraft

import "errors"

// Errors of this package. Compare with errors.Is. Those of a read say that this member cannot prove the
// answer now: ask by ReadIndex of package raft, or another member.
var (
	// ErrNotLeader: this member is not the leader, or not in the term any more in which the read began.
	ErrNotLeader = errors.New("epsilonraft: not the leader")

	// ErrExpired: there is no lease, because no entry that this member has wrapped since it started is committed, or because true time
	// may be past its expiry. The next one that is committed renews it: see [Lease.NeedsRenewal].
	ErrExpired = errors.New("epsilonraft: no lease: ask by ReadIndex, and propose Wrap(nil)")

	// ErrDeferred: a leader of an earlier term may still answer reads, so nothing that has been committed in
	// this term may be told yet.
	ErrDeferred = errors.New("epsilonraft: deferred until the lease of an earlier leader has expired")

	// ErrLimbo: a new leader cannot answer this read before writes are released, because the log has
	// entries that touch what is read, and of which an earlier leader may not know that they are committed.
	ErrLimbo = errors.New("epsilonraft: what is read is in limbo")

	// ErrNotCommitted: the index is beyond what this member knows to be committed.
	ErrNotCommitted = errors.New("epsilonraft: not committed")

	// ErrClock: the clock refused to answer, or its interval is upside down. Reads and new leaders need it;
	// what is written goes on, without renewing the lease.
	ErrClock = errors.New("epsilonraft: no usable answer from the clock")

	// ErrFromFuture: an entry grants a lease until later than any correct clock can have written. Either
	// the clock of the member that is named was wrong when it wrapped it or ours is. Waiting may take years and not waiting is
	// not safe: compare the clocks, stop whoever has a wrong one, and see [Lease.Revoke].
	ErrFromFuture = errors.New("epsilonraft: a lease from the future")

	// ErrNotWrapped: the data is not from [Lease.Wrap].
	ErrNotWrapped = errors.New("epsilonraft: the entry has no envelope")

	// ErrCorrupt: an envelope, a state or the log is damaged, or is not what this package was told before. The member must
	// not go on with it.
	ErrCorrupt = errors.New("epsilonraft: corrupt")

	// ErrSnapshot: a snapshot came of whose leases nothing was told. Call [Lease.Restore] with the state in
	// it first.
	ErrSnapshot = errors.New("epsilonraft: a snapshot without its state: call Restore before Ready")
)
