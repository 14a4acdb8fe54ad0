package line

import "math/bits"

// Edge is one line. Its rate is the product of the counter's scale and the slope of the bound, so that
// one multiplication takes a raw reading to a time.
type Edge struct {
	At    uint64 // the reading at which it is anchored
	Time  int64  // the bound there
	Rate  uint64
	Until uint64 // the reading up to which the rate holds, if it ends
	Ends  bool
	After uint64 // the rate from there on
}

// Straight evaluates the edge where its rate holds.
func (e *Edge) Straight(raw uint64, up uint) int64 {
	ns, _ := bits.Mul64((raw-e.At)<<(up&63), e.Rate)
	return e.Time + int64(ns)
}

// Read evaluates the edge anywhere. The upper one may lose a nanosecond more to rounding where the
// rates meet.
func (e *Edge) Read(raw uint64, up uint) int64 {
	if !e.Ends || raw-e.At <= e.Until-e.At {
		return e.Straight(raw, up)
	}
	bent := e.Bent(up)
	return bent.Straight(raw, up)
}

// Bent is the edge from where its rate has ended: straight, for ever. One whose rate is the later one already does not
// bend, and goes on from where it is anchored: a second rounding would make an upper one too low.
func (e *Edge) Bent(up uint) Edge {
	if e.After == e.Rate {
		return Edge{At: e.At, Time: e.Time, Rate: e.Rate, After: e.After}
	}
	bent := Edge{At: e.Until, Time: e.Straight(e.Until, up), Rate: e.After, After: e.After}
	if e.After > e.Rate {
		bent.Time++
	}
	return bent
}
