package discipline

import (
	"fmt"
	"slices"

	"github.com/epsilontime/epsilon/monotonic"
)

// One machine may have several addresses, families, ports and names, and so several sources. What its replies show of it
// (truetime.Sample.Identity) tells: two sources that have shown the same identity may be one machine, and are
// linked.
//
// # How long a link lasts
//
// An identity of NTP changes whenever the machine corrects its clock, so two addresses of one machine that
// are asked at different moments now and then show different ones. Of each source the last identities are kept, and a
// link is confirmed whenever one shows what the other has shown. It lasts as long as the epoch, as whatever was concluded
// in that does: two that were known as one machine must not have counted as two in between, and a machine that
// shows new identities without being used keeps the old facts.
//
// A disruption is about the counter, and says nothing about who is who. Links outlive it, unless both had gone on
// showing identities for as long as facts are remembered, and none of them the other's.
//
// # What follows from a link
//
// Two voters of one source each are twins if these are linked: see [agreement.Twins]. Groups are twins
// if the machines that they have in common are enough to make both of them wrong: more sources of each than it
// tolerates. Within a group, what is tolerated is counted in the same way, but never all of it: that a group is
// right means that some of its sources are. Where there are too many twins to tell how many machines a group has, all of
// them may be fewer than what is tolerated, and then the group rules nothing out.
//
// # A link that shows late
//
// The clock of a machine may be corrected between its first replies at one address and at another, and then it shows two
// identities and counts as two until the next ones come in. If it is wrong, so may be whatever was concluded meanwhile: an
// answer of f+1 voters, a rate, a leap second. None of that says which voters it rests on, and it is kept for as long as the epoch lasts.
// So a link between two sources that have both been used in this epoch ends it. A liar that copies what honest machines
// show can end an epoch so, once for each of them in an epoch.
const (
	// maxShown is how many identities of a source are kept. A machine that corrects its clock
	// every second, with two addresses that are asked within seconds of each other, is recognised by that many.
	maxShown = 16

	// maxLinks is all pairs of 64 sources. Beyond that, those concerned rule nothing out.
	maxLinks = 64 * 63 / 2
)

// identities is what a source has shown lately.
type identities struct {
	marks    [maxShown]uint64
	count    int
	last     monotonic.Instant // when it has shown one
	overflow bool              // it would have had more links than there may be
	used     bool              // a sample of this source has been used in this epoch
}

// link is two sources that may be one machine.
type link struct {
	a, b      int
	confirmed monotonic.Instant
}

// Show tells the discipline what identity source i has shown with a reply received at that moment; empty if none.
// It is called before the sample is added. It may end the epoch.
func (d *Discipline) Show(i int, identity string, at monotonic.Instant) {
	if identity == "" || !d.Votes(i) {
		return
	}
	m, changed, late := mark(identity), false, -1
	for other := range d.identified {
		if other != i && d.identified[other].has(m) && d.link(min(i, other), max(i, other), at) {
			changed = true
			if d.identified[i].used && d.identified[other].used {
				late = other
			}
		}
	}
	d.identified[i].add(m, at)
	if changed {
		d.findTwins()
	}
	if late >= 0 {
		d.Disrupt(d.now, Identity, fmt.Sprintf("sources %d and %d have counted as two machines and show that they may be one", min(i, late), max(i, late)))
	}
}

// mark is a hash of an identity (FNV-1a). Whoever finds another identity with the same hash has what he
// would have by copying the identity.
func mark(identity string) uint64 {
	h := uint64(14695981039346656037)
	for _, b := range []byte(identity) {
		h = (h ^ uint64(b)) * 1099511628211
	}
	return h
}

func (s *identities) has(m uint64) bool {
	for _, other := range s.marks[:min(s.count, maxShown)] {
		if other == m {
			return true
		}
	}
	return false
}

func (s *identities) add(m uint64, at monotonic.Instant) {
	if s.last = at; !s.has(m) {
		s.marks[s.count%maxShown] = m
		s.count++
		if s.count == 2*maxShown {
			s.count = maxShown
		}
	}
}

