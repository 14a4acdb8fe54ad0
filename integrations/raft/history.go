package epsilonraft

import (
	"fmt"
	"slices"
	"time"

	"go.etcd.io/raft/v3/raftpb"

	"github.com/epsilontime/epsilon/truetime"
)

// maxMarks is how many entries that are not settled are kept for reads of a new leader. What is older goes, and with it
// those reads, until something has been settled again.
const maxMarks = 1 << 16

// history is what a member knows of the leases that its log grants. Everything it says follows from the log and the commit
// index, so all members with the same log say the same, but for what was revoked and what is their own.
type history struct {
	folded  uint64 // entries up to here have no mark
	settled uint64 // see stamp
	commit  uint64
	life    uint64        // of this member, not of the log
	own     latest        // of this life: by these it reads
	all     latest        // of all members: these are waited for
	floor   grant         // of no entry: the latest of those that were revoked, if no clock was wrong
	longest time.Duration // of the leases of all entries
	marks   []mark        // of all entries after folded, one after the other
}

// latest are the latest grants.
type latest struct {
	committed grant // of the entries up to commit and settled
	newest    grant // of all entries
}

// A mark is what is kept of an entry.
type mark struct {
	index, term uint64
	grant       grant
	own         bool   // of this life
	command     []byte // empty if it changes nothing
	opaque      bool   // it may change anything: it is no command
}

func (h *history) last() uint64 { return h.folded + uint64(len(h.marks)) }

// visible is what a read that begins now must have applied.
func (h *history) visible() uint64 { return max(h.commit, h.settled) }

// add appends an entry, instead of those that were at its index and after it.
func (h *history) add(entry *raftpb.Entry) error {
	index, term := entry.GetIndex(), entry.GetTerm()
	switch {
	case index > h.last()+1:
		return fmt.Errorf("%w: entry %d follows entry %d: Ready was not called with those between them", ErrCorrupt, index, h.last())
	case index <= h.folded, index <= h.last() && h.at(index).term == term:
		return nil // it is known
	case index <= h.visible():
		return fmt.Errorf("%w: entry %d is replaced, but entries up to %d are committed", ErrCorrupt, index, h.visible())
	}
	m, settled := mark{index: index, term: term}, uint64(0)
	if m.opaque = entry.GetType() != raftpb.EntryNormal; !m.opaque {
		s, c, err := command(entry.GetData())
		switch {
		case err != nil:
			return fmt.Errorf("entry %d of term %d: %w", index, term, err)
		case s.term > term: // settled is an index in another log: see Wrap
			s.settled = 0
		case s.settled >= index:
			return fmt.Errorf("%w: entry %d of term %d: member %x says that %d is settled", ErrCorrupt, index, term, s.node, s.settled)
		}
		m.grant, m.own, m.command, settled = s.grant, s.life == h.life, c, s.settled
	}
	if index <= h.last() {
		h.marks = slices.Clone(h.marks[:index-h.folded-1]) // a reader may be looking at those that are replaced
		h.own.newest, h.all.newest = h.own.committed, h.all.committed
		for _, kept := range h.between(h.visible(), h.last()) {
			h.grow(kept)
		}
	}
	h.marks = append(h.marks, m)
	h.grow(m)
	h.longest = max(h.longest, m.grant.duration)
	h.settle(settled)
	return nil
}

// grow takes the grant of an entry.
func (h *history) grow(m mark) {
	h.all.newest = later(h.all.newest, m.grant)
	if m.own {
		h.own.newest = later(h.own.newest, m.grant)
	}
}

func (h *history) at(index uint64) *mark { return &h.marks[index-h.folded-1] }

// between returns the marks of the entries after one index up to another.
func (h *history) between(after, to uint64) []mark {
	after, to = max(after, h.folded), min(to, h.last())
	if after >= to {
		return nil
	}
	return h.marks[after-h.folded : to-h.folded]
}

// commitTo takes a new commit index.
func (h *history) commitTo(commit uint64) error {
	if commit > h.last() {
		return fmt.Errorf("%w: entries up to %d are committed, and the log ends at %d", ErrCorrupt, commit, h.last())
	}
	h.see(commit)
	h.commit = max(h.commit, commit)
	if n := len(h.marks) - maxMarks; n > 0 {
		h.fold(min(h.folded+uint64(n), h.commit))
	}
	return nil
}

// settle takes what an entry says is settled.
func (h *history) settle(settled uint64) {
	if settled <= h.settled {
		return
	}
	h.see(settled)
	h.settled = settled
	h.fold(settled)
}

// see takes the grants of entries that turn out to be committed.
func (h *history) see(to uint64) {
	for _, m := range h.between(h.visible(), to) {
		h.all.committed = later(h.all.committed, m.grant)
		if m.own {
			h.own.committed = later(h.own.committed, m.grant)
		}
	}
}

// fold forgets the marks up to an index. What they grant is in own and all.
func (h *history) fold(to uint64) {
	if to > h.folded {
		h.marks = h.marks[to-h.folded:]
		h.folded = to
	}
}

// latestBefore returns the latest grant of all entries of earlier terms, whether they are committed or not.
func (h *history) latestBefore(term uint64) grant {
	latest := h.all.committed
	for _, m := range h.between(h.visible(), h.last()) {
		if m.term < term {
			latest = later(latest, m.grant)
		}
	}
	return latest
}

// lastBefore returns the index of the last entry of an earlier term.
func (h *history) lastBefore(term uint64) uint64 {
	for i := h.last(); i > h.folded; i-- {
		if h.at(i).term < term {
			return i
		}
	}
	return h.folded
}

// lastTerm returns the term of the last entry, or 0 if there is no mark of it.
func (h *history) lastTerm() uint64 {
	if len(h.marks) == 0 {
		return 0
	}
	return h.at(h.last()).term
}

// limbo returns the entries that may change something a leader of an earlier term does not know of, and false if it
// is not known which they are.
func (h *history) limbo() ([]mark, bool) {
	return h.between(h.settled, h.last()), h.folded <= h.settled
}

// revoke forgets all grants so far. Good ones may be among them, also some that were given since the bad one, and others may read by those. A
// correct clock has computed each from an Earliest that was no later than now, so they end by the floor.
func (h *history) revoke(node uint64, now truetime.Time) {
	if h.longest == 0 {
		return // none was ever granted
	}
	h.floor = grant{node: node, expiry: now.Add(h.longest), duration: h.longest}
	h.own, h.all = latest{}, latest{}
	h.marks = slices.Clone(h.marks) // a reader may be looking at them
	for i := range h.marks {
		h.marks[i].grant = grant{}
	}
}
