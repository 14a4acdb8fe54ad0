// Package peaks remembers how large something has been that grows until it is replaced, as ε does: the largest in
// any window that ends now, and how the largest of each second were distributed. What it is told of is the value at the end of each growth,
// so nothing between two looks at it is missed.
package peaks

import (
	"math"
	"slices"
	"time"

	"github.com/epsilontime/epsilon/internal/histogram"
	"github.com/epsilontime/epsilon/monotonic"
)

// None stands for a moment at which there was no value: it is larger than any.
const None = time.Duration(math.MaxInt64)

// Memory is the longest window.
const Memory = time.Hour

// capacity bounds the memory. Where more is to be remembered, neighbours are taken together: the largest of the
// older until the end of the newer.
const capacity = 128

// end is how large something was when it was replaced.
type end struct {
	at    monotonic.Instant
	value time.Duration
}

// Peaks is made by its zero value, and begins with the first Ended.
type Peaks struct {
	ends []end // of which each is larger than those after it
	last monotonic.Instant

	second int64         // the one that worst belongs to
	worst  time.Duration // of this second, so far
	begun  bool

	counts [histogram.Buckets]uint64
	sum    time.Duration
}

// Ended says that something had grown to value, [None] if there was nothing, when it was replaced or looked at.
func (p *Peaks) Ended(at monotonic.Instant, value time.Duration) {
	at = max(at, p.last) // a counter may go back; what has been stays
	p.last = at
	p.count(at, value)
	for len(p.ends) > 0 && p.ends[len(p.ends)-1].value <= value {
		p.ends = p.ends[:len(p.ends)-1]
	}
	if stale := slices.IndexFunc(p.ends, func(e end) bool { return at.Sub(e.at) <= Memory }); stale != 0 {
		if stale < 0 {
			stale = len(p.ends)
		}
		p.ends = slices.Delete(p.ends, 0, stale)
	}
	if len(p.ends) == capacity {
		p.ends = halved(p.ends)
	}
	p.ends = append(p.ends, end{at, value})
}

// halved takes neighbours together.
func halved(ends []end) []end {
	for i := 0; i < len(ends)/2; i++ {
		ends[i] = end{ends[2*i+1].at, ends[2*i].value}
	}
	return ends[:len(ends)/2]
}

// count adds the largest of each second that is over to the distribution.
func (p *Peaks) count(at monotonic.Instant, value time.Duration) {
	second := int64(at) / int64(time.Second)
	if !p.begun {
		p.begun, p.second = true, second
	}
	if second == p.second {
		p.worst = max(p.worst, value)
		return
	}
	// What has ended now has been growing since the last end: no second in between has had a larger one.
	worst := max(p.worst, value)
	p.counts[histogram.Bucket(worst)] += uint64(second - p.second)
	if worst != None {
		p.sum += worst * time.Duration(second-p.second)
	}
	p.second, p.worst = second, value
}

// Peak returns the largest in the window that ends at now, when it is value: [None] if there was none at some moment.
func (p *Peaks) Peak(now monotonic.Instant, value time.Duration, window time.Duration) time.Duration {
	for _, e := range p.ends {
		if max(now, p.last).Sub(e.at) <= window {
			return max(e.value, value)
		}
	}
	return value
}

// Distribution returns how many seconds had their largest in each bucket of package histogram, those with a moment
// without any in the last one, and the sum over the others.
func (p *Peaks) Distribution() (counts []uint64, sum time.Duration) {
	return slices.Clone(p.counts[:]), p.sum
}
