package discipline

import (
	"fmt"

	"github.com/epsilontime/epsilon/internal/invariants"
	"github.com/epsilontime/epsilon/monotonic"
)

// requalifySamples is how many samples in a row a convicted source must give without contradicting
// itself before it votes again. The first of them is the one that convicted it, and a server that is
// being stepped or restarted usually contradicts itself once or twice more.
const requalifySamples = 4

type source struct {
	window    window
	convicted bool
	fresh     int               // consistent samples since the conviction
	heard     monotonic.Instant // when the last sample was received, if any
	gained    gain              // on the counter, in this epoch, by its own facts: see [Discipline.stoodStill]
	verdict   Verdict
}

// use takes facts into a source's window, or convicts it if they exclude what it said before.
func (s *source) use(f Facts, m *motion) {
	s.forget(f.Lower.At)
	s.window.age(f.Lower.At)
	if s.window.contradicts(f, m) {
		*s = source{convicted: true}
	}
	s.gained.note(s.window.gains(f, m), f.Lower.At)
	s.window.insert(f, m)
	s.heard = f.Lower.At
	if s.convicted {
		s.fresh++
		s.convicted = s.fresh < requalifySamples
	}
	if invariants.Enabled {
		says := s.window.at(f.Lower.At, m)
		// One sample may contradict the counter's assumed stability by itself. It is not convicted for that.
		invariants.Check(m.stable || !says.Empty(), "what is kept of a source contradicts itself: %v", says)
		invariants.Check(!s.convicted || s.window.filled > 0 && s.fresh > 0, "a conviction without a sample")
	}
}

// said is what a source has said in this epoch, whoever spoke for it.
type said struct {
	something bool // a sample was used
	takenBack bool // and has been taken back: the answer may rest on it for as long as the epoch lasts
}

// Retract takes back what source i has said in this epoch: it follows from something that is false, and the source is
// one of those that are wrong. If more than f are, or have taken something back, the answer may have been made of
// nothing else, and the epoch ends.
func (d *Discipline) Retract(i int, now monotonic.Instant) {
	d.Observe(now)
	if !d.said[i].something {
		return
	}
	d.said[i].takenBack = true
	d.sources[i], d.shown[i] = source{convicted: true, heard: now, verdict: Convicted}, shownRate{}
	if wrong := d.wrongVoters(); wrong > d.faulty {
		d.Disrupt(now, Contradiction, fmt.Sprintf("%d voters, of which at most %d may be wrong, contradict themselves or have taken back what they said", wrong, d.faulty))
	}
}

// forget lifts a conviction that is older than what is remembered of anybody: the source has not
// answered since, and is now one that has not been heard. Otherwise a server that told one lie and
// died would count as wrong for ever, and leave that much less room for the others to be.
func (s *source) forget(now monotonic.Instant) {
	if s.convicted && now.Sub(s.heard) >= memory {
		*s = source{verdict: Unheard}
	}
}

// Forget forgets what source i has said. Its vote is that of one who has not been heard, until the next sample.
func (d *Discipline) Forget(i int) { d.sources[i], d.shown[i] = source{verdict: Unheard}, shownRate{} }

// Replace is Forget where from now on somebody else speaks for source i.
func (d *Discipline) Replace(i int) {
	d.Forget(i)
	d.stranger(i)
}
