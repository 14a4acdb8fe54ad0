package discipline

import (
	"fmt"
	"time"

	"github.com/epsilontime/epsilon/monotonic"
	"github.com/epsilontime/epsilon/truetime/internal/agreement"
)

// convictedVoters counts the voters of whose sources half or more are convicted.
func (d *Discipline) convictedVoters() (convicted int) {
	for _, sources := range d.voters {
		bad := 0
		for _, i := range sources {
			if d.sources[i].convicted {
				bad++
			}
		}
		if bad > tolerated(sources) {
			convicted++
		}
	}
	return convicted
}

// tolerated is how many of the sources that share a vote may be wrong: fewer than half.
func tolerated(sources []int) int { return (len(sources) - 1) / 2 }

// vote is what one voter says. Several sources of one operator share a vote: it is the agreement
// among them with fewer than half of them wrong, the same rule once more.
func (d *Discipline) vote(v int, now monotonic.Instant) agreement.Interval {
	d.members = d.members[:0]
	for _, i := range d.voters[v] {
		if s := &d.sources[i]; s.convicted {
			d.members = append(d.members, agreement.Nothing)
		} else {
			d.members = append(d.members, s.window.at(now, &d.motion))
		}
	}
	if len(d.members) == 1 {
		return d.members[0]
	}
	d.inner.Compute(d.members, tolerated(d.voters[v]))
	return d.inner.Hull()
}

// Votes reports whether source i has a vote, of its own or shared.
func (d *Discipline) Votes(i int) bool { return d.voter[i] != NoVote }

// agree computes what the votes agree on at this moment.
func (d *Discipline) agree(now monotonic.Instant) {
	for v := range d.voters {
		d.votes[v] = d.vote(v, now)
	}
	d.region.Compute(d.votes, d.faulty)
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
	agreed := d.region.Hull()
	switch {
	case d.answer:
		d.narrow(agreed, now)
	case agreed.Bounded() && d.quorum():
		d.fused = Bounds{Facts{Point{now, agreed.Hi}, Point{now, agreed.Lo}}, d.motion}
		d.first, d.began, d.answer = Bounds{d.fused.Facts, motion{Scale: d.scale}}, now, true
	}
	d.learnRate(now)
	d.judge(now)
}

// narrow moves an end of the answer only where the new line is strictly better at this moment, its
// own rounding included. An end that is left alone keeps its own moment, and so the same line as
// before. Either way Earliest cannot go back by so much as a rounding error: two spans rounded up
// one by one exceed their sum rounded up by at most the 1 ns that the new line is ahead.
func (d *Discipline) narrow(agreed agreement.Interval, now monotonic.Instant) {
	before := d.fused.At(now)
	switch {
	case agreed.Empty():
		d.contradicted(now, fmt.Sprintf("no moment is covered by %d of %d voters: more than %d are wrong, or the counter is", len(d.voters)-d.faulty, len(d.voters), d.faulty))
		return
	case agreed.Intersect(before).Empty():
		d.contradicted(now, "the voters agree on an interval that excludes the one carried from before: the counter jumped or runs outside its drift, or too many were wrong")
		return
	}
	if agreed.Lo > before.Lo {
		d.fused.Lower = Point{now, agreed.Lo}
	}
	if agreed.Hi < before.Hi {
		d.fused.Upper = Point{now, agreed.Hi}
	}
}

// quorum reports whether enough voters have been heard for a first answer: 2f+1, so that the
// correct ones among them outnumber the others, and all of them where there are only two. The
// same goes for the sources that share a vote. A convicted source has been heard: it is known to be
// one of the wrong ones, and could otherwise keep the first answer away for ever.
func (d *Discipline) quorum() bool {
	heard := 0
	for _, sources := range d.voters {
		members := 0
		for _, i := range sources {
			if d.sources[i].window.filled > 0 {
				members++
			}
		}
		if members >= Quorum(len(sources), tolerated(sources)) {
			heard++
		}
	}
	return heard >= Quorum(len(d.voters), d.faulty)
}

// Quorum is how many of n voters must have been heard for a first answer with f wrong ones.
func Quorum(n, f int) int { return max(2*f+1, min(n, 2)) }