// link confirms a link, and reports whether it is a new one.
func (d *Discipline) link(a, b int, at monotonic.Instant) bool {
	for k := range d.links {
		if l := &d.links[k]; l.a == a && l.b == b {
			l.confirmed = max(l.confirmed, at)
			return false
		}
	}
	if len(d.links) == maxLinks {
		known := d.identified[a].overflow && d.identified[b].overflow
		d.identified[a].overflow, d.identified[b].overflow = true, true
		return !known
	}
	d.links = append(d.links, link{a, b, at})
	return true
}

// unlink removes links.
func (d *Discipline) unlink(which func(link) bool) {
	kept := d.links[:0]
	for _, l := range d.links {
		if !which(l) {
			kept = append(kept, l)
		}
	}
	d.links = kept
}

// stranger forgets who source i was: from now on it is another machine.
func (d *Discipline) stranger(i int) {
	overflow, before := d.identified[i].overflow, len(d.links)
	d.identified[i] = identities{}
	if d.unlink(func(l link) bool { return l.a == i || l.b == i }); overflow || len(d.links) != before {
		d.findTwins()
	}
}

// renewLinks ends those links that both ends speak against, at the end of an epoch, and takes the others as confirmed now:
// moments of that epoch cannot be compared with those of the next. Nobody has been used in that.
func (d *Discipline) renewLinks(now monotonic.Instant) {
	before := len(d.links)
	d.unlink(func(l link) bool {
		return d.identified[l.a].last.Sub(l.confirmed) >= memory && d.identified[l.b].last.Sub(l.confirmed) >= memory
	})
	if len(d.links) != before {
		d.findTwins()
	}
	for k := range d.links {
		d.links[k].confirmed = now
	}
	for i := range d.identified {
		d.identified[i].last, d.identified[i].used = now, false
	}
}

// findTwins derives who are twins from the links, among the voters and within each group.
func (d *Discipline) findTwins() {
	d.twins.Reset(len(d.voters))
	for v, sources := range d.voters {
		d.within[v].Reset(len(sources))
	}
	common := d.common()
	for _, l := range d.links {
		u, v := d.voter[l.a], d.voter[l.b]
		switch {
		case u == v:
			d.within[v].Link(d.position(l.a), d.position(l.b))
		case common[pair{u, v}] > tolerated(d.voters[u]) && common[pair{v, u}] > tolerated(d.voters[v]):
			d.twins.Link(u, v)
		}
	}
	for i, s := range d.identified {
		if s.overflow {
			d.twins.Ignore(d.voter[i])
		}
	}
	for v, sources := range d.voters {
		d.tolerates[v] = tolerated(sources)
		if machines, exact := d.within[v].Machines(d.marked(sources, func(int) bool { return true })); exact {
			d.tolerates[v] = min(d.tolerates[v], machines-1)
		}
	}
}

// position is where source i stands among those that share its vote.
func (d *Discipline) position(i int) (position int) {
	for _, other := range d.voters[d.voter[i]] {
		if other < i {
			position++
		}
	}
	return position
}

// pair is two of something, in order.
type pair [2]int

// common counts, for each two voters, the sources of the first that are linked to one of the second.
func (d *Discipline) common() map[pair]int {
	sources, linked := map[pair]int{}, map[pair]bool{} // the latter for a source and a voter
	for _, l := range d.links {
		for _, ends := range []pair{{l.a, l.b}, {l.b, l.a}} {
			v := d.voter[ends[1]]
			if source := (pair{ends[0], v}); !linked[source] {
				linked[source] = true
				sources[pair{d.voter[ends[0]], v}]++
			}
		}
	}
	return sources
}

// Twins returns the sources, in order, that may be the same machine as source i, by what they have shown.
func (d *Discipline) Twins(i int) (sources []int) {
	for _, l := range d.links {
		switch i {
		case l.a:
			sources = append(sources, l.b)
		case l.b:
			sources = append(sources, l.a)
		}
	}
	slices.Sort(sources)
	return sources
}

// Count counts voters of which enough sources are such, machines with several voters once: more than a group
// tolerates.
func (d *Discipline) Count(such func(source int) bool) int {
	return d.twins.Apart(d.voting(such))
}
