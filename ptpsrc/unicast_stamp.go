package ptpsrc

import (
	"github.com/epsilontime/epsilon/internal/wallclock"
	"github.com/epsilontime/epsilon/monotonic"
)

// wallSystem is what of the system has to do with its wall clock.
type wallSystem interface {
	// The first reading of a bracket, and the last one.
	readFirst(monotonic.Counter) (wallclock.Reading, error)
	readLast(monotonic.Counter) (wallclock.Reading, error)
	watch() (wallWatch, error)
}

// wallWatch notices when the wall clock is set.
type wallWatch interface{ WasSet() bool }

// wallMemory is what a source keeps of the wall clock from one poll to the next: how the kernel is
// steered counts only if an earlier look, under the same watch, has found it so.
type wallMemory struct {
	watch wallWatch
	told  wallclock.Steering // at the last look
}

// wallBracket turns the kernel's stamps of messages that come and go from now on, which are of the
// wall clock, into readings of the counter: see package wallclock.
type wallBracket struct {
	system  wallSystem
	counter monotonic.Counter
	first   wallclock.Reading
	watch   wallWatch // nil: stamps cannot be used
	told    *wallclock.Steering
	drift   float64 // of the counter, ppm
}

func watchWall(system wallSystem, counter monotonic.Counter, driftPPM float64, memory *wallMemory) wallBracket {
	if memory.watch == nil || memory.watch.WasSet() {
		watch, err := system.watch()
		if err != nil {
			return wallBracket{}
		}
		*memory = wallMemory{watch: watch}
	}
	b := wallBracket{system: system, counter: counter, watch: memory.watch, told: &memory.told, drift: driftPPM}
	if b.first = b.readAgain(); b.first == (wallclock.Reading{}) {
		return wallBracket{}
	}
	return b
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

// steady reports whether nobody has set the wall clock between two readings.
func (b wallBracket) steady(bracket wallclock.Bracket) bool {
	_, ok := bracket.Stepped()
	return ok && !b.watch.WasSet()
}

// arrived returns a reading that the counter had not passed before the message came, and who says
// so.
func (b wallBracket) arrived(m arrival) (monotonic.Instant, witness) {
	if b.watch == nil || m.stamp == 0 {
		return m.at, byProgram
	}
	bracket := wallclock.Bracket{First: b.first, Last: m.wall, DriftPPM: b.drift}
	if !b.steady(bracket) {
		return m.at, byProgramAlone
	}
	at, ok := bracket.NotAfter(m.stamp)
	if !ok {
		return m.at, byProgram // it came before this poll began
	}
	return min(at, m.at), byKernel
}

// readAgain reads the clocks just before a message is sent: a stamp is worth more if the reading
// before it is recent. The reading is empty if that fails.
func (b wallBracket) readAgain() wallclock.Reading {
	if b.watch == nil {
		return wallclock.Reading{}
	}
	reading, err := b.system.readFirst(b.counter)
	if err != nil {
		return wallclock.Reading{}
	}
	reading.Steering = reading.Steering.After(*b.told)
	*b.told = reading.Steering
	return reading
}

// left returns a reading that the counter had reached when a message left, and who says so. Its
// stamp, 0 if it has none, may only make that later than the program's own reading, of before it
// was sent: sound is what is not after the message left, and the upper fact of a sample grows by
// what it is before.
func (b wallBracket) left(d *departure, stamp int64) (monotonic.Instant, witness) {
	if b.watch == nil || stamp == 0 || d.wall == (wallclock.Reading{}) {
		return d.at, byProgram
	}
	last, err := b.system.readLast(b.counter)
	if err != nil {
		return d.at, byProgram
	}
	bracket := wallclock.Bracket{First: d.wall, Last: last, DriftPPM: b.drift}
	if !b.steady(bracket) {
		return d.at, byProgramAlone
	}
	at, ok := bracket.NotBefore(stamp)
	if !ok {
		return d.at, byProgram
	}
	return max(at, d.at), byKernel
}
