package epsilonraft

import "fmt"

// A Read is what Begin has begun.
type Read struct {
	// Index is up to where the log must have been applied before the read looks at its data.
	Index uint64

	lease *Lease
	term  uint64
}

// Begin begins a read, or several at once. It fails with [ErrNotLeader], or the error of [Lease.Ready].
//
//  1. Begin, after the request has come.
//  2. Wait until entries up to Index have been applied, but not for ever: a new leader that is cut off may know from its log that
//     more is committed than it is ever going to apply.
//  3. Look at the data.
//  4. Confirm, and give the answer if there was no error.
//
// The order matters: what is confirmed is that the data was right when it was looked at, so a pause between any two of
// these steps, or before the answer arrives, does no harm.
func (l *Lease) Begin() (Read, error) {
	v := l.view.Load()
	if err := v.leads(); err != nil {
		return Read{}, err
	}
	return Read{Index: v.visible, lease: l, term: v.term}, nil
}

// Confirm returns nil if what the read has seen may be told. Otherwise forget it, and ask by ReadIndex of package raft (see
// [Lease.Released]) or another member.
//
// After a change of leader nothing new can be told until the lease of the one before has expired. An entry is
// in limbo if the earlier leader may not know that it is committed. Meanwhile a new leader can answer those reads that no such entry touches.
// Touches is called with the command of each of them, and reports whether it may change what was read. If it
// is nil these reads fail with [ErrDeferred]. A change of the configuration is no command, and touches everything: members may be
// part of the data.
//
// The error wraps [ErrExpired], [ErrClock], [ErrNotLeader], [ErrDeferred], [ErrLimbo] or [ErrFromFuture].
func (r Read) Confirm(touches func(command []byte) bool) error {
	if r.lease == nil {
		return fmt.Errorf("%w: the read has not begun", ErrNotLeader)
	}
	v := r.lease.view.Load()
	if err := v.leads(); err != nil {
		return err
	}
	if v.term != r.term {
		return fmt.Errorf("%w: the read began in term %d, and it is term %d", ErrNotLeader, r.term, v.term)
	}
	now, err := r.lease.now() // after the data was looked at
	if err != nil {
		return err
	}
	if err := v.own.committed.fromFuture(now); err != nil {
		return err
	}
	if !now.Before(v.own.committed.expiry) {
		return v.expired()
	}
	// Whatever earlier leaders have told is in the log up to the end of their terms. That an entry of this term is committed by now
	// is not enough: the read has to have seen it.
	over := v.hold.isOver(now)
	switch {
	case over && r.Index >= v.hold.through:
		return nil
	case touches == nil && over:
		return fmt.Errorf("%w: the read has waited for entry %d, and an earlier leader may have told of entry %d: begin again", ErrLimbo, r.Index, v.hold.through)
	case touches == nil:
		return v.hold.why(now)
	}
	return v.inherited(r.Index, touches)
}

// inherited confirms a read whose answer is the same in all states of the log from settled to its end.
func (v *view) inherited(index uint64, touches func(command []byte) bool) error {
	if !v.known || index < v.settled {
		return fmt.Errorf("%w: the commands in it are not known", ErrLimbo)
	}
	for _, m := range v.limbo {
		if m.opaque {
			return fmt.Errorf("%w: entry %d of term %d changes the configuration, and may touch it", ErrLimbo, m.index, m.term)
		}
		if len(m.command) > 0 && touches(m.command) {
			return fmt.Errorf("%w: entry %d of term %d touches it", ErrLimbo, m.index, m.term)
		}
	}
	return nil
}

func (v *view) leads() error {
	if v.err != nil {
		return v.err
	}
	if !v.leader {
		return fmt.Errorf("%w in term %d", ErrNotLeader, v.term)
	}
	return nil
}

func (v *view) expired() error {
	if v.own.committed.expiry == 0 {
		return fmt.Errorf("%w: nothing that this member has wrapped since it started is committed and grants one", ErrExpired)
	}
	return fmt.Errorf("%w: the last one is until %v", ErrExpired, v.own.committed.expiry)
}

// NeedsRenewal reports whether this member leads and less than half of its lease is left, or it has none. Ask now and then, as at every
// tick of raft, and propose [Lease.Wrap] of an empty command if it is so. A leader that wraps entries often never needs to. It is so four times
// in each duration at most, however wide the intervals of the clock are, if it is asked where Ready is called and not again before the Ready with the proposal. The lease of an idle leader does not lapse if the time between two
// questions and that until an entry is committed are less than half of the duration together, and with the width of the intervals less than three
// quarters.
func (l *Lease) NeedsRenewal() bool {
	v := l.view.Load()
	if v.leads() != nil {
		return false
	}
	now, err := l.now()
	if err != nil {
		return false // it would grant nothing
	}
	expiry := v.own.newest.expiry
	// Latest, by which the lease ends here, is past the half right after a renewal if intervals are as wide as that. The expiry was
	// computed from Earliest, by which a quarter has to go by first.
	return expiry == 0 || now.Latest.Add(l.duration/2).After(expiry) && now.Earliest.Add(l.duration*3/4).After(expiry)
}
