package leap

import (
	"fmt"
	"time"

	"github.com/epsilontime/epsilon/internal/invariants"
	"github.com/epsilontime/epsilon/truetime/internal/saturated"
)

const (
	// settling is how long after its smear a leap second is still asked about: longer than any exchange
	// with a source takes, so that no sample from before is converted without it.
	settling = 3600 * second

	// straddle is how close to a possible leap second an epoch must not begin. It is more than the 6 s in
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

// Anchored reports whether the epoch has an answer.
func (b *Belief) Anchored() bool { return b.anchored }

// Restart forgets everything but the table. The epoch may have ended because its answers were wrong,
// and what the voters showed was held against them.
func (b *Belief) Restart() {
	clear(b.heard)
	b.anchored, b.exact, b.known = false, false, b.table.timeline
	b.question = noQuestion()
	b.rebuild()
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
	case b.cannotTell(lo):
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
// next one counts TAI by the new table. That goes for an epoch without an answer, too: a sample of it that was
// converted without a leap second is a second off beside one that was converted with it.
func (b *Belief) Learn(table *Table) error {
	newest, err := Newest(b.table, table)
	if err != nil || newest == b.table {
		return err
	}
	expired, uncovered := b.table.expiry, nextMonth(b.table.expiry)
	b.table = newest
	switch last := newest.entries[len(newest.entries)-1].At; {
	case !b.anchored && last > expired:
		return fmt.Errorf("%w: the table of %s now has a leap second at %s, which samples were converted without", ErrBroken, newest.source, last.Std().Format(layout))
	case !b.anchored:
		b.known = newest.timeline
		b.rebuild()
	case uncovered > newest.expiry: // it says no more about the end of any month
	case b.question.at > uncovered || b.question.begun:
		return fmt.Errorf("%w: the table of %s now says what happened at %s", ErrBroken, newest.source, uncovered.Std().Format(layout))
	default:
		b.known = newest.timeline
		b.turn(about(nextMonth(newest.expiry)))
	}
	return nil
}

// settle returns what is left of the question after what the voters exclude. The caller keeps it, so
// a possibility that is struck out stays struck out.
//
// f liars cannot bring about anything, because each rule needs the word of at least one voter that is
// right. But a voter that is right about the time may be wrong about a leap second without lying. A flag
// that was set once is passed on for months, and NTP's 0 says that a server has heard of no leap second,
// not that it knows of none. So the rules depend on the month.
//
// All leap seconds so far came at the end of June or December. That there is one takes f+1 voters that
// announce or show it, for nobody does without knowing. That there is none is believed only when n−f, as many
// as must be right, show it. An announcement is not enough: a server that has not heard of a leap second announces none,
// too, and shows none until it happens.
//
// There has never been one at the end of another month. That there is none takes n−f voters that show or
// announce it. That there is one takes n−f that show it. Announcements of one do not count: as long as it
// is not shown, it is allowed for.
func (b *Belief) settle() (left possible, err error) {
	q := &b.question
	left = q.possible
	all, usual := b.voters.Voters-b.voters.Faulty, isUsual(q.at)
	for _, delta := range []int{-1, 0, 1} {
		against := b.voters.Count(func(i int) bool {
			return b.heard[i].excluded&only(delta) != 0 || !usual && delta != 0 && b.says(i) == NoLeap
		})
		knowing := b.voters.Count(func(i int) bool {
			excluded := b.heard[i].excluded
			return excluded&only(delta) != 0 && excluded&canBeNothing != 0
		})
		if usual && knowing > b.voters.Faulty || against >= all {
			left &^= only(delta)
		}
	}
	switch b.announced() {
	case 1:
		left &= canInsert
	case -1:
		left &= canRemove
	}
	if left == 0 {
		return 0, fmt.Errorf("%w: what the voters show or announce at %s excludes what was left",
			ErrBroken, q.at.Std().Format(layout))
	}
	return left, nil
}

// cannotTell reports whether it is still open what has happened although as many voters as must be right have answered
// after the smear; or as many as a new epoch takes, and no others for as long as news takes to get around. It
// stays open: their samples are converted for all that is possible, and that makes the answer too wide to tell
// what they show. This happens where most of the sources smear, or are silent.
func (b *Belief) cannotTell(lo TAI) bool {
	if b.question.past || b.question.possible.decided() {
		return false
	}
	answered := b.voters.Count(func(i int) bool { return b.heard[i].after })
	_, end := b.question.smear(&b.known)
	return answered >= b.voters.Voters-b.voters.Faulty || answered > b.voters.Faulty && int64(lo) >= int64(end)+travel
}

// announced returns the change of TAI−UTC that is believed because it was announced in time, or 0. In an
// epoch that began after it nobody announced it.
func (b *Belief) announced() (delta int) {
	inserts := b.voters.Count(func(i int) bool { return b.says(i) == Insert })
	removes := b.voters.Count(func(i int) bool { return b.says(i) == Remove })
	switch f := b.voters.Faulty; {
	case !isUsual(b.question.at), inserts > f && removes > f: // the latter says that more than f are wrong
		return 0
	case inserts > f:
		return 1
	case removes > f:
		return -1
	}
	return 0
}

// isUsual reports whether leap seconds have come at the end of the month that ends at u. ITU-R TF.460-6
// section 2.1 prefers June and December, then March and September, and allows all.
func isUsual(u UTC) bool {
	month := u.Std().Month()
	return month == time.July || month == time.January
}

// says is what a source announced about the question in time.
func (b *Belief) says(source int) Say {
	noon, _ := b.question.smear(&b.known)
	s := &b.heard[source]
	switch {
	case int64(s.lo) < int64(noon)-halfDay || int64(s.hi) >= int64(noon)+halfDay-ambiguity: // another day
		return Nothing
	case s.say == NoLeap && int64(s.lo) < int64(noon)+travel:
		return Nothing
	}
	return s.say
}
