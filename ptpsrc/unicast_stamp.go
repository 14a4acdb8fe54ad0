package ptpsrc

import (
	"github.com/epsilontime/epsilon/internal/wallclock"
	"github.com/epsilontime/epsilon/monotonic"
)

// wallSystem is what of the system has to do with its wall clock.
type wallSystem interface {
	look(monotonic.Counter) (wallclock.Look, error)
	watch() (wallWatch, error)
}

// wallWatch notices when the wall clock is set.
type wallWatch interface{ WasSet() bool }

// wallBracket turns the kernel's stamps of messages that come and go from now on, which are of the
// wall clock, into readings of the counter: see package wallclock.
type wallBracket struct {
	system  wallSystem
	counter monotonic.Counter
	first   wallclock.Look
	watch   wallWatch // nil: stamps cannot be used
	drift   float64   // of the counter, ppm
}

func watchWall(system wallSystem, counter monotonic.Counter, driftPPM float64) wallBracket {
	watch, err := system.watch()
	if err != nil {
		return wallBracket{}
	}
	first, err := system.look(counter)
	if err != nil {
		return wallBracket{}
	}
	return wallBracket{system, counter, first, watch, driftPPM}
}

// witness is who says when a message came or left.
type witness int

const (
	byProgram witness = iota
	byKernel
	byProgramAlone // as the wall clock was set or ran off
)

func stampedBy(received, sent witness) string {
	switch {
	case received == byKernel && sent == byKernel:
		return wallclock.StampedByKernel
	case received == byKernel:
		return wallclock.StampedReceive
	case sent == byKernel:
		return wallclock.StampedTransmit
	case received == byProgramAlone || sent == byProgramAlone:
		return wallclock.StampedUnsteadily
	default:
		return wallclock.StampedByProgram
	}
}

// steady reports whether nobody has set the wall clock between two looks.
func (b wallBracket) steady(looks wallclock.Bracket) bool {
	_, ok := looks.Stepped()
	return ok && !b.watch.WasSet()
}

// arrived returns a reading that the counter had not passed before the message came, and who says
// so.
func (b wallBracket) arrived(m arrival) (monotonic.Instant, witness) {
	if b.watch == nil || m.stamp == 0 {
		return m.at, byProgram
	}
	looks := wallclock.Bracket{First: b.first, Last: m.look, DriftPPM: b.drift}
	if !b.steady(looks) {
		return m.at, byProgramAlone
	}
	at, ok := looks.NotAfter(m.stamp)
	if !ok {
		return m.at, byProgram // it came before this source began to look
	}
	return min(at, m.at), byKernel
}

// lookAgain looks at the clocks before a message is sent: what a stamp says is the sharper the
// shorter the way to it from a look. It is empty if that fails.
func (b wallBracket) lookAgain() wallclock.Look {
	if b.watch == nil {
		return wallclock.Look{}
	}
	look, err := b.system.look(b.counter)
	if err != nil {
		return wallclock.Look{}
	}
	return look
}

// left returns a reading that the counter had reached when a message left, and who says so. Its
// stamp, 0 if it has none, may only make that later than the program's own reading, of before it
// was sent: sound is what is not after the message left, and the upper fact of a sample grows by
// what it is before.
func (b wallBracket) left(d *departure, stamp int64) (monotonic.Instant, witness) {
	if b.watch == nil || stamp == 0 || d.look == (wallclock.Look{}) {
		return d.at, byProgram
	}
	last, err := b.system.look(b.counter)
	if err != nil {
		return d.at, byProgram
	}
	looks := wallclock.Bracket{First: d.look, Last: last, DriftPPM: b.drift}
	if !b.steady(looks) {
		return d.at, byProgramAlone
	}
	at, ok := looks.NotBefore(stamp)
	if !ok {
		return d.at, byProgram
	}
	return max(at, d.at), byKernel
}
