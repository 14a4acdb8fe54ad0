package leap

import (
	"fmt"

	"github.com/epsilontime/epsilon/internal/invariants"
	"github.com/epsilontime/epsilon/truetime/internal/saturated"
)

const (
	// settling is how long after its smear a leap second is still asked about: longer than any exchange
	// with a source takes, so that no sample from before is converted without it.
	settling = 3600 * second

	// straddle is how close to a possible leap second an epoch must not begin. It is more than the 5 s in
	// which the stamps of a stepping source are not used.
	straddle = 7 * second
)

// Belief is what a clock believes about leap seconds, and what follows for its conversions. It is
// pure and not safe for concurrent use; the [Output] that it returns is immutable.
//
// The driver calls [Belief.Anchor] at the first answer of an epoch and [Belief.Restart] when it
// ends; [Belief.In] for each sample, and [Belief.Hear] and [Belief.Saw] once the epoch has an answer;
// and [Belief.Advance] before it publishes a new answer, with an [Output] of that moment.
type Belief struct {
	table  *Table
	voters Voters
	heard  []statement // by source

	anchored bool     // the epoch has an answer
	exact    bool     // what is called TAI in this epoch is TAI
	known    timeline // of this epoch, without the question
	question question // the one that is open, or will be next

	slow, fast timeline // enclose what is possible
}

// Voters says who votes on leap seconds.
type Voters struct {
	Sources int // with and without a vote
	Voters  int
	Faulty  int // how many of the voters may be wrong

	// Count counts the voters that have enough such sources: more than may be wrong, so that at least one of
	// them is right if the voter is. A machine with several voters counts once.
	Count func(such func(source int) bool) int
}

// statement is what a source has announced, and when that was, and what it has shown about the question.
type statement struct {
	say      Say
	lo, hi   TAI
	excluded possible // by its last sample
	after    bool     // it has answered since the smear has certainly ended
}

// NewBelief returns the belief of a clock with such voters.
func NewBelief(table *Table, voters Voters) *Belief {
	b := &Belief{table: table, voters: voters, heard: make([]statement, voters.Sources)}
	b.Restart()
	return b
}

// Forget forgets what a source has said and shown: somebody else speaks for it from now on.
func (b *Belief) Forget(source int) { b.heard[source] = statement{} }

// Restart forgets everything but the table. The epoch may have ended because its answers were wrong,
// and what the voters showed was held against them.
func (b *Belief) Restart() {
	clear(b.heard)
	b.anchored, b.exact, b.known = false, false, b.table.timeline
	b.question = noQuestion()
	b.slow, b.fast = b.known, b.known
}

// settled reports whether the table says what happens at the start of a month.
func (b *Belief) settled(at UTC) bool { return at <= b.table.expiry || at > lastYear }

// ask returns the question that matters at u, or will be the next to matter, if an epoch begins then.
func (b *Belief) ask(u UTC) question {
	if at := monthStart(u); !b.settled(at) && int64(u) < int64(at)+halfDay+settling {
		return question{at: at, next: nextMonth(at), possible: anything, past: true}
	}
	return about(nextMonth(max(u, b.table.expiry)))
}

// noQuestion stands for the question before the epoch has an answer, and after the last year.
func noQuestion() question { return question{at: never, next: never, possible: canBeNothing} }

// about returns the question about a month that has not ended yet.
func about(at UTC) question {
	if at > lastYear {
		return noQuestion()
	}
	return question{at: at, next: nextMonth(at), possible: anything}
}

// turn makes q the question. What was shown was shown about another one.
func (b *Belief) turn(q question) {
	if invariants.Enabled {
		invariants.Check(q.at == never || q.at > b.table.expiry, "the question of %v is settled", q.at.Std())
	}
	b.question = q
	for i := range b.heard {
		b.heard[i].excluded, b.heard[i].after = 0, false
	}
	b.rebuild()
}

