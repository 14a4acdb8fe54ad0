package epsilonraft

import (
	"fmt"

	"github.com/epsilontime/epsilon/truetime"
)

// Released returns nil if what entries up to index have done may be told: to whoever has written it, and to reads that do
// not stand on a lease. Raft having committed them is not enough. Right after a change of leader an earlier one may be
// answering reads that know nothing of them, until its lease has expired: [ErrDeferred]. Ask again later, as at the next tick,
// or after commitwait.Until(ctx, clock, deferred), where deferred is that of [Lease.Status]: it is zero, and nothing
// to wait for, once that lease has expired.
//
// A read by ReadIndex of package raft, at a leader or a follower, is one that does not stand on a lease. Wait until what it
// says has been applied, but not for ever: another leader may have replaced what has to be waited for. Then look at the data, and give the
// answer when what has been applied by then is released.
//
// At any member that does not lead it is [ErrNotLeader] until a later entry says that index is settled. On an idle cluster
// there may be none: write, or renew as [Lease.NeedsRenewal] says. While the leader's clock refuses it renews nothing, so do not wait for ever,
// but ask at the leader. At the leader it is
// [ErrNotCommitted] before [Lease.Ready] has been told that index is committed. While the clock refuses, a new leader cannot
// tell: [ErrClock]. If that lasts, transfer the leadership to a member whose clock answers.
func (l *Lease) Released(index uint64) error {
	v := l.view.Load()
	switch {
	case v.err != nil:
		return v.err
	case index <= v.settled:
		return nil
	case !v.leader:
		return v.leads()
	case index > v.visible:
		return fmt.Errorf("%w: entry %d, and entries up to %d are", ErrNotCommitted, index, v.visible)
	case v.hold.over.Load():
		return nil
	}
	now, err := l.now()
	if err != nil {
		return err
	}
	if v.hold.isOver(now) {
		return nil
	}
	return v.hold.why(now)
}

// Revoke makes this member forget all leases that its log has granted so far, for an operator who has read
// [ErrFromFuture]. So that others may go on reading by those among them that no wrong clock has granted, it waits as a leader
// from now on for the longest duration that any entry has granted: if its clock was wrong, mend it, and
// call Revoke again, there and wherever a snapshot of it was taken meanwhile, also after a start. It fails if the clock refuses: [ErrClock].
//
// First stop every member whose clock was wrong, or mend the clock and start the member again: it reads by nothing that it has wrapped before it
// started, and others do not read by it at all. The error names the one whose lease ends last. Then call Revoke at all
// members, in any order. Nothing keeps what was revoked, so one that starts or takes a snapshot later waits for that lease again, and tells nothing as
// a leader: call it there once more, as long as Status has FromFuture, or make a snapshot with [Lease.State] where it was
// revoked, once that entry is applied, and start from that one.
func (l *Lease) Revoke() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	now, err := l.now() // after all that is forgotten was granted
	if err != nil {
		return err
	}
	l.history.revoke(l.node, now.Latest)
	if l.hold != nil && !l.hold.over.Load() {
		l.hold = newHold(grant{}, l.history.floor, l.hold.through)
	}
	l.publish(l.view.Load().err)
	return nil
}

// Status says how things stand, for people.
type Status struct {
	Leader  bool          // this member leads, as far as it knows
	Term    uint64        // of raft
	Expiry  truetime.Time // of the lease by which this member answers if it leads, or zero
	Settled uint64        // up to here any member may tell
	Limbo   int           // the entries after it

	// Deferred is the expiry of an earlier leader's lease, up to which nothing is told, or zero. DeferredBy is the
	// member whose clock it came from.
	Deferred   truetime.Time
	DeferredBy uint64

	// FromFuture is ErrFromFuture if the lease of the log that ends last does so later than any correct clock can have written, whoever leads. It is nil
	// while the clock refuses, and once that lease is so near that it looks like any other.
	FromFuture error

	// Err is the error of Ready after which this member must stop.
	Err error
}

// Status returns how things stand.
func (l *Lease) Status() Status {
	v := l.view.Load()
	s := Status{Leader: v.leader, Term: v.term, Expiry: v.own.committed.expiry, Settled: v.settled, Limbo: len(v.limbo), Err: v.err}
	if v.leader && !v.hold.over.Load() {
		s.Deferred, s.DeferredBy = v.hold.expiry, v.hold.node
	}
	if now, err := l.now(); err == nil {
		s.FromFuture = v.newest.fromFuture(now)
	}
	return s
}
