package line

import "time"

// Pair is the two lines. To evaluate it costs one subtraction, one multiplication and one addition for
// each of them.
type Pair struct {
	Lower, Upper Edge
	Meter        Meter
	From, Span   uint64 // where it begins, and for how many units both rates hold
}

// Nowhere returns lines that cover no reading.
func Nowhere(raw uint64) Pair { return Pair{From: raw + 1<<63} }

// Covers reports whether At may evaluate the lines at raw: not before their beginning, and not where a
// rate has ended.
func (p *Pair) Covers(raw uint64) bool { return raw-p.From <= p.Span }

// At evaluates both lines.
func (p *Pair) At(raw uint64) (lower, upper int64) {
	up := p.Meter.Up
	if up == 0 { // a counter of more than 1 GHz: nothing to shift
		return p.Lower.Straight(raw, 0), p.Upper.Straight(raw, 0)
	}
	return p.Lower.Straight(raw, up), p.Upper.Straight(raw, up)
}

// Late evaluates both lines wherever there is anything to evaluate: also where their rates have
// ended. It reports false before the beginning and decades after it.
func (p *Pair) Late(raw uint64) (lower, upper int64, ok bool) {
	if raw-p.From > p.Meter.Span() {
		return 0, 0, false
	}
	return p.Lower.Read(raw, p.Meter.Up), p.Upper.Read(raw, p.Meter.Up), true
}

// Shifted returns the same lines in a scale that is behind by offset, for readings at which the upper one
// is not above until, which is in the old scale and not before the upper one's beginning.
func (p Pair) Shifted(offset, until int64) Pair {
	_, upper := p.At(p.From)
	left := longest
	if upper > until-int64(longest) {
		left = time.Duration(until - upper)
	}
	p.Span = min(p.Span, p.Meter.Units(max(left-left/4, 0))) // a slope is below 1 + 1/8
	p.Lower.Time -= offset
	p.Upper.Time -= offset
	return p
}

// longest is longer than a line is ever read, and multiplied by the largest of counters it does not
// overflow.
const longest = 24 * time.Hour
