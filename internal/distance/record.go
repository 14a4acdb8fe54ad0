package distance

import (
	"fmt"
	"sync"
	"time"

	"github.com/epsilontime/epsilon/truetime"
)

// requalify is how many exchanges in a row have to fit a claim that was disproved twice before it
// counts again.
//
// A claim about where a machine stands does not become true because the network is congested and the
// round trip long. Without this, samples of a source with a false claim would be refused when the
// network is idle and believed when it is not. But an exchange can also look too short because the
// machine was suspended meanwhile, so a single disproof costs that one sample, and two are not for
// ever. A source that fails is asked every few minutes by default: 16 of these are an hour.
const requalify = 16

// Record is what a source remembers of its claim from poll to poll. The zero Record is ready for
// use, also by several goroutines.
type Record struct {
	mu       sync.Mutex
	disproof error // the last one, until requalify exchanges in a row have fitted since
	fitted   int   // exchanges in a row since then
	twice    bool  // there was another one before
}

// Check returns an error if the claim is not to be used for an exchange whose two messages took no
// longer than roundTrip together: because that disproves it, or because others have done so lately.
func (r *Record) Check(c Claim, roundTrip time.Duration) error {
	if c.MinDelay() == 0 {
		return nil
	}
	now := c.disproof(roundTrip)
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case now != nil:
		r.twice = r.disproof != nil
		r.disproof, r.fitted = now, 0
		return now
	case r.fitted == requalify:
		r.disproof, r.fitted = nil, 0
	}
	if r.disproof == nil {
		return nil
	}
	if r.fitted++; !r.twice {
		return nil
	}
	return fmt.Errorf("%w (that was in an earlier exchange, and not the only one; the claim counts again after %d in a row that fit it, of which there were %d)", r.disproof, requalify, r.fitted)
}

// Narrow returns a sample with what follows for it from a claim, and with it as a mark that it does.
// The sample is of a request and its reply as those of NTP, in the given scale, and slack is by how
// much longer than the counter has shown they may have taken.
func (r *Record) Narrow(c Claim, s truetime.Sample, scale truetime.Scale, slack time.Duration) (truetime.Sample, error) {
	if err := r.Check(c, underWay(s, scale, slack)); err != nil {
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
