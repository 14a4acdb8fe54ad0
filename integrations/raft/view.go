package epsilonraft

// A view is what a member knows at a moment.
type view struct {
	err     error // why it must not go on
	leader  bool  // and there is a hold
	term    uint64
	visible uint64 // what a read that begins now must have applied
	settled uint64
	cover   grant  // the latest of the entries that are committed: no later leader tells anything before its expiry
	newest  grant  // the latest of all entries
	hold    *hold  // of this leader
	limbo   []mark // entries after settled
	known   bool   // and limbo has all of them
}

// publish makes what is known now the view.
func (l *Lease) publish(err error) {
	h := &l.history
	v := &view{
		err: err, leader: l.leader && err == nil, term: l.term, hold: l.hold,
		visible: h.visible(), settled: h.settled, cover: h.cover, newest: h.newest,
	}
	v.limbo, v.known = h.limbo()
	l.view.Store(v)
}
