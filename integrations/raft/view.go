package epsilonraft

// A view is what a member knows at a moment.
type view struct {
	err     error // why it must not go on
	leader  bool  // and there is a hold
	term    uint64
	visible uint64 // what a read that begins now must have applied
	settled uint64
	life    uint64
	own     latest // grants, by which this member reads: no later leader tells anything before they expire
	newest  grant  // the latest of all entries of all members
	hold    *hold  // of this leader
	limbo   []mark // entries after settled
	known   bool   // and limbo has all of them
}

// publish makes what is known now the view.
func (l *Lease) publish(err error) {
	h := &l.history
	v := &view{
		err: err, leader: l.leader && err == nil, term: l.term, hold: l.hold,
		visible: h.visible(), settled: h.settled, life: h.life, own: h.own, newest: h.all.newest,
	}
	v.limbo, v.known = h.limbo()
	l.view.Store(v)
}
