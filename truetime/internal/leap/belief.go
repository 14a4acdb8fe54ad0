package leap

import (
	"fmt"
	"slices"
)

const (
	// keep is how long after the end of its smear a leap second is still a question.
	keep = day

	// prepare is how long before the window of a possible leap second it is considered.
	prepare = 20 * day

	// maxQuestions is how many possible leap seconds may be undecided at a time. Each widens the answer
	// by up to 2 s; to leave several undecided takes months without any sample.
	maxQuestions = 4

	// near is how close to a possible leap second an epoch must not begin.
	near = 7 * second
)

// Belief is what a clock believes about leap seconds, and what follows for its conversions. It is
// pure and not safe for concurrent use; the [Output] that it returns is immutable.
//
// The driver calls [Belief.Anchor] at the first answer of an epoch and [Belief.Restart] when it
// ends; [Belief.In] for each sample, and [Belief.Hear] and [Belief.Saw] once the epoch has an answer;
// and [Belief.Advance] before it publishes a new answer, with an [Output] of that moment.
type Belief struct {
	table  *Table
	faulty int
	by     func(such func(source int) bool) int // counts voters, if not nil
	voters [][]int                              // the sources of each voter
	heard  []announcement                       // by source

	decided   []decision // beyond the table, in rising order
	questions []question // in rising order, undecided or not long ago
	next      UTC        // the month start that will be the next question
	shift     int64      // what is called TAI in this epoch is TAI plus this
	anchored  bool
	exact     bool // what is called TAI was TAI when the epoch began
	broken    bool

	slow, fast timeline // what follows
}

// NoVote is the voter of a source that has no vote. Nothing follows from what it says.
const NoVote = -1

// announcement is what a source has said and when that was.
type announcement struct {
	say    Say
	lo, hi TAI
}

// NewBelief returns the belief of a clock with sources whose voters are given, numbered from 0, or
// [NoVote]. So many voters may be wrong, and of the sources of one that is right fewer than half.
func NewBelief(table *Table, voter []int, faulty int) *Belief {
	b := &Belief{table: table, faulty: faulty, heard: make([]announcement, len(voter))}
	for i, v := range voter {
		if v == NoVote {
			continue
		}
		for len(b.voters) <= v {
			b.voters = append(b.voters, nil)
		}
		b.voters[v] = append(b.voters[v], i)
	}
	b.Restart()
	return b
}

// CountBy has voters counted by somebody who knows which of them are one machine. A voter that is right must have a
// source that is right among any that are counted for it.
func (b *Belief) CountBy(count func(such func(source int) bool) int) { b.by = count }

// count returns of how many voters more than half of the sources are such.
func (b *Belief) count(such func(source int) bool) (voters int) {
	if b.by != nil {
		return b.by(such)
	}
	for _, sources := range b.voters {
		n := 0
		for _, i := range sources {
			if such(i) {
				n++
			}
		}
		if 2*n > len(sources) {
			voters++
		}
	}
	return voters
}

// Forget forgets what a source has said: somebody else speaks for it from now on.
func (b *Belief) Forget(source int) {
	b.heard[source] = announcement{}
	for i := range b.questions {
		b.questions[i].excluded[source], b.questions[i].since[source] = 0, false
	}
}

// Restart forgets what belonged to an epoch. That includes what has been found out about a leap second that still
// matters: the epoch may have ended because its answers were wrong, and what the voters showed was held against them.
func (b *Belief) Restart() {
	if b.broken {
		b.decided = nil
	}
	b.questions, b.shift, b.anchored, b.exact, b.broken = nil, 0, false, false, false
	clear(b.heard)
	b.rebuild()
}

func (b *Belief) decide(at UTC, delta int) {
	b.decided = append(b.decided, decision{at, delta})
	slices.SortFunc(b.decided, func(x, y decision) int { return int(x.at/UTC(day)) - int(y.at/UTC(day)) })
}

// settled reports whether it is known what happens at the start of a month.
func (b *Belief) settled(at UTC) bool {
	return at <= b.table.expiry || at > lastYear ||
		slices.ContainsFunc(b.decided, func(d decision) bool { return d.at == at })
}

// unsettledAfter returns the first start of a month after u about which the table says nothing.
func (b *Belief) unsettledAfter(u UTC) UTC { return nextMonth(max(u, b.table.expiry)) }

// around returns the questions that matter about u if an epoch begins then, and the next one.
func (b *Belief) around(u UTC) (questions []question, next UTC) {
	if at := monthStart(u); !b.settled(at) {
		questions = append(questions, b.question(at, true))
	}
	if at := nextMonth(u); !b.settled(at) {
		questions = append(questions, b.question(at, false))
	}
	return questions, b.unsettledAfter(nextMonth(u))
}

func (b *Belief) question(at UTC, past bool) question {
	n := len(b.heard)
	return question{at: at, possible: anything, past: past, excluded: make([]possible, n), since: make([]bool, n)}
}

// rebuild derives the timelines.
func (b *Belief) rebuild() { b.slow, b.fast = b.timelines(b.questions) }

