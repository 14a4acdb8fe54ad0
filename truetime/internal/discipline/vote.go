package discipline

import (
	"fmt"
	"time"

	"github.com/epsilontime/epsilon/internal/invariants"
	"github.com/epsilontime/epsilon/monotonic"
	"github.com/epsilontime/epsilon/truetime/internal/agreement"
)

// tolerated is how many of the sources that share a vote may be wrong: fewer than half.
func tolerated(sources []int) int { return (len(sources) - 1) / 2 }

// says is what one source says: nothing is possible by one that is convicted.
func (d *Discipline) says(i int, now monotonic.Instant) agreement.Interval {
	s := &d.sources[i]
	if s.convicted {
		return agreement.Nothing
	}
	return s.window.at(now, &d.motion)
}

// vote casts the vote of one voter. Several sources of one operator share a vote: it is all that is
// possible with fewer than half of them wrong, the same rule once more. It may be in several parts, and not
// their hull, or there would be room for a lie between what some say and what others say.
func (d *Discipline) vote(v int, now monotonic.Instant) {
	sources := d.voters[v]
	if len(sources) == 1 {
		d.votes.Cast(d.says(sources[0], now))
		return
	}
	d.members.Clear()
	for _, i := range sources {
		d.members.Cast(d.says(i, now))
	}
	d.inner.Compute(&d.members, d.tolerates[v], d.within[v])
	d.votes.Cast(d.inner.Parts()...)
}

// marked says of each of these sources whether it is such.
func (d *Discipline) marked(sources []int, such func(source int) bool) []bool {
	d.marks = d.marks[:0]
	for _, i := range sources {
		d.marks = append(d.marks, such(i))
	}
	return d.marks
}

// voting says of each voter whether more of its sources are such than it tolerates.
func (d *Discipline) voting(such func(source int) bool) []bool {
	d.voterMarks = d.voterMarks[:0]
	for v, sources := range d.voters {
		d.voterMarks = append(d.voterMarks, d.within[v].Apart(d.marked(sources, such)) > d.tolerates[v])
	}
	return d.voterMarks
}

// wrongVoters counts the voters that are known to be wrong: their word excludes everything, or they have taken something
// back in this epoch.
func (d *Discipline) wrongVoters() int {
	return d.Count(func(i int) bool { return d.sources[i].convicted || d.said[i].takenBack })
}

// Heard counts the voters that have said something in this epoch. With more than f of them there is an answer. A
// convicted source has been heard, also if what it said has been taken back: it is known to be one of the wrong ones.
func (d *Discipline) Heard() int {
	return d.Count(func(i int) bool { return d.sources[i].convicted || d.sources[i].window.filled > 0 })
}

// Votes reports whether source i has a vote, of its own or shared.
func (d *Discipline) Votes(i int) bool { return d.voter[i] != NoVote }

// agree computes what the votes agree on at this moment.
func (d *Discipline) agree(now monotonic.Instant) {
	d.votes.Clear()
	for v := range d.voters {
		d.vote(v, now)
	}
	d.region.Compute(&d.votes, d.faulty, &d.twins)
}

// Samples of a crowd are gathered. To count n votes takes n·log n, and to count them after each
// sample would make the hundredth source cost more than the tenth. So with more than crowd sources
// the votes are counted no more often than every gatherEach for each of them: every 10 ms for a
// thousand, of which a count takes about 1 %. A sample that waits is not lost; the answer is narrower
// a little later.
const (
	crowd      = 32
	gatherEach = 10 * time.Microsecond
)

// gathers reports whether the votes were counted so lately that a sample has to wait.
func (d *Discipline) gathers(now monotonic.Instant) bool {
	n := len(d.sources)
	return d.answer && n > crowd && now.Sub(d.agreed) < time.Duration(n)*gatherEach
}

