package truetimetest

import (
	"time"

	"github.com/epsilontime/epsilon/truetime"
)

// honest marks the behaviours that keep their claim.
type honest interface{ honest() bool }

func isHonest(b Behavior) bool {
	h, ok := b.(honest)
	return ok && h.honest()
}

// Honest is within its claim at every stamp, and often at the very end of it.
func Honest(claim time.Duration) Behavior { return within{claim} }

type within struct{ claim time.Duration }

func (within) honest() bool { return true }

func (b within) Answer(q Query) (Reply, bool) {
	return Reply{Received: q.Received.Add(b.err(q)), Sent: q.Sent.Add(b.err(q)), Claim: b.claim, Leap: q.Leap}, true
}

// err draws the error of a stamp. The true times in a query are rounded down, by less than a
// nanosecond, so −claim itself would be too much.
func (b within) err(q Query) time.Duration {
	least := min(-b.claim+1, b.claim)
	switch rng := q.World.rng; rng.IntN(4) {
	case 0:
		return least
	case 1:
		return b.claim
	default:
		return least + time.Duration(rng.Int64N(int64(b.claim-least)+1))
	}
}

// Steady is off by the same error always, which is within its claim.
func Steady(err, claim time.Duration) Behavior {
	return steady{min(max(err, -claim+1), claim), claim}
}

type steady struct{ err, claim time.Duration }

func (steady) honest() bool { return true }

func (b steady) Answer(q Query) (Reply, bool) {
	return Reply{Received: q.Received.Add(b.err), Sent: q.Sent.Add(b.err), Claim: b.claim, Leap: q.Leap}, true
}

// WrongLeap is honest about the time and announces a leap second that will not come.
func WrongLeap(claim time.Duration) Behavior { return wrongLeap{within{claim}} }

type wrongLeap struct{ within }

func (b wrongLeap) Answer(q Query) (Reply, bool) {
	r, _ := b.within.Answer(q)
	r.Leap = truetime.LeapInsert
	return r, true
}

// DeniesLeap is honest about the time and announces none, whatever leap second is to come.
func DeniesLeap(claim time.Duration) Behavior { return deniesLeap{within{claim}} }

type deniesLeap struct{ within }

func (b deniesLeap) Answer(q Query) (Reply, bool) {
	r, _ := b.within.Answer(q)
	r.Leap = truetime.LeapNone
	return r, true
}

// Kiss answers with a kiss-o'-death: truetime.ErrSlowDown, truetime.ErrDenied or
// truetime.ErrUnusable.
func Kiss(kiss error) Behavior { return kissOfDeath{kiss} }

type kissOfDeath struct{ kiss error }

func (kissOfDeath) honest() bool                 { return true }
func (b kissOfDeath) Answer(Query) (Reply, bool) { return Reply{Kiss: b.kiss}, true }

// Dead never answers.
func Dead() Behavior { return dead{} }

type dead struct{}

func (dead) honest() bool               { return true }
func (dead) Answer(Query) (Reply, bool) { return Reply{}, false }

// Deserter is honest until the machine has its first answer, and silent from then on: the first
// answer may rest on it, and nothing after.
func Deserter(claim time.Duration) Behavior { return deserter{within{claim}} }

type deserter struct{ within }

func (b deserter) Answer(q Query) (Reply, bool) {
	if q.Answered {
		return Reply{}, false
	}
	return b.within.Answer(q)
}
