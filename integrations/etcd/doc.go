// Package epsilonetcd keeps leases in etcd, with a fence by which etcd itself refuses a holder of the past, and has an
// election that programs can swap in for the one of go.etcd.io/etcd/client/v3/concurrency.
//
// Leases: who of many may act ([LeaseStore]).
//
//	store, err := epsilonetcd.NewLeaseStore(client, "leases/")
//	candidate, err := lease.NewCandidate(clock, store, "compactor", 10*time.Second)
//	held, err := candidate.Acquire(ctx)
//
// The fence: a condition in the holder's own transactions ([LeaseStore.Fence]).
//
//	response, err := client.Txn(ctx).
//		If(store.Fence("compactor", held.Token())).
//		Then(clientv3.OpPut("state", "…")).
//		Commit()
//
// Elections: Campaign, Proclaim, Leader, Observe and Resign as they are known ([Election]).
//
//	election, err := epsilonetcd.NewElection(clock, client, "/compactor", 10*time.Second)
//	err = election.Campaign(ctx, "host-7")
//	fence := election.Fence() // of this term, for all of its work
//	response, err := client.Txn(ctx).If(fence).Then(clientv3.OpPut("state", "…")).Commit()
//
// # What this adds to package concurrency
//
// A mutex or an election of package concurrency is lost when etcd has expired the session, of which the client hears
// later. If its process is paused before a write, that write is carried out though another has the lock. The
// documentation of etcd says so and advises to compare the creation revision of the key in each transaction
// (Mutex.IsOwner; Key and Rev of an Election). Who does that is as safe as with the fence here; who does not, which is
// the usual case, is not. The tests named TestDemonstration… show both, and that the example of fencing in etcd's
// repository, contrib/lock, lets a zombie write.
//
// What the fence here is beside that, and what the clock adds:
//   - The holder knows at any time whether it holds the lease, from its clock and without a round trip:
//     [lease.Lease.Check]. For a read that is enough, and so it is for work outside etcd where one at a time is a
//     matter of efficiency. The context of [lease.Lease.Do] ends before the lease does.
//   - Nothing rests on how etcd counts time. A session is expired by the leader among etcd's members, whose clock may
//     be slow or fast, and which begins anew with each election among them. Here the expiry is a number in the record,
//     and each process judges it by its own clock, which knows how wrong it may be. The TTL may be less than the
//     second or two that etcd grants at least.
//   - There is a token for resources outside etcd, and it grows. The id of a session does not.
//   - Timestamps inside the lease ([lease.Lease.Timestamp]) are larger than all of earlier holders.
//
// # What you must do
//
//   - Put the fence into every transaction of a holder, and take Succeeded == false for [lease.ErrStaleToken] if there
//     is no other condition.
//   - Take the fence of an election once after Campaign, before the first read, and use it for all work of that term.
//   - Keep the keys below the prefix for this package. Never delete them, and do not restore etcd to an earlier state:
//     tokens would begin again. Take a lease from a holder with [lease.Revoke].
//   - Read what you decide upon with linearizable reads, which is the default of etcd, and not with
//     clientv3.WithSerializable.
//   - Grant the user of the client to read and write all keys that begin with the prefix, where etcd has users.
//   - Close the client after the leases, and not before.
//
// # What is promised
//
//   - LeaseStore is a linearizable [lease.Store]: package leasetest tests it on real members.
//   - A transaction with the fence is carried out only while no later holder has acquired the lease, in the order in
//     which etcd carries out transactions. So whatever an earlier holder has written is there when the lease is
//     acquired, and nothing of it comes later.
//   - An error that wraps [lease.ErrConflict] says that nothing was changed, also where clientv3 has sent a
//     transaction again by itself, except as told below. After any other error of a request that changes something it may have been carried
//     out, or may be yet.
//   - An error that waiting does not mend wraps [lease.ErrPermanent] and says what to do: a permission that is denied, a
//     client that was closed, an etcd that is full, a value that is too large.
//
// # What this does not promise
//
//   - Anything about writes without the fence. Without it the clock makes them improbable, and not impossible.
//   - That clientv3 never sends a transaction a second time. If a proxy answers DeadlineExceeded to one that was
//     carried out, and another process replaces the record before clientv3 has sent it again, then a conflict is told
//     of a change that was there for a moment. Package lease loads the record after any conflict, and finds out.
//   - Fairness: of all who wait for a lease the fastest gets it.
package epsilonetcd
