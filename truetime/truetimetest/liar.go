package truetimetest

import (
	"time"

	"github.com/epsilontime/epsilon/truetime"
)

// A lie is a behaviour that moves both stamps of a reply.
type lie struct {
	claim time.Duration
	at    func(q Query, truth truetime.Time) truetime.Time
}

func (b lie) Answer(q Query) (Reply, bool) {
	return Reply{Received: b.at(q, q.Received), Sent: b.at(q, q.Sent), Claim: b.claim, Leap: q.Leap}, true
}

// Offset is wrong by the same amount always. Several of them with one amount are a conspiracy.
func Offset(by, claim time.Duration) Behavior {
	return lie{claim, func(_ Query, truth truetime.Time) truetime.Time { return truth.Add(by) }}
}

// Drifting is right when the world begins and walks away from there by ppm, up to limit, where it
// turns around. Every single step of it looks plausible.
func Drifting(ppm float64, limit, claim time.Duration) Behavior {
	return lie{claim, func(q Query, truth truetime.Time) truetime.Time {
		period := 4 * float64(limit) // of a triangle wave
		way := float64(truth.Sub(q.World.start)) * ppm * 1e-6
		way -= period * float64(int64(way/period))
		switch {
		case way > 3*float64(limit):
			way -= period
		case way > float64(limit):
			way = 2*float64(limit) - way
		}
		return truth.Add(time.Duration(way))
	}}
}

// Edge claims to be nearly perfect and tells a time at an end of what every honest server allows,
// so that its interval touches all of theirs and the greatest overlap is where the truth is not.
func Edge(upper bool, claim time.Duration) Behavior {
	return lie{claim, func(q Query, truth truetime.Time) truetime.Time {
		common, ok := intersection(q.Honest)
		switch {
		case !ok:
			return truth
		case upper:
			return common.Latest
		default:
			return common.Earliest
		}
	}}
}

// Inside claims to be nearly perfect and tells a time well inside of what every honest server allows
// that is not the truth: part of the way, 0 to 1, from the truth to the farther end.
func Inside(part float64, claim time.Duration) Behavior {
	return lie{claim, func(q Query, truth truetime.Time) truetime.Time {
		common, ok := intersection(q.Honest)
		if !ok {
			return truth
		}
		end := common.Latest
		if truth.Sub(common.Earliest) > common.Latest.Sub(truth) {
			end = common.Earliest
		}
		return truth.Add(time.Duration(part * float64(end.Sub(truth))))
	}}
}

func intersection(all []truetime.Interval) (truetime.Interval, bool) {
	if len(all) == 0 {
		return truetime.Interval{}, false
	}
	common := all[0]
	for _, i := range all[1:] {
		common.Earliest, common.Latest = max(common.Earliest, i.Earliest), min(common.Latest, i.Latest)
	}
	return common, common.Earliest <= common.Latest
}

// Pull tells a time just beyond what the machine's clock answers, to draw the clock after it.
func Pull(beyond, claim time.Duration) Behavior {
	return lie{claim, func(q Query, truth truetime.Time) truetime.Time {
		if !q.Answered {
			return truth
		}
		return q.Answer.Latest.Add(beyond)
	}}
}

// TwoFaced is ahead for one half of the machines and behind for the other.
func TwoFaced(by, claim time.Duration) Behavior {
	return lie{claim, func(q Query, truth truetime.Time) truetime.Time {
		if q.Machine.index%2 == 1 {
			return truth.Add(-by)
		}
		return truth.Add(by)
	}}
}

// Stale tells the time that it was so long ago, as one who replays old replies does.
func Stale(age, claim time.Duration) Behavior { return Offset(-age, claim) }

// Frozen tells the same time again and again for as long as hold, and then the truth once.
func Frozen(hold, claim time.Duration) Behavior {
	var stands truetime.Time
	return lie{claim, func(_ Query, truth truetime.Time) truetime.Time {
		if stands.IsZero() || truth.Sub(stands) > hold {
			stands = truth
		}
		return stands
	}}
}

// Anywhere tells any time within reach of the truth.
func Anywhere(reach, claim time.Duration) Behavior {
	return lie{claim, func(q Query, truth truetime.Time) truetime.Time {
		return truth.Add(time.Duration(q.World.rng.Int64N(2*int64(reach)+1)) - reach)
	}}
}

// Backwards claims to have held the request for longer than the whole exchange took, so that the
// round-trip delay comes out negative.
func Backwards(by, claim time.Duration) Behavior { return backwards{by, claim} }

type backwards struct{ by, claim time.Duration }

func (b backwards) Answer(q Query) (Reply, bool) {
	return Reply{Received: q.Received.Add(-b.by), Sent: q.Sent.Add(b.by), Claim: b.claim, Leap: q.Leap}, true
}

// Turncoat behaves in one way for some time, then in another.
func Turncoat(before Behavior, until time.Duration, then Behavior) Behavior {
	return turncoat{before, then, until}
}

type turncoat struct {
	before, then Behavior
	until        time.Duration
}

func (b turncoat) honest() bool { return isHonest(b.before) && isHonest(b.then) }

func (b turncoat) Answer(q Query) (Reply, bool) {
	if q.World.Elapsed() < b.until {
		return b.before.Answer(q)
	}
	return b.then.Answer(q)
}

// Silent leaves that part of the queries, 0 to 1, without an answer, and answers the others as b does:
// Silent(b, 0.9) answers one of ten.
func Silent(b Behavior, part float64) Behavior { return partly{b, part} }

type partly struct {
	Behavior
	silent float64
}

func (b partly) honest() bool { return isHonest(b.Behavior) }

func (b partly) Answer(q Query) (Reply, bool) {
	if q.World.rng.Float64() >= 1-b.silent {
		return Reply{}, false
	}
	return b.Behavior.Answer(q)
}
