package line

import "math/bits"

// Lines for somebody who may never get the next ones: see package published. A fraction is in units of
// 2⁻⁶⁴.

// Lasting returns the same lines with an end to both rates, where what holds up to then gives way to what
// is further out by a fraction for ever.
func (p Pair) Lasting(fraction uint64) Pair {
	for _, e := range []*Edge{&p.Lower, &p.Upper} {
		if !e.Ends || e.Until-p.From > p.Span {
			e.Until = p.From + p.Span
		}
		e.Ends = true
	}
	p.Lower.After, p.Upper.After = slower(p.Lower.After, fraction), faster(p.Upper.After, fraction)
	return p
}

// Anchored returns lines with the same rates that begin at other times.
func (p Pair) Anchored(lower, upper int64) Pair {
	p.Lower.At, p.Lower.Time = p.From, lower
	p.Upper.At, p.Upper.Time = p.From, upper
	return p
}

// Widened returns lines whose rates are all further out by a fraction.
func (p Pair) Widened(fraction uint64) Pair {
	p.Lower.Rate, p.Lower.After = slower(p.Lower.Rate, fraction), slower(p.Lower.After, fraction)
	p.Upper.Rate, p.Upper.After = faster(p.Upper.Rate, fraction), faster(p.Upper.After, fraction)
	return p
}

func slower(rate, fraction uint64) uint64 {
	if fraction == 0 {
		return rate
	}
	less, _ := bits.Mul64(rate, fraction)
	return rate - min(less+1, rate)
}

func faster(rate, fraction uint64) uint64 {
	if fraction == 0 {
		return rate
	}
	more, _ := bits.Mul64(rate, fraction)
	return rate + min(more+1, ^rate)
}

// KeepLower keeps the lower line of an earlier Pair unless this one's is above it for ever, so that whoever
// evaluates the one and then this never sees it go back. Both must hold for ever, as Lasting ones do.
//
// Both of its edges end, as Lasting's do.
//
// Each line is straight but for one bend, so it is enough that the new one is higher now and at both
// bends, and rises no more slowly after them. By 1 ns is enough: see Bounds.Ahead in package discipline.
func (p *Pair) KeepLower(before *Pair) {
	up := p.Meter.Up
	if before.Meter != p.Meter || p.From-before.From > p.Meter.Span() {
		return
	}
	old := before.Lower
	if old.Ends && p.From-old.At > old.Until-old.At {
		old = old.Bent(up)
		old.Until, old.Ends = p.Lower.Until, p.Lower.Ends // it has one rate, which may end anywhere
	}
	if old == p.Lower || p.Lower.above(&old, p.From, up) {
		return
	}
	p.Lower = old
	p.Span = p.Meter.Span()
	for _, e := range []*Edge{&p.Lower, &p.Upper} {
		if e.Ends {
			p.Span = min(p.Span, e.Until-p.From)
		}
	}
}

// above reports whether a lower line is above an older one from raw on.
func (e *Edge) above(old *Edge, raw uint64, up uint) bool {
	higher := func(x uint64) bool { return e.Read(x, up) > old.Read(x, up) }
	return e.After >= old.After && higher(raw) &&
		(!e.Ends || higher(e.Until)) && (!old.Ends || higher(old.Until))
}

// Straightened returns the lines for readings from raw on, which is not before their beginning: a rate that
// has ended by then is gone, and what is read stays the same.
func (p Pair) Straightened(raw uint64) Pair {
	left := p.Meter.Span() - (raw - p.From)
	for _, e := range []*Edge{&p.Lower, &p.Upper} {
		switch {
		case !e.Ends:
		case raw-e.At > e.Until-e.At:
			*e = e.Bent(p.Meter.Up)
		default:
			left = min(left, e.Until-raw)
		}
	}
	p.From, p.Span = raw, left
	return p
}
