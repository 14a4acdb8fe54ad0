package lease

import (
	"fmt"
	"time"

	"github.com/epsilontime/epsilon/internal/invariants"
	"github.com/epsilontime/epsilon/truetime"
)

// protocol decides what a candidate asks of the store, and what it may believe after an answer or
// without one. It reads no clock and does no I/O: it is told intervals and replies, and the same
// ones lead to the same requests, so that a test can step many of them through one world.
//
// Whoever drives it calls acquire, renew or release with an interval read just before, carries out
// the action, reports the reply with loaded or swapped, and calls again, until the action is done
// or fail. There is never more than one request on its way whose reply would still be looked at.
//
// Three things make it safe:
//   - The expiry in a request is Earliest + ttl of an interval read before the request was sent.
//     True time was Earliest at the soonest then, so the record blocks others for ttl at the most.
//     The holder loses the width of the interval by that, and no other end would be worth more:
//     whoever judges the expiry uses its own clock, so its value is a matter of how long and not of
//     safety.
//   - A request whose reply is lost may have been carried out, or may be yet. What it asked for is
//     not believed, so the holder goes on with the expiry it knows, and others see the new one.
//     Loading the record decides.
//   - A renewal never lowers the expiry: a timestamp may have been issued right before it.
type protocol struct {
	holder  string
	session Session
	ttl     time.Duration

	record Record // as last seen in the store
	known  bool   // record may be taken for the present one
	acked  bool   // the last request to change the record was confirmed
}

type verb uint8

const (
	load verb = iota + 1 // send Load, report with loaded
	swap                 // send CompareAndSwap of version and next, report with swapped
	wait                 // wait for pause, then go on; if reload, forget what is known first
	done                 // what was wanted has been reached
	fail                 // it cannot be reached: err
)

// action is what is to be done next.
type action struct {
	verb    verb
	version uint64
	next    Record
	pause   time.Duration
	reload  bool
	err     error
}

// mine reports whether the record was written for this session, and so whether its expiry is ours.
func (p *protocol) mine() bool { return p.session != Session{} && p.record.Session == p.session }

// expiry is the moment up to which the holder may believe to hold the lease, or zero.
func (p *protocol) expiry() truetime.Time {
	if !p.mine() {
		return 0
	}
	return p.record.Expiry
}

// acquire leads to a record that is ours and Held.
func (p *protocol) acquire(now truetime.Interval) action {
	switch state := stateAt(now, p.record.Expiry); {
	case !p.known:
		return action{verb: load}
	case p.mine() && state == Held:
		return action{verb: done}
	case p.record.free(), state == Expired:
		return p.take(now)
	}
	if p.record.Expiry > now.Latest.Add(p.record.TTL) {
		return action{verb: fail, err: fmt.Errorf("%w: %.80q holds it until %v and it is %v at the latest, with a time to live of %v: "+
			"compare the clocks, then revoke it", ErrFromFuture, p.record.Holder, p.record.Expiry, now.Latest, p.record.TTL)}
	}
	// Look now and then whether the lease was renewed or given up, but not when it is about to
	// expire: a Load on its way would delay the take-over.
	left := p.record.Expiry.Sub(now.Earliest) + 1
	if quiet := p.record.TTL / 8; left > quiet {
		return action{verb: wait, pause: min(left-quiet, p.ttl/4), reload: true}
	}
	return action{verb: wait, pause: left}
}

// take asks for the lease with the next token.
func (p *protocol) take(now truetime.Interval) action {
	if p.record.Token >= maxToken-1 {
		return action{verb: fail, err: fmt.Errorf("%w: token %d leaves no room for another", ErrCorrupt, p.record.Token)}
	}
	next := Record{
		Holder:  p.holder,
		Session: p.session,
		Token:   p.record.Token + 1,
		Expiry:  now.Earliest.Add(p.ttl),
		TTL:     p.ttl,
	}
	if invariants.Enabled {
		invariants.Check(next.Token > p.record.Token, "lease: token %d after %d", next.Token, p.record.Token)
		invariants.Check(p.record.free() || now.Earliest > p.record.Expiry, "lease: taken at %v from one that expires at %v",
			now, p.record.Expiry)
	}
	return p.swap(next)
}

// release leads to a record that is not ours. The holder must have stopped acting before.
func (p *protocol) release() action {
	switch {
	case !p.known:
		return action{verb: load}
	case !p.mine():
		return action{verb: done}
	}
	return p.swap(Record{Token: p.record.Token, TTL: p.record.TTL})
}

func (p *protocol) swap(next Record) action {
	if invariants.Enabled {
		invariants.Check(p.known, "lease: a record that is not known is to be changed")
		invariants.Check(next.Token >= p.record.Token, "lease: token %d after %d", next.Token, p.record.Token)
	}
	return action{verb: swap, version: p.record.Version, next: next}
}

// loaded takes the reply to a Load.
func (p *protocol) loaded(r Record, err error) error {
	if err == nil {
		err = r.validate()
	}
	if err != nil {
		return err
	}
	p.record, p.known = r, true
	return nil
}

// swapped takes the reply to the CompareAndSwap of next. After an error only a Load can tell.
func (p *protocol) swapped(next Record, version uint64, err error) {
	if err != nil {
		p.known = false
		return
	}
	next.Version = version
	p.record, p.acked = next, true
}

// forget has the record loaded before the next decision.
func (p *protocol) forget() { p.known = false }
