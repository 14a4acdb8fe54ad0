package discipline

import "github.com/epsilontime/epsilon/monotonic"

// Verdict is what the agreement says about one source.
type Verdict int

const (
	Undecided   Verdict = iota // nothing to hold it against yet
	Unheard                    // has not answered in this epoch
	Truechimer                 // its interval meets the agreed region
	Falseticker                // its interval excludes the agreed region
	Convicted                  // its own facts exclude each other
)

// updateVerdicts gives every source its verdict.
func (d *Discipline) updateVerdicts(now monotonic.Instant) {
	for i := range d.sources {
		s := &d.sources[i]
		said := s.window.at(now, &d.motion)
		switch {
		case s.convicted:
			s.verdict = Convicted
		case s.window.filled == 0:
			s.verdict = Unheard
		case !d.answer:
			s.verdict = Undecided
		case d.region.Meets(said.Intersect(d.motion.at(d.fused, now))):
			s.verdict = Truechimer
		default:
			s.verdict = Falseticker
		}
	}
}

// Verdict returns the verdict on source i after the last sample.
func (d *Discipline) Verdict(i int) Verdict { return d.sources[i].verdict }
