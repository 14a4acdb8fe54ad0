package main

import (
	"github.com/epsilontime/epsilon/monotonic"
	"github.com/epsilontime/epsilon/truetime"
)

// running is the running intersection with a majority: M_f of the newest sample of each source, as the
// sawtooth has it, intersected with the answer before, carried to the same moment. The idea is rule IM
// (below), made tolerant as in K. Marzullo, ACM TOCS 8(4), 1990. If nothing is common to both, it
// begins anew.
type running struct {
	newest latest
	answer band
	ok     bool
}

func newRunning(sources int) rule { return &running{newest: newLatest(sources)} }

func (r *running) take(source int, s truetime.Sample) {
	r.newest.take(source, s)
	fused, ok := majority(r.newest.at(s.Received, spanner))
	if !ok {
		return
	}
	if r.ok {
		if both, common := fused.Intersect(r.answer.carry(s.Received, spanner)); common {
			fused = both
		}
	}
	r.answer, r.ok = band{s.Received, fused}, true
}

func (r *running) at(c monotonic.Instant) (truetime.Interval, bool) {
	return r.answer.carry(c, spanner), r.ok
}

// im is rule IM: the clock's interval is intersected with that of every reply that is consistent with it,
// and a reply that is not is ignored. K. Marzullo and S. Owicki, "Maintaining the time in a distributed
// system", PODC 1983. It is right as long as every server whose reply is used is, and that
// is all that the paper claims.
type im struct {
	own band
	ok  bool
}

func newIM(int) rule { return &im{} }

func (r *im) take(_ int, s truetime.Sample) {
	reply, ok := arrived(s, spanner)
	if !ok {
		return
	}
	if r.ok {
		both, consistent := reply.Intersect(r.own.carry(s.Received, spanner))
		if !consistent {
			return
		}
		reply.Interval = both
	}
	r.own, r.ok = reply, true
}

func (r *im) at(c monotonic.Instant) (truetime.Interval, bool) {
	return r.own.carry(c, spanner), r.ok
}
