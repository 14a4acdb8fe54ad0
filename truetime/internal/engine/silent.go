package engine

import "github.com/epsilontime/epsilon/truetime/internal/discipline"

// Verdict combines what the agreement says about a source with how its last polls went.
type Verdict uint8

// The verdicts.
const (
	Undecided Verdict = iota
	Truechimer
	Falseticker
	Silent
	Convicted
	VerdictUnusable
)

// lately is the last three polls: one or two lost datagrams are no silence.
const lately = 0b111

func (s *source) answersLately() bool { return !s.denied && s.reach&lately != 0 }

// Verdict returns the verdict on source i.
func (e *Engine) Verdict(i int) Verdict {
	s := &e.sources[i]
	if !s.answersLately() {
		if s.outcome == Unusable || s.outcome == SlowDown || s.outcome == Denied {
			return VerdictUnusable
		}
		return Silent
	}
	switch e.discipline.Verdict(i) {
	case discipline.Truechimer:
		return Truechimer
	case discipline.Falseticker:
		return Falseticker
	case discipline.Convicted:
		return Convicted
	default:
		return Undecided
	}
}
