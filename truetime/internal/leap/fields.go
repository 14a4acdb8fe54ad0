package leap

import (
	"fmt"

	"github.com/epsilontime/epsilon/truetime/internal/snapshot"
)

// Fields lists the state of the belief. One that is read has just been made, with its table and its voters.
func (b *Belief) Fields(l *snapshot.Lines) {
	q := &b.question
	var decided []span // by the voters, since the table ends; it may be another one than the epoch began with
	for _, leap := range b.known.leaps {
		if leap.at > b.table.expiry {
			decided = append(decided, leap)
		}
	}
	n := len(decided)
	l.Line("leap", "anchored exact question possible begun past decided",
		&b.anchored, &b.exact, &q.at, &q.possible, &q.begun, &q.past, &n)
	q.next = nextMonth(q.at)
	l.Require(*q == noQuestion() && (b.anchored || n == 0) || b.anchored && q.possible != 0 && q.possible <= anything && b.mayAsk(q.at),
		"the question about %v", q.at.Std())
	snapshot.Length(l, &decided, n, 12*(2116-1972))
	for i := range decided {
		d := &decided[i]
		delta := (d.after - d.before) / second
		l.Line(fmt.Sprint("decided ", i), "at delta", &d.at, &delta)
		if l.Reading() && l.Require((delta == 1 || delta == -1) && b.mayAsk(d.at) && d.at < q.at, "a leap second at %v", d.at.Std()) {
			b.known = (&question{at: d.at}).timeline(&b.known, int(delta))
		}
	}
	for i := range b.heard {
		s := &b.heard[i]
		l.Line(fmt.Sprint("heard ", i), "say lo hi excluded after", &s.say, &s.lo, &s.hi, &s.excluded, &s.after)
		l.Require(s.excluded < anything, "source %d excludes everything", i)
	}
	if l.Reading() {
		b.rebuild()
	}
}

// mayAsk reports whether it may be asked, after all that is known, whether there is a leap second then.
func (b *Belief) mayAsk(at UTC) bool {
	leaps := b.known.leaps
	return at == monthStart(at) && !b.settled(at) && (len(leaps) == 0 || at > leaps[len(leaps)-1].at)
}