// fuse intersects the agreement of the votes with the previous answer.
func (d *Discipline) fuse(now monotonic.Instant) {
	d.agree(now)
	d.agreed, d.pending = now, false
	if d.answer {
		d.narrow(now)
	} else if agreed := d.region.Hull(); d.begins(agreed) {
		d.fused = Facts{Upper: Point{now, agreed.Hi}, Lower: Point{now, agreed.Lo}}
		d.upper, d.lower = d.upperOrigin(now), d.lowerOrigin(now)
		d.first, d.began, d.answer = d.fused, now, true
		if invariants.Enabled { // at first only, as voters may show later that they are one machine
			invariants.Check(d.Heard() > d.faulty, "a first answer of %d voters, of which %d may be wrong", d.Heard(), d.faulty)
		}
	}
	d.learnRate(now)
	d.updateVerdicts(now)
	if invariants.Enabled {
		invariants.Check(d.votes.Count() == len(d.voters), "%d of %d voters have voted", d.votes.Count(), len(d.voters))
	}
}

// widestFirst is how wide a first answer may be that liars may have made so wide: 16 s to either side, the most by
// which an NTP server may claim to be wrong (MAXDISP, RFC 5905 figure 7).
const widestFirst = 32 * time.Second

// begins reports whether what is agreed is a first answer.
//
// # How many voters that takes
//
// Whoever has not been heard rules nothing out. So the hull is bounded as soon as f+1 voters have been
// heard, and no sooner, and it is true whoever of them lies: what is outside is excluded by all of the f+1, of
// which one is right. There is nothing more to demand for the sake of truth. Once 2f+1 have been heard, each of its ends lies inside the
// interval of a voter that is right, and more of them only narrow it.
//
// # How wide it may be
//
// With fewer than 2f+1 the others may all be liars, and an end may be wherever they like: years away. That is
// true, and of no use. Whoever waits until Latest has passed would wait for years, a hybrid logical clock that was once
// that far ahead stays so, and every end of a month in between would be one with a possible leap second
// in it. So if fewer than 2f+1 have been heard and they disagree by more than honest ones would, the next voter is waited for.
func (d *Discipline) begins(agreed agreement.Interval) bool {
	return agreed.Bounded() && (uint64(agreed.Hi-agreed.Lo) <= uint64(widestFirst)+uint64(d.pause) || d.Heard() > 2*d.faulty)
}

// narrow moves an end of the answer only where the new line is strictly better at this moment, its
// own rounding included. An end that is left alone keeps its own moment, and so the same line as
// before. Either way Earliest cannot go back by so much as a rounding error: two spans rounded up
// one by one exceed their sum rounded up by at most the 1 ns that the new line is ahead.
//
// The region may be in several parts, and true time is in one of them and in the previous answer. So
// it is cut to that answer first, and what is left is as wide as its hull.
func (d *Discipline) narrow(now monotonic.Instant) {
	before := d.motion.at(d.fused, now)
	left := d.region.Within(before)
	switch {
	case len(d.region.Parts()) == 0:
		d.contradicted(now, fmt.Sprintf("no moment is covered by %d of %d voters: more than %d are wrong, or the counter is", len(d.voters)-d.faulty, len(d.voters), d.faulty))
		return
	case left.Empty():
		d.contradicted(now, "the voters agree on an interval that excludes the one carried from before: the counter jumped or runs outside its drift, or too many were wrong")
		return
	}
	if left.Lo > before.Lo {
		d.fused.Lower = Point{now, left.Lo}
		d.lower = d.lowerOrigin(now)
	}
	if left.Hi < before.Hi {
		d.fused.Upper = Point{now, left.Hi}
		d.upper = d.upperOrigin(now)
	}
	if invariants.Enabled {
		after := d.motion.at(d.fused, now)
		invariants.Check(!after.Empty(), "the answer %v is upside down", after)
		invariants.Check(after.Lo >= before.Lo && after.Hi <= before.Hi, "the answer %v is not within the one before, %v", after, before)
	}
}
