package ntpserver

import (
	"time"

	"github.com/epsilontime/epsilon/truetime"
)

// reference is the part of a reply that shows which machine sends it. It stays the same for a while,
// whichever of the machine's addresses is asked: that is how a client that knows two of them finds
// that they are one machine, and has one vote (package ntpsrc). The reference time says when the
// clock was last corrected, and a clock that takes samples from many sources is corrected all the
// time, so it is renewed no more often than clients ask.
type reference struct {
	stratum   uint8 // 0 if not synchronized
	id        [4]byte
	corrected stamp

	renewed truetime.Time // when this was decided on
}

// renewedAfter is the default of the longest poll interval (MAXPOLL, 2¹⁰ s, of ntpd and chronyd): so
// a client sees one reference at least from all addresses that it asks.
const renewedAfter = 1024 * time.Second

// next is the reference after this one, by what is known at a moment. The reference time is taken
// from Earliest: it is never later than true time, so no client finds it in the future.
func (r reference) next(u Upstream, i truetime.Interval) reference {
	if u.Stratum < 1 || u.Stratum > 15 {
		return reference{}
	}
	if age := i.Earliest.Sub(r.renewed); r.stratum == u.Stratum && age < renewedAfter && age > -renewedAfter {
		return r
	}
	corrected := stampOf(i.Earliest.Add(-u.Age))
	// A whole second would look like a clock that is corrected by a pulse, as many are.
	return reference{u.Stratum, u.ReferenceID, corrected | 1, i.Earliest}
}
