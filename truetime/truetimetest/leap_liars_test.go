package truetimetest

import (
	"time"

	"github.com/epsilontime/epsilon/truetime"
)

// pretends that there is a leap second before midnight that there is not, or not the one that there is.
type pretends struct {
	claim    time.Duration
	midnight time.Time
	by       time.Duration
	silent   bool
}

func (b pretends) Answer(q Query) (Reply, bool) {
	since := q.Sent.Sub(truetime.FromStd(b.midnight))
	part := 0.0
	switch {
	case b.scaleOf(q) == truetime.ScaleUTCSmeared:
		part = min(max(float64(since+12*time.Hour)/float64(24*time.Hour), 0), 1)
	case since > 0:
		part = 1
	}
	by := time.Duration(part * float64(b.by))
	say := truetime.LeapInsert
	if b.by > 0 {
		say = truetime.LeapDelete
	}
	if b.silent {
		say = truetime.LeapUnknown
	}
	return Reply{Received: q.Received.Add(by), Sent: q.Sent.Add(by), Claim: b.claim, Leap: say}, true
}

// scaleOf is the one in which the query counts, told by how far it is from the truth.
func (b pretends) scaleOf(q Query) truetime.Scale {
	for _, l := range q.Machine.config.Sources {
		if x, ok := l.Server.behavior.(liar); ok && x.Behavior == Behavior(b) {
			return l.Server.scale
		}
	}
	return truetime.ScaleUTC
}

// quietly announces nothing.
type quietly struct{ Behavior }

func (b quietly) honest() bool { return isHonest(b.Behavior) }
func (b quietly) Answer(q Query) (Reply, bool) {
	r, ok := b.Behavior.Answer(q)
	r.Leap = truetime.LeapUnknown
	return r, ok
}
