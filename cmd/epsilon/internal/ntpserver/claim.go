package ntpserver

import (
	"time"

	"github.com/epsilontime/epsilon/internal/extension"
	"github.com/epsilontime/epsilon/truetime"
)

// claim is what an interval becomes in a reply: a moment for each stamp, and a bound on the error of
// both.
//
// Let I be the interval that the clock answered with after the request had come, and J the one that it answers with later, before the reply
// leaves. Then true time at the arrival was at most I.Latest, less what is known to have passed since,
// and at the departure it is at least J.Earliest. With half the width of the wider one, rounded up, as h,
//
//	T2 = I.Latest − h − passed, rounded down to 2⁻³² s    so  arrival   ≤ T2 + h + 1 ns
//	T3 = J.Earliest + h,        rounded down to 2⁻³² s    so  departure ≥ T3 − h
//
// and E = h + 1 ns, rounded up to 2⁻¹⁶ s, bounds both. T2 is not after T3, as I.Latest − h is at most
// I.Earliest + h, and Earliest does not go back. Where it does, as another epoch of the clock has begun in between, h is larger.
// The nanosecond also covers a stamp that would be 0 and is 2⁻³² s instead.
//
// All of E is root dispersion, though a unit of root delay is half as much and would round less. Clients
// tell machines apart by root delay among others, so it must not change from reply to reply.
//
// A client that asks for the bounds gets the two ends themselves, I.Latest − passed and J.Earliest,
// rounded outward to 2⁻³² s. They lie within E of the stamps, and short of it by less than its
// rounding, which a client may count on.
type claim struct {
	latest      truetime.Time // I.Latest
	earliest    truetime.Time // J.Earliest
	half        time.Duration // h
	transmitted stamp         // T3
	dispersion  uint32        // E in 2⁻¹⁶ s
}

// widest is MAXDISP, what NTP takes for no knowledge at all (RFC 5905 figure 6). Whoever is wider has
// no answer.
const widest = 16 * time.Second

// stampRounding is more than what a stamp loses.
const stampRounding = time.Nanosecond

// newClaim makes one of the interval that the clock answered with after the requests, and of that before the replies. It returns false if it is
// too wide to be sent.
func newClaim(i, j truetime.Interval) (claim, bool) {
	if !i.Valid() || !j.Valid() {
		return claim{}, false
	}
	between := truetime.Interval{Earliest: min(j.Earliest, i.Latest), Latest: i.Latest}
	h := max(i.Uncertainty(), j.Uncertainty(), between.Uncertainty())
	if h > widest {
		return claim{}, false
	}
	return claim{i.Latest, j.Earliest, h, stampOf(j.Earliest.Add(h)), dispersionOf(h + stampRounding)}, true
}

// received is T2 of a request that arrived at least so long before the clock was read.
func (c claim) received(passed time.Duration) stamp { return stampOf(c.latest.Add(-c.half - passed)) }

// bounds is what there is to say to whoever asks, for a request that arrived at least so long before
// the clock was read.
func (c claim) bounds(passed time.Duration) extension.Bounds {
	return extension.Bounds{
		Latest:   uint64(stampBefore(c.latest.Add(-passed)) + 1),
		Earliest: uint64(stampBefore(c.earliest)),
	}
}

// dispersionOf rounds up to 2⁻¹⁶ s. The duration is at least 0 and at most some seconds.
func dispersionOf(d time.Duration) uint32 {
	return uint32((uint64(d)<<16 + uint64(time.Second) - 1) / uint64(time.Second))
}
