package epsilonraft

import (
	"fmt"
	"sync/atomic"

	"go.etcd.io/raft/v3"

	"github.com/epsilontime/epsilon/truetime"
)

// A view is what a member knows at a moment.
type view struct {
	err     error // why it must not go on
	leader  bool
	term    uint64
	visible uint64 // what a read that begins now must have applied
	settled uint64
	cover   grant  // the latest of the entries that are committed: no later leader tells anything before its expiry
	newest  grant  // the latest of all entries
	hold    *hold  // of this leader
	limbo   []mark // entries after settled
	known   bool   // and limbo has all of them
}

// A hold is what keeps a leader from telling what is committed in its term: the latest lease that earlier terms have granted.
type hold struct {
	grant
	through uint64      // the last entry of earlier terms: whatever their leaders have told is in the log up to there
	over    atomic.Bool // stays so, whatever the clock says later
}

func newHold(g grant, through uint64) *hold {
	h := &hold{grant: g, through: through}
	h.over.Store(g.expiry == 0)
	return h
}

// isOver reports whether the lease of earlier terms has certainly expired.
func (h *hold) isOver(now truetime.Interval) bool {
	if h.over.Load() {
		return true
	}
	if !now.After(h.expiry) {
		return false
	}
	h.over.Store(true)
	return true
}

// why says why the hold is not over.
func (h *hold) why(now truetime.Interval) error {
	if err := h.fromFuture(now); err != nil {
		return err
	}
	return fmt.Errorf("%w: at %v, and it is %v", ErrDeferred, h.expiry, now)
}

// Ready takes what raft has to say: call it with every [raft.Ready], in their order, before its messages are sent and
// its entries are applied. Nothing else tells the Lease who leads, what the log is and what is committed.
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
		if index := ready.Snapshot.GetMetadata().GetIndex(); l.restored != index {
			return fmt.Errorf("%w: it is of entry %d", ErrSnapshot, index)
		}
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
		l.term = ready.HardState.GetTerm()
	}
	// A leader that has lost one term and won another between two Readys has no new SoftState.
	if l.leader && (!led || before != l.term) {
		l.hold = newHold(h.latestBefore(l.term), h.lastBefore(l.term))
	}
	if raft.IsEmptyHardState(ready.HardState) {
		return nil
	}
	return h.commitTo(ready.HardState.GetCommit())
}

// publish makes what is known now the view.
func (l *Lease) publish(err error) {
	h := &l.history
	v := &view{
		err: err, leader: l.leader, term: l.term, hold: l.hold,
		visible: h.visible(), settled: h.settled, cover: h.cover, newest: h.newest,
	}
	v.limbo, v.known = h.limbo()
	l.view.Store(v)
}

// now reads the clock.
func (l *Lease) now() (truetime.Interval, error) {
	now, err := l.clock.Now()
	switch {
	case err != nil:
		return truetime.Interval{}, fmt.Errorf("%w: %w", ErrClock, err)
	case !now.Valid() || now.Earliest <= 0: // before 1970 is no time for a lease, whose expiry 0 is none
		return truetime.Interval{}, fmt.Errorf("%w: it answered with %v", ErrClock, now)
	}
	return now, nil
}
