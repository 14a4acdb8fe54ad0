package hostclock

import "sync/atomic"

// memory is the page that the processes share. Every word of it is read and written atomically, so
// none tears, and their order is the same for everybody (Go memory model, "Atomic values").
//
// # The two slots
//
// Publication g is written to slot g mod 2 while readers use the other one, and then the generation becomes g.
// So whenever a writer is killed, the slot that the generation names is whole, and nobody has to wait
// for the end of a publication that never comes.
//
// A reader loads the generation, g, then the words of its slot, and then the generation again. If that is
// still g the words are those of publication g: the next to be written to this slot is g+2, not before
// the generation has become g+1. Had a reader seen a word of g+2, its second look at the generation would
// have found at least g+1, since both sides are in one order.
type memory [segmentWords]atomic.Uint64

func slot(generation uint64) int { return wordSlots + int(generation&1)*slotWords }

// publish makes a record publication number generation, which is the next one.
func (m *memory) publish(r *record, generation uint64) {
	to := slot(generation)
	for i, word := range r.words(generation) {
		m[to+i].Store(word)
	}
	m[wordGeneration].Store(generation)
}

// attempts is how often a reader tries to get a record whole. One attempt fails only if two publications
// end meanwhile.
const attempts = 100

// load returns the words of the record, and false if publications follow each other so quickly that none
// could be read.
func (m *memory) load() (w [recordWords]uint64, generation uint64, ok bool) {
	for range attempts {
		generation = m[wordGeneration].Load()
		from := slot(generation)
		for i := range w {
			w[i] = m[from+i].Load()
		}
		if m[wordGeneration].Load() == generation {
			return w, generation, true
		}
	}
	return w, generation, false
}

func (m *memory) header() (w [wordGeneration]uint64) {
	for i := range w {
		w[i] = m[i].Load()
	}
	return w
}
