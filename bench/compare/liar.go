package main

import (
	"time"

	"github.com/epsilontime/epsilon/truetime/truetimetest"
)

// liar is what the last of the four servers does. Lies are about a few round trips, for what is far
// off is easily rejected.
type liar struct {
	name   string
	near   bool // it answers faster than the others, so that nothing widens its interval
	behave func(rtt time.Duration) truetimetest.Behavior
}

// claim is the error to which honest servers keep, and lie is what liars say theirs is.
const (
	claim = 20 * time.Microsecond
	lie   = time.Microsecond
)

// liars are all kinds that truetimetest has, but for those that to a single machine are one of these
// (TwoFaced is offset) and those that do not lie about time (WrongLeap, Kiss).
var liars = []liar{
	{name: "none"},
	{"silent", false, func(time.Duration) truetimetest.Behavior { return truetimetest.Deserter(claim) }},
	{"ahead", true, func(rtt time.Duration) truetimetest.Behavior { return truetimetest.Offset(5*rtt, lie) }},
	{"stale", true, func(rtt time.Duration) truetimetest.Behavior { return truetimetest.Stale(5*rtt, lie) }},
	{"drifting", true, func(rtt time.Duration) truetimetest.Behavior { return truetimetest.Drifting(1, 10*rtt, lie) }},
	{"edge", true, func(time.Duration) truetimetest.Behavior { return truetimetest.Edge(true, lie) }},
	{"lower edge", true, func(time.Duration) truetimetest.Behavior { return truetimetest.Edge(false, lie) }},
	{"inside", true, func(time.Duration) truetimetest.Behavior { return truetimetest.Inside(0.8, lie) }},
	{"pull", true, func(time.Duration) truetimetest.Behavior { return truetimetest.Pull(time.Microsecond, lie) }},
	{"frozen", true, func(time.Duration) truetimetest.Behavior { return truetimetest.Frozen(3*time.Minute, lie) }},
	{"anywhere", true, func(rtt time.Duration) truetimetest.Behavior { return truetimetest.Anywhere(5*rtt, lie) }},
	{"backwards", false, func(rtt time.Duration) truetimetest.Behavior { return truetimetest.Backwards(rtt*2/5, lie) }},
	{"turncoat", true, func(time.Duration) truetimetest.Behavior {
		return truetimetest.Turncoat(truetimetest.Honest(claim), time.Minute, truetimetest.Edge(true, lie))
	}},
}

// tape is a behaviour whose answers are kept, and given again in another world, word for word. Some liars
// look at the machine's own conclusions; with a tape all machines are told the same.
type tape struct {
	truetimetest.Behavior
	said   []said
	replay bool
}

type said struct {
	reply truetimetest.Reply
	ok    bool
}

// Answer implements truetimetest.Behavior.
func (t *tape) Answer(q truetimetest.Query) (truetimetest.Reply, bool) {
	reply, ok := t.Behavior.Answer(q) // on replay as well: what it draws at random is drawn in every world
	if !t.replay {
		t.said = append(t.said, said{reply, ok})
		return reply, ok
	}
	if len(t.said) == 0 {
		return truetimetest.Reply{}, false
	}
	next := t.said[0]
	t.said = t.said[1:]
	return next.reply, next.ok
}
