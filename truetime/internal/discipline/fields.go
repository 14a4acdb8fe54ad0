package discipline

import (
	"fmt"
	"math"

	"github.com/epsilontime/epsilon/truetime/internal/snapshot"
)

// maxCount is far above what is ever counted, and goes on counting without overflow.
const maxCount = math.MaxInt / 2

// Fields lists the state of the discipline. One that is read has just been made, with its
// configuration. What follows from the state is derived anew: who are twins, and how true time moves.
func (d *Discipline) Fields(l *snapshot.Lines) {
	links := len(d.links)
	l.Line("discipline", "epoch now slow fast resolution samples brief confirmed answer began fused first agreed pending links",
		&d.epoch, &d.now, &d.counter.Drift.slow, &d.counter.Drift.fast, &d.counter.Resolution, &d.samples, &d.brief,
		&d.confirmed, &d.answer, &d.began, facts(&d.fused), facts(&d.first), &d.agreed, &d.pending, &links)
	l.Require(d.epoch > 0 && d.epoch < 1<<62 && d.counter.Drift.Sensible() && d.counter.Resolution >= 0 &&
		d.samples >= 0 && d.samples <= maxCount && d.brief >= 0 && d.brief <= maxCount,
		"its epoch, counter or counts are beyond their limits")
	l.Require(!d.answer || max(d.fused.Upper.At, d.fused.Lower.At) <= d.now, "its answer is of the future")
	l.Line("disruption", "at reason", &d.last.At, &d.last.Reason)
	d.upper.fields(l, "upper", len(d.sources))
	d.lower.fields(l, "lower", len(d.sources))
	for i := range d.sources {
		d.sources[i].fields(l, i)
		d.shown[i].fields(l, i)
		d.identified[i].fields(l, i, d.Votes(i))
		l.Line(fmt.Sprint("said ", i), "something back", &d.said[i].something, &d.said[i].takenBack)
	}
	snapshot.Length(l, &d.links, links, maxLinks)
	for k := range d.links {
		n := &d.links[k]
		l.Line(fmt.Sprint("link ", k), "a b confirmed", &n.a, &n.b, &n.confirmed)
		l.Require(n.a >= 0 && n.a < n.b && n.b < len(d.sources) && d.Votes(n.a) && d.Votes(n.b), "a link between sources %d and %d", n.a, n.b)
	}
	d.rates.fields(l)
	if l.Reading() {
		d.rates.assume(d.counter.Drift)
		d.motion = d.rates.at(d.now, d.counter)
		d.findTwins()
	}
	l.Require(!d.answer || !d.motion.at(d.fused, d.now).Empty(), "its answer is empty")
}

func (s *source) fields(l *snapshot.Lines, i int) {
	w := &s.window
	l.Line(fmt.Sprint("facts ", i), "verdict convicted fresh heard gained buckets", &s.verdict, &s.convicted, &s.fresh, &s.heard, snapshot.List{&s.gained.most, &s.gained.at}, &w.filled)
	if !l.Require(w.filled >= 0 && w.filled <= windowBuckets, "%d buckets", w.filled) {
		return
	}
	l.Require(s.verdict >= Undecided && s.verdict <= Convicted && s.fresh >= 0 && s.fresh <= requalifySamples && s.gained.most >= 0 &&
		(!s.convicted || (s.fresh > 0) == (w.filled > 0)), "source %d is convicted without a sample, or %v", i, s.verdict)
	for k := range w.filled {
		b := &w.buckets[k]
		l.Line(fmt.Sprintf("bucket %d %d", i, k), "from upper lower above below",
			&b.from, b.upper.list(), b.lower.list(), b.above.list(), b.below.list())
		l.Require(k == 0 || b.from >= w.buckets[k-1].from, "buckets %d and %d are out of order", k-1, k)
	}
}

func (r *shownRate) fields(l *snapshot.Lines, i int) {
	l.Line(fmt.Sprint("shown ", i), "first heard low high", facts(&r.first), &r.heard, &r.low, &r.high)
}

func (s *identities) fields(l *snapshot.Lines, i int, votes bool) {
	var marks snapshot.List
	for k := range s.marks {
		marks = append(marks, &s.marks[k])
	}
	l.Line(fmt.Sprint("identities ", i), "marks count last overflow used", marks, &s.count, &s.last, &s.overflow, &s.used)
	l.Require(s.count >= 0 && s.count < 2*maxShown && (votes || s.count == 0 && !s.overflow && !s.used),
		"source %d has shown %d identities, and has too many links: %t", i, s.count, s.overflow)
}

func (o *Origin) fields(l *snapshot.Lines, end string, sources int) {
	l.Line(end, "source fact of", &o.Source, o.Fact.list(), o.breadth.list())
	l.Require(o.Source >= -1 && o.Source < sources, "an end of the answer is of source %d", o.Source)
}

func (r *rates) fields(l *snapshot.Lines) {
	n := len(r.buckets)
	l.Line("rates", "began high low buckets", &r.began, snapshot.List{&r.high.rate, &r.high.at}, snapshot.List{&r.low.rate, &r.low.at}, &n)
	l.Require(r.high.rate > math.Inf(-1) && r.low.rate < math.Inf(1), "no rate is possible")
	snapshot.Length(l, &r.buckets, n, cap(r.buckets))
	for k := range r.buckets {
		b := &r.buckets[k]
		l.Line(fmt.Sprint("rate ", k), "opened upper lower high low", &b.opened, b.upper.list(), b.lower.list(), &b.high, &b.low)
		l.Require(b.high > math.Inf(-1) && b.low < math.Inf(1) && (k == 0 || b.opened >= r.buckets[k-1].opened),
			"rates %d and %d are out of order, or none is possible", k-1, k)
	}
}

// facts lists the bounds of facts that are kept without what is known of their exchange.
func facts(f *Facts) snapshot.List {
	return snapshot.List{&f.Upper.At, &f.Upper.Time, &f.Lower.At, &f.Lower.Time}
}

func (p *Point) list() snapshot.List { return snapshot.List{&p.At, &p.Time} }

func (b *breadth) list() snapshot.List { return snapshot.List{&b.Claim, &b.Delay, &b.Pause, &b.Leap} }
