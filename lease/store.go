package lease

import "context"

// Store keeps one [Record] per name, shared by all candidates. Package leasetest tests an
// implementation.
//
// It must be linearizable: every operation takes effect at one moment between call and return, and
// a Load that begins after a CompareAndSwap has returned sees its record or a later one. A record
// whose CompareAndSwap has succeeded, or which a Load has returned, must survive whatever the store
// is meant to survive; otherwise the same token is handed out twice.
//
// Names of leases and of holders are valid UTF-8 of 1 to [MaxName] bytes without a zero byte. Keep
// the record as [Record.MarshalBinary] has it, or field by field. In etcd the version is the key's
// modification revision: CompareAndSwap is one transaction that compares ModRevision (0 where there
// is no key) and puts, and the revision in its header is the new version. In SQL it is a column:
//
//	UPDATE lease SET version = version + 1, … WHERE name = $1 AND version = $2
//	INSERT INTO lease (name, version, …) VALUES ($1, 1, …) ON CONFLICT DO NOTHING  -- for version 0
//
// where no row affected is ErrConflict. An error that waiting does not mend wraps [ErrPermanent]. A
// lease of etcd on the key, or a job that deletes old rows, would break it: see [Record].
//
// Give a request up when its ctx ends, at least in waiting for the network or for a lock: [NewCandidate] gives it a
// third of the TTL, and Close, Release and TryAcquire wait for what is under way.
type Store interface {
	// Load returns the record stored under name, or the zero Record if there never was one. An
	// error that wraps ErrCorrupt says that there is something which is not a record.
	Load(ctx context.Context, name string) (Record, error)

	// CompareAndSwap stores next under name if the version there is still version, zero meaning
	// that there is no record, and returns the version that next has got; next.Version is ignored.
	//
	// An error that wraps ErrConflict says that the version was another, and that this request has
	// had no effect and will never have one. So a client that tries again by itself must not answer
	// with a conflict that its own first attempt has caused. Any other error, also that of ctx, says that the
	// outcome is unknown: next may be stored, or may be stored later, as long as the version is
	// still version.
	CompareAndSwap(ctx context.Context, name string, version uint64, next Record) (uint64, error)
}
