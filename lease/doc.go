// Package lease lets one of many processes act at a time, decided by clocks that know how wrong
// they may be.
//
// A lease is a record in a store that all candidates share: who holds it, with which fencing token,
// and when it expires. Every candidate judges the expiry by the interval of its own clock:
//
//   - The holder may act if and only if Latest < expiry: the lease is [Held].
//   - Anybody may take over if and only if Earliest > expiry: it is [Expired].
//   - In between it is [Uncertain], and nobody acts.
//
// So what a holder does at t comes before what its successor does at t', t ≤ Latest < expiry <
// Earliest' ≤ t', on whatever machines they are. A hand-over costs the uncertainty of the two
// clocks, and not a maximum offset that somebody has configured.
//
//	candidate, err := lease.NewCandidate(clock, store, "compactor", 10*time.Second)
//	if err != nil {
//		return err // every mistake at once
//	}
//	held, err := candidate.Acquire(ctx) // waits its turn
//	if err != nil {
//		return err
//	}
//	defer held.Close()
//	err = held.Do(ctx, func(ctx context.Context, token lease.Token) error {
//		return compact(ctx, token) // ctx ends before the lease does; token goes with every write
//	})
//	if err != nil {
//		return err // others have to wait until the lease expires
//	}
//	return held.Release(ctx) // others can have it at once
//
// # The clock gives efficiency, the token gives safety
//
// A process may be stopped between its look at the clock and its write, for any length of time: by
// a garbage collection, by SIGSTOP, by a migration of its machine. No lease helps against that.
// What helps is that the token grows with every acquisition, and that the resource, which sees all
// writes, refuses a token that is lower than one it has seen: [Fence], or the same comparison in a
// transaction. The tests named TestDemonstration… show a confirmed write being lost without a
// fence, and kept with one.
//
// # What you must do
//
//  1. Send the token with every write, and have the resource admit it in one step with the write.
//  2. For a read, call [Lease.Check] after the request has arrived.
//  3. Stop when the context of [Lease.Do] or [Lease.Context] ends; you have the margin left
//     ([WithMargin]).
//  4. Never delete a record from the store, or its tokens begin again.
//  5. Release the lease when you have finished, or Close it, or it is renewed for ever.
//
// # What is promised
//
// As long as the clocks of all candidates keep their promise and the store is linearizable and
// durable:
//
//   - Two leases of one name are never Held at the same true time, whatever is paused, lost or
//     late.
//   - Tokens grow with every acquisition, also with one by a holder of the same name.
//   - Timestamps ([Lease.Timestamp], [Lease.TimestampAfter]) are inside the lease and larger than
//     all issued under it and before it, and than all floors that [Lease.Raise] has accepted,
//     unless an operator has called [Revoke].
//   - After a crash of the holder the next one takes over within TTL + 2ε, of its own clock, + one
//     round trip to the store. This counts from when the crashed one has read its clock for its last
//     renewal, and holds if a round trip is shorter than TTL/8.
//   - While a clock refuses to answer, its holder does not act: [ErrClock]. The record keeps
//     running, so the holder may go on if the clock is back before the expiry.
//
// The expiry is Earliest + TTL of an interval read before the request is sent, and a renewal whose
// reply is lost counts as not granted for the holder and as granted for everybody else, until the
// record is read again (Corbett et al., "Spanner: Google's Globally-Distributed Database", OSDI
// 2012, section 4.1.1 and appendix A; here the record is shared, so its expiry is one number and
// not two).
//
// # What this does not promise
//
//   - Anything about a write that is on its way: see above.
//   - That a context ends in time in a process that is stopped for longer than the margin.
//   - Anything when a clock is wrong, beyond what the fence still keeps away. An expiry that no
//     correct clock can have written is reported ([ErrFromFuture]) once it has stayed so for 10 s,
//     and not waited for.
//   - One holder where a machine is cloned, or restored from a snapshot while it goes on elsewhere,
//     with a lease in its memory: both have the same session and token, take each other's renewals
//     for their own, and no fence can tell them apart. Do not clone machines that hold leases.
//     Where it may happen let the clock watch a VMClock device ([truetime.WithVMClock]), and on a
//     truetime.EventDisruption close all leases or exit. Until it is synchronized again the clock
//     refuses, so nobody acts meanwhile. A store that is restored is as bad: its tokens begin again.
//   - Fairness: who is next is whoever asks first after the expiry.
//   - That the lease can be had at once after an Acquire that was cancelled, or a Release that
//     failed: the record may stay until it expires.
package lease
