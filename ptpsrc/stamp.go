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

// wallBracket turns the kernel's stamps of messages that come in from now on, which are of the wall clock, into
// readings of the counter: see package wallclock.
type wallBracket struct {
	first wallclock.Look
	watch wallWatch // nil: stamps cannot be used
}

func watchWall(system wallSystem, counter monotonic.Counter) wallBracket {
	watch, err := system.watch()
	if err != nil {
		return wallBracket{}
	}
	first, err := system.look(counter)
	if err != nil {
		return wallBracket{}
	}
	return wallBracket{first, watch}
}

// How a Sync was stamped, for SourceStatus.
const (
	stampedByProgram  = "program"
	stampedByKernel   = "kernel, receive only"
	stampedUnsteadily = "program, as the wall clock was set or ran off meanwhile"
)

// arrived returns a reading that the counter had not passed before the message came, and who says so.
func (b wallBracket) arrived(m arrival) (monotonic.Instant, string) {
	if b.watch == nil || m.stamp == 0 {
		return m.at, stampedByProgram
	}
	bracket := wallclock.Bracket{First: b.first, Last: m.look}
	if _, steady := bracket.Stepped(); !steady || b.watch.WasSet() {
		return m.at, stampedUnsteadily
	}
	at, ok := bracket.NotAfter(m.stamp)
	if !ok {
		return m.at, stampedByProgram // it came before this source began to look
	}
	return min(at, m.at), stampedByKernel
}
