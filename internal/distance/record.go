package distance

import (
	"fmt"
	"sync"
	"time"

	"github.com/epsilontime/epsilon/internal/perclock"
	"github.com/epsilontime/epsilon/monotonic"
	"github.com/epsilontime/epsilon/truetime"
)

// requalify is how many exchanges in a row have to fit a claim that was disproved before it counts
// again.
//
// A claim about where a machine stands does not become true because the network is congested and the
// round trip long. Without this, samples of a source with a false claim would be refused when the
// network is idle and believed when it is not. But an exchange can also look too short because the
// machine was suspended meanwhile, so a disproof is not for ever. A source that fails is asked every few
// minutes by default: 16 of these are an hour.
const requalify = 16

// Record is what a source remembers of its claim from poll to poll, for each counter by itself: what a
// counter that stands still seems to show must not be held against the source by another clock. The
// zero Record is ready for use, also by several goroutines.
type Record struct {
	mu sync.Mutex
	of perclock.Memory[history]
}

// history is what exchanges by one counter have shown.
type history struct {
	disproof error // the last one, until requalify exchanges in a row have fitted since
	fitted   int   // exchanges in a row since then
}

// Check returns an error if the claim is not to be used for an exchange whose two messages took no
// longer than roundTrip together: because that disproves it, or because others have done so lately.
func (r *Record) Check(c Claim, counter monotonic.Counter, roundTrip time.Duration) error {
	if c.MinDelay() == 0 {
		return nil
	}
	now := c.disproof(roundTrip)
	r.mu.Lock()
	defer r.mu.Unlock()
	h := r.of.Of(counter)
	switch {
	case now != nil:
		h.disproof, h.fitted = now, 0
		return now
	case h.fitted == requalify:
		h.disproof, h.fitted = nil, 0
	}
	if h.disproof == nil {
		return nil
	}
	h.fitted++
	return fmt.Errorf("%w (that was in an earlier exchange; the claim counts again after %d in a row that fit it, of which there were %d)", h.disproof, requalify, h.fitted)
}

// Narrow returns a sample by the counter with what follows for it from a claim; MinDelay says that it
// does. The sample is of a request and its reply as those of NTP, in the given scale, and slack is by
// how much longer than the counter has shown they may have taken.
func (r *Record) Narrow(c Claim, counter monotonic.Counter, s truetime.Sample, scale truetime.Scale, slack time.Duration) (truetime.Sample, error) {
	if err := r.Check(c, counter, underWay(s, scale, slack)); err != nil {
		return truetime.Sample{}, err
	}
	m := c.in(scale)
	s.Latest, s.Earliest, s.MinDelay = s.Latest.Add(-m), s.Earliest.Add(m), m
	return s, nil
}

// underWay is the longest that a request and its reply can have been under way together.
func underWay(s truetime.Sample, scale truetime.Scale, slack time.Duration) time.Duration {
	held := max(s.Earliest.Sub(s.Latest), 0) // T3 − T2 − 2E
	if scale == truetime.ScaleUTCSmeared {
		held -= (held + smearedDay - 1) / smearedDay // a second may be removed, and then it counts too much
	}
	return s.Received.Sub(s.Sent) + slack - held
}
