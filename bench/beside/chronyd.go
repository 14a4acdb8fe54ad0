package main

import (
	"math"
	"time"

	"github.com/facebook/time/ntp/chrony"
)

// chronyd is what a chronyd has said, added up.
type chronyd struct {
	bounds                           series
	wrong                            int
	offsets, dispersions, halfDelays time.Duration
}

// read adds the bound that ClockBound 2 makes of what chronyd says (chronyd_snapshot_poller.rs): |current
// correction| + root dispersion + root delay / 2. chronyd states the dispersion for the moment of
// the request (reference.c, REF_GetTrackingReport), so nothing is to be added for its age. ClockBound's client adds the drift since its daemon
// asked chronyd last, 0 to 1 s ago: that is left out, in chronyd's favour.
//
// Under -x the system clock is never corrected, and the correction stays where a real one is soon
// slewed away. Then the last offset is nearer to what ClockBound would see, so the smaller of the two
// is taken: in doubt in chronyd's favour.
//
// The current correction is also by how much chronyd is wrong: it says how far from the host's clock true time is, and here the host's clock is
// true time. If that is more than dispersion and half the delay, what it says is wrong.
func (s *chronyd) read(c *command, b *bed, block int) {
	reply, err := b.daemon.Communicate(chrony.NewTrackingPacket())
	if err != nil {
		c.Fatalf("tracking of chronyd on the bed %s: %v", b.name, err)
	}
	t, ok := reply.(*chrony.ReplyTracking)
	if !ok || t.LeapStatus > 2 {
		c.Fatalf("chronyd on the bed %s is not synchronized: %+v", b.name, reply)
	}
	duration := func(seconds float64) time.Duration { return time.Duration(math.Round(seconds * 1e9)) }
	correction := duration(t.CurrentCorrection).Abs()
	dispersion, halfDelay := duration(t.RootDispersion), duration(t.RootDelay/2)
	offset := min(duration(t.LastOffset).Abs(), correction)
	s.bounds.add(block, offset+dispersion+halfDelay)
	s.offsets += offset
	s.dispersions += dispersion
	s.halfDelays += halfDelay
	if correction > dispersion+halfDelay {
		s.wrong++
	}
}

func mean(sum time.Duration, n int) time.Duration { return sum / time.Duration(max(n, 1)) }
