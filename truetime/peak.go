package truetime

import (
	"time"

	"github.com/epsilontime/epsilon/internal/histogram"
	"github.com/epsilontime/epsilon/truetime/internal/peaks"
)

// Peak returns the largest ε that there has been in the window of time that ends now, by the local counter. ε grows until it
// falls with a new sample, and this is told at each such moment: nothing between two calls is missed, however short it was.
// [WithMaxUncertainty] makes no difference to it.
//
// It is not bounded if there was a moment of the window without any answer, as there is after a disruption. What
// is more than an hour ago is not known, and the time before the clock was made does not count, nor does the
// time after it was closed.
func (c *Clock) Peak(window time.Duration) (peak time.Duration, bounded bool) {
	if !c.made() {
		return 0, false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	now, current := c.counter.Now(), time.Duration(0)
	if c.state != Closed {
		current = c.uncertainty(c.published.Load())
	}
	if peak = c.peaks.Peak(now, current, window); peak == peaks.None {
		return 0, false
	}
	return peak, true
}

// Distribution is how many of some durations were how long.
type Distribution struct {
	Bounds []time.Duration // rising
	Counts []uint64        // of those up to each bound and above the one before; the last are those above all
	Sum    time.Duration   // of all that are known
}

// Distribution returns how large ε has been since the clock was made: the largest of each second of the local counter, up to the last
// one that is over. A second with a moment without an answer counts as above every bound, and is not in the sum.
func (c *Clock) Distribution() Distribution {
	d := Distribution{Bounds: histogram.Bounds()}
	if !c.made() {
		d.Counts = make([]uint64, len(d.Bounds)+1)
		return d
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	d.Counts, d.Sum = c.peaks.Distribution()
	return d
}

// uncertainty is the ε of an answer by now, however wide it is; [peaks.None] if there is none.
func (c *Clock) uncertainty(a *answer) time.Duration {
	earliest, latest, ok := a.Late(c.reading(a))
	if !ok {
		return peaks.None
	}
	return Interval{Time(earliest), Time(latest)}.Uncertainty()
}

// endedLocked remembers what an answer had grown to that has been replaced by another one.
func (c *Clock) endedLocked(before, after *answer) {
	grown := c.uncertainty(before)
	c.peaks.Ended(c.counter.Now(), grown)
	c.refusals.see(before.refusalAt(grown))
	c.refusals.see(after.refusalAt(c.uncertainty(after)))
}
