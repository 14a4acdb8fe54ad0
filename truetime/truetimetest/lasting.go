package truetimetest

import (
	"fmt"
	"math"
	"time"

	"github.com/epsilontime/epsilon/internal/published"
	"github.com/epsilontime/epsilon/truetime"
	"github.com/epsilontime/epsilon/truetime/internal/engine"
)

// lasting is what readers in other processes of a machine would go by, if it published its clock to them: package
// hostclock. What they have holds for ever, whether or not they ever get the next publication.
type lasting struct {
	epoch   uint64
	current published.Lines
	answers bool
	held    []held // by readers who have got no other since
	count   int    // of publications in this epoch
	stride  int    // of those that are held
	checks  int    // each of which looks at the current one and at one that is held

	earliest, earliestTAI int64 // as Check has seen them
}

type held struct {
	published.Lines
	number int
}

// publish takes note of an answer. Some, spread over the whole epoch, are held for its rest.
func (l *lasting) publish(a *engine.Answer) {
	lines, answers := a.Lasting()
	if a.Epoch != l.epoch {
		*l = lasting{epoch: a.Epoch, stride: 16, earliest: math.MinInt64, earliestTAI: math.MinInt64}
	}
	l.answers = answers
	if !answers {
		return
	}
	if l.count > 0 {
		lines.Shown.KeepLower(&l.current.Shown)
		if lines.TAIKnown && l.current.TAIKnown {
			lines.TAI.KeepLower(&l.current.TAI)
		}
	}
	l.current = lines
	const most = 24
	if l.count++; l.count%l.stride == 1 {
		l.held = append(l.held, held{lines, l.count})
	}
	if len(l.held) == most {
		for i := range most / 2 {
			l.held[i] = l.held[2*i]
		}
		l.held, l.stride = l.held[:most/2], 2*l.stride
	}
}

// checkLasting returns an error unless the publication and one of those that are held contain true time, every line that is published ends,
// and Earliest has not gone back for a reader who gets them all.
func (m *Machine) checkLasting() error {
	l, w := &m.lasting, m.world
	if !l.answers {
		return nil
	}
	if p := &l.current; !p.Shown.Lower.Ends || !p.Shown.Upper.Ends || p.TAIKnown && !(p.TAI.Lower.Ends && p.TAI.Upper.Ends) {
		return fmt.Errorf("seed %d, %s after %v: a line of publication %d has no end, so that nobody can read it", w.seed, m.name, w.elapsed(), l.count)
	}
	raw := uint64(m.read())
	l.checks++
	for _, p := range []held{{l.current, l.count}, l.held[l.checks%len(l.held)]} {
		lo, hi, ok := p.Shown.Late(raw)
		if floor, ceil := w.shown(truetime.ScaleUTCSmeared); !ok || lo > int64(floor) || hi < int64(ceil) {
			return fmt.Errorf("seed %d, %s after %v: publication %d of %d says %d to %d (%v), and true time is %v: it is wrong by %v",
				w.seed, m.name, w.elapsed(), p.number, l.count, lo, hi, ok, w.truth(), time.Duration(max(lo-int64(floor), int64(ceil)-hi)))
		}
		if !p.TAIKnown {
			continue
		}
		lo, hi, ok = p.TAI.Late(raw)
		if floor, ceil := w.shown(truetime.ScaleTAI); !ok || hi <= p.TAIUntil && (lo > int64(floor) || hi < int64(ceil)) {
			return fmt.Errorf("seed %d, %s after %v: publication %d of %d says %d to %d (%v) in TAI, which is %v", w.seed, m.name, w.elapsed(), p.number, l.count, lo, hi, ok, floor)
		}
	}
	lo, _, _ := l.current.Shown.Late(raw)
	if lo < l.earliest {
		return fmt.Errorf("seed %d, %s after %v: Earliest of what is published went back from %d to %d", w.seed, m.name, w.elapsed(), l.earliest, lo)
	}
	l.earliest = lo
	if !l.current.TAIKnown {
		return nil
	}
	lo, hi, _ := l.current.TAI.Late(raw)
	if hi > l.current.TAIUntil {
		return nil
	}
	if lo < l.earliestTAI {
		return fmt.Errorf("seed %d, %s after %v: Earliest in TAI of what is published went back from %d to %d", w.seed, m.name, w.elapsed(), l.earliestTAI, lo)
	}
	l.earliestTAI = lo
	return nil
}