func (b *Belief) timelines(questions []question) (slow, fast timeline) {
	decided := make([]decision, 0, len(b.table.timeline.leaps)+len(b.decided))
	for _, l := range b.table.timeline.leaps {
		decided = append(decided, decision{l.at, int((l.after - l.before) / second)})
	}
	for _, d := range b.decided {
		if d.at > b.table.expiry {
			decided = append(decided, d)
		}
	}
	return timelines(b.table.timeline.base+b.shift, decided, questions)
}

// Anchor begins an epoch with its first answer: it is now between lo and hi, and the first fact that
// the answer is made from is no older than from. The error is [ErrStraddles] if a leap second is
// possible in between, and the driver has to end the epoch and gather facts anew.
func (b *Belief) Anchor(from, lo, hi TAI) error {
	u, _ := b.slow.utc(lo)
	offset := b.slow.offset(u)
	begin, end := UTC(int64(from)-offset-near), UTC(int64(hi)-offset+near)
	for at := monthStart(begin); at <= end && at <= lastYear; at = nextMonth(at) {
		if at >= begin && !b.settled(at) {
			return fmt.Errorf("%w: %s", ErrStraddles, at.Std().Format(layout))
		}
	}
	b.exact = hi <= b.Certain()
	b.questions, b.next = b.around(u)
	b.anchored = true
	b.rebuild()
	return b.Advance(lo, hi)
}

// window returns when the noon-to-noon smear of a leap second before at begins, at the earliest, and
// when it ends, at the latest.
func (b *Belief) window(at UTC) (begin, end TAI) {
	begin = TAI(int64(at) + min(b.fast.offset(at-1), b.slow.offset(at-1)) - halfDay)
	end = TAI(int64(at) + max(b.fast.offset(at), b.slow.offset(at)) + halfDay)
	return begin, end
}

// Advance brings the belief to a moment between lo and hi. It decides what can be decided. The error
// is [ErrBroken] or [ErrUndecided]: the driver ends the epoch.
func (b *Belief) Advance(lo, hi TAI) error {
	if !b.anchored {
		return nil
	}
	changed := b.retire(lo)
	for b.next <= lastYear {
		if begin, _ := b.window(b.next); int64(begin) > int64(hi)+prepare {
			break
		}
		if len(b.questions) == maxQuestions {
			b.broken = true
			return fmt.Errorf("%w: %d months have ended and nobody has shown whether with a leap second: install a newer table", ErrBroken, maxQuestions)
		}
		b.questions = append(b.questions, b.question(b.next, false))
		b.next, changed = nextMonth(b.next), true
	}
	if changed {
		b.rebuild()
	}
	for i := range b.questions {
		q := &b.questions[i]
		if begin, _ := b.window(q.at); hi < begin {
			break
		}
		left, err := b.settle(q)
		if err != nil {
			b.broken = true
			return err
		}
		if left != q.possible {
			q.possible = left
			b.rebuild()
		}
		if b.cannotTell(q) {
			return fmt.Errorf("%w: %s", ErrUndecided, q.at.Std().Format(layout))
		}
	}
	return nil
}

// retire forgets the questions that are long past. One that was past when the epoch began makes no
// difference any more: no change is as good an answer as any.
func (b *Belief) retire(lo TAI) (changed bool) {
	before := len(b.questions)
	b.questions = slices.DeleteFunc(b.questions, func(q question) bool {
		_, end := b.window(q.at)
		if int64(lo) < int64(end)+keep || !q.past && !q.possible.decided() {
			return false
		}
		if q.possible.decided() {
			_, delta := q.possible.deltas()
			b.decide(q.at, delta)
			if q.past {
				b.shift -= int64(delta) * second
			}
		}
		return true
	})
	return len(b.questions) != before
}

// Table returns the table that is used.
func (b *Belief) Table() *Table { return b.table }

// Learn takes another table, and keeps the one that is valid for longer. The error is [ErrConflict]
// if they disagree, and nothing has changed then; or [ErrBroken] if the table is newer and excludes
// what has been believed: the driver ends the epoch.
func (b *Belief) Learn(table *Table) error {
	newest, err := Newest(b.table, table)
	if err != nil || newest == b.table {
		return err
	}
	for _, d := range b.decided {
		b.broken = b.broken || d.at <= newest.expiry && newest.delta(d.at) != d.delta
	}
	asked := func(at UTC) bool {
		return slices.ContainsFunc(b.questions, func(q question) bool { return q.at == at }) ||
			slices.ContainsFunc(b.decided, func(d decision) bool { return d.at == at })
	}
	for _, l := range newest.timeline.leaps {
		// One that nobody has asked about is long past, or it is to come.
		if b.anchored && l.at > b.table.expiry && l.at < b.next && !asked(l.at) {
			b.shift -= l.after - l.before
		}
	}
	b.questions = slices.DeleteFunc(b.questions, func(q question) bool {
		if q.at > newest.expiry {
			return false
		}
		delta := newest.delta(q.at)
		b.broken = b.broken || q.possible&only(delta) == 0
		if q.past {
			b.shift -= int64(delta) * second
		}
		return true
	})
	b.decided = slices.DeleteFunc(b.decided, func(d decision) bool { return d.at <= newest.expiry })
	b.table = newest
	b.next = max(b.next, b.unsettledAfter(newest.expiry))
	b.rebuild()
	if b.broken {
		return fmt.Errorf("%w: the table of %s says otherwise", ErrBroken, newest.source)
	}
	return nil
}