func (b *Belief) rebuild() {
	b.slow, b.fast = b.question.enclose(&b.known)
	if at := b.question.at; invariants.Enabled {
		invariants.Check(b.slow.offset(at-1) >= b.fast.offset(at-1) && b.slow.offset(at) >= b.fast.offset(at), "the slow timeline is ahead of the fast one at %v", at.Std())
	}
}

// Anchor begins an epoch with its first answer: it is now between lo and hi, and the first fact that
// the answer is made from is no older than from. The error is [ErrStraddles] if a leap second is
// possible in between, and the driver has to end the epoch and gather facts anew.
func (b *Belief) Anchor(from, lo, hi TAI) error {
	u, _ := b.known.utc(lo)
	offset := b.known.offset(u)
	begin, end := UTC(int64(from)-offset-straddle), UTC(int64(hi)-offset+straddle)
	if at := monthStart(end); at >= begin && !b.settled(at) {
		return fmt.Errorf("%w: %s", ErrStraddles, at.Std().Format(layout))
	}
	b.exact = hi <= b.Certain()
	b.anchored = true
	b.turn(b.ask(u))
	return b.Advance(lo, hi)
}

// Advance brings the belief to a moment between lo and hi. It decides what can be decided. The error
// is [ErrBroken] or [ErrUndecided]: the driver ends the epoch.
func (b *Belief) Advance(lo, hi TAI) error {
	if !b.anchored {
		return nil
	}
	q := &b.question
	for q.at != never {
		_, end := q.smear(&b.known)
		if int64(lo) < int64(end)+settling || !q.past && !q.possible.decided() {
			break
		}
		if !q.past { // if past, it makes no difference any more what has happened
			_, delta := q.possible.deltas()
			b.known = q.timeline(&b.known, delta)
		}
		b.turn(about(q.next))
	}
	if begin, _ := q.smear(&b.known); hi < begin || q.at == never {
		return nil
	}
	q.begun = true
	left, err := b.settle()
	if err != nil {
		return err
	}
	if invariants.Enabled {
		invariants.Check(left != 0 && left&^q.possible == 0, "of what was possible, %03b, %03b is left", q.possible, left)
	}
	if left != q.possible {
		q.possible = left
		b.rebuild()
	}
	switch {
	case hi >= q.nextSmear(&b.known):
		return fmt.Errorf("%w: another month ends, and nobody has shown whether the last one did with a leap second: "+
			"install a newer table", ErrBroken)
	case b.cannotTell():
		return fmt.Errorf("%w: %s", ErrUndecided, q.at.Std().Format(layout))
	}
	return nil
}

// Certain returns until when what the epoch calls TAI is known to be TAI. That is for ever in an epoch that
// began while it was known, for the counter knows no leap seconds, and as far as the table goes in another.
func (b *Belief) Certain() TAI {
	if b.exact {
		return never
	}
	return TAI(saturated.Add(int64(nextMonth(b.table.expiry)), b.table.timeline.last())) - 1
}

// Table returns the table that is used.
func (b *Belief) Table() *Table { return b.table }

// Learn takes another table, and keeps the one that is valid for longer. The error is [ErrConflict] if they
// disagree: nothing has changed then. It is [ErrBroken] if the epoch had to do without what the newer one
// says about the end of a month: the driver ends the epoch, whether or not what it believed was right. The
// next one counts TAI by the new table.
func (b *Belief) Learn(table *Table) error {
	newest, err := Newest(b.table, table)
	if err != nil || newest == b.table {
		return err
	}
	uncovered := nextMonth(b.table.expiry)
	b.table = newest
	switch {
	case !b.anchored:
		b.known = newest.timeline
		b.slow, b.fast = b.known, b.known
	case b.question.at > uncovered || b.question.begun:
		return fmt.Errorf("%w: the table of %s now says what happened at %s", ErrBroken, newest.source, uncovered.Std().Format(layout))
	default:
		b.known = newest.timeline
		b.turn(about(nextMonth(newest.expiry)))
	}
	return nil
}
