package daemon

import (
	"slices"
	"time"

	"github.com/epsilontime/epsilon/truetime"
)

// retired is a clock that another one has replaced. It knows what ε was until then.
type retired struct {
	clock       *truetime.Clock
	from, until time.Time // when it was in use, by Go's clock: no bound follows from it
}

// remembered is how far back anybody asks for a peak, and so how long a clock that was replaced is kept.
const remembered = time.Hour

// retireLocked keeps a clock that has just been replaced.
func (d *Daemon) retireLocked(old *truetime.Clock) {
	now := time.Now()
	from := d.inUseSinceLocked()
	d.retired = slices.DeleteFunc(d.retired, func(r retired) bool { return now.Sub(r.until) > remembered })
	d.retired = append(d.retired, retired{old, from, now})
}

// inUseSinceLocked is since when the clock in use is.
func (d *Daemon) inUseSinceLocked() time.Time {
	if n := len(d.retired); n > 0 {
		return d.retired[n-1].until
	}
	return d.started
}

// Peak returns the largest ε of the window, whichever clock answered. What one of them had before it was used does not
// count.
func (d *Daemon) Peak(window time.Duration) (peak time.Duration, bounded bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	peak, bounded = d.current.Load().clock.Peak(min(window, time.Since(d.inUseSinceLocked())))
	for _, r := range slices.Backward(d.retired) {
		if time.Since(r.until) > window {
			break
		}
		before, ok := r.clock.Peak(min(window, time.Since(r.from)))
		peak, bounded = max(peak, before), bounded && ok
	}
	return peak, bounded
}

// Changed is that of the clock in use, which is closed too when another one takes its place.
func (d *Daemon) Changed() <-chan struct{} {
	_, changed, _ := d.watch()
	return changed
}

// Distribution is that of the clock in use, since it was made.
func (d *Daemon) Distribution() truetime.Distribution { return d.current.Load().clock.Distribution() }
