package lease

import (
	"encoding/binary"
	"errors"
	"time"

	"github.com/epsilontime/epsilon/truetime"
	"github.com/epsilontime/epsilon/truetime/truetimetest"
)

// node is a process that competes for the lease of a world, with the protocol that Candidate and
// Lease drive, driven in the same order by events.
type node struct {
	world *world
	id    int
	clock simulatedClock

	machine *truetimetest.Machine // whose clock it reads instead, by the rules of config; or nil
	config  config

	life     int // counts lives: what was begun in one does not go on in the next
	paused   truetime.Time
	protocol protocol
	asked    truetime.Time // when the last change of the record was asked for
	read     truetime.Time // when the clock was read for it

	holder  bool
	over    bool // the holder has ended it: nothing is done under it any more
	token   Token
	granted truetime.Time
	issued  truetime.Time
}

// mayHold reports whether a correct clock could judge the lease Held.
func (n *node) mayHold() bool { return n.holder && !n.over && n.world.now < n.granted }

// look reads the node's clock.
func (n *node) look() (truetime.Interval, bool) {
	if n.machine == nil {
		return n.clock.read()
	}
	now, err := n.config.now()
	return now, err == nil
}

// fooled reports whether the node's clock may be wrong: its counter stood still, and nobody has
// noticed yet. What it does then only the fence can hold up.
func (n *node) fooled() bool { return n.machine != nil && n.machine.Disturbed() }

// then goes on with step after d, when the process is not paused, and if it has not crashed
// meanwhile. Before it does it may be paused once more.
func (n *node) then(d time.Duration, step func()) {
	life := n.life
	n.world.after(d, func() { n.resume(life, step) })
}

func (n *node) resume(life int, step func()) {
	w := n.world
	if n.life != life {
		return
	}
	if w.now >= n.paused && w.chance(w.faults.pause) {
		w.count["pause"]++
		n.paused = w.now.Add(w.upTo(3 * worldTTL))
	}
	if w.now < n.paused {
		w.after(n.paused.Sub(w.now), func() { n.resume(life, step) })
		return
	}
	step()
}

// begin is a new life as a candidate.
func (n *node) begin() {
	w := n.world
	n.life++
	n.holder, n.over, n.issued = false, false, 0
	n.protocol = protocol{holder: "node", ttl: worldTTL} // they all have the same name
	w.serial++
	binary.BigEndian.PutUint64(n.protocol.session[:], uint64(w.serial))
	n.acquire()
}

// crash ends the life at this moment. Requests on their way stay on their way.
func (n *node) crash() {
	n.world.count["crash"]++
	n.life++
	n.holder = false
	n.then(n.world.upTo(2*worldTTL), n.begin)
}

func (n *node) acquire() {
	now, ok := n.look()
	if !ok {
		n.then(worldRenew/8, n.acquire)
		return
	}
	read, fooled := n.world.now, n.fooled()
	n.then(0, func() { // perhaps paused between the clock and what follows from it
		switch a := n.protocol.acquire(now); a.verb {
		case done:
			n.acquired()
		case wait:
			if a.reload {
				n.protocol.forget()
			}
			n.then(a.pause, n.acquire)
		case fail:
			if !fooled || !errors.Is(a.err, ErrFromFuture) {
				n.world.broken("node %d cannot acquire: %v", n.id, a.err)
			}
			n.protocol.forget()
			n.then(worldTTL/4, n.acquire)
		default:
			n.send(a, read, n.acquire)
		}
	})
}

// send sends a and goes on with next, after a pause if the reply was lost.
func (n *node) send(a action, read truetime.Time, next func()) {
	if a.verb == swap {
		n.asked, n.read = n.world.now, read
	}
	life := n.life
	n.world.request(a, func(r Record, version uint64, err error) {
		n.resume(life, func() {
			if a.verb == load {
				_ = n.protocol.loaded(r, err)
			} else {
				n.protocol.swapped(a.next, version, err)
			}
			if n.holder && n.protocol.mine() {
				n.granted = max(n.granted, n.protocol.expiry())
			}
			if errors.Is(err, errTimeout) {
				n.then(worldRenew/8, next)
				return
			}
			next()
		})
	})
}

func (n *node) acquired() {
	w := n.world
	w.count["acquired"]++
	n.holder, n.token, n.granted = true, n.protocol.record.Token, n.protocol.expiry()
	// A node that was paused after its last look at the clock gets a lease that is over: it may be
	// late.
	if w.tokens[n.token] || n.mayHold() && n.token <= w.highest {
		w.broken("node %d got token %d after %d", n.id, n.token, w.highest)
	}
	w.tokens[n.token], w.highest = true, max(w.highest, n.token)
	w.record(n.asked, operation{acquired: n.token}, true)
	n.then(worldRenew, n.renewal)
	n.then(w.upTo(worldTTL/4), n.act)
}

func (n *node) renewal() {
	w := n.world
	switch {
	case !n.holder || n.over:
		return
	case w.chance(w.faults.crash):
		n.crash()
		return
	case w.chance(w.faults.release):
		n.over = true
		w.record(w.now, operation{released: n.token}, true)
		n.abdicate()
		return
	}
	n.protocol.acked = false
	n.renew()
}

func (n *node) renew() {
	now, ok := n.look()
	if !ok {
		n.then(worldRenew/4, n.renewal)
		return
	}
	read := n.world.now
	n.then(0, func() {
		if n.over {
			return
		}
		switch a := n.protocol.renew(now); a.verb {
		case done:
			n.world.count["renewed"]++
			n.then(worldRenew, n.renewal)
		case fail:
			n.world.count["lost"]++
			n.over = true
			n.then(0, n.begin)
		default:
			n.send(a, read, n.renew)
		}
	})
}

// abdicate waits until what was issued has passed, and gives the lease up.
func (n *node) abdicate() {
	if now, ok := n.look(); !ok || n.issued != 0 && !now.After(n.issued) {
		n.then(worldTTL/50, n.abdicate)
		return
	}
	n.release()
}

func (n *node) release() {
	switch a := n.protocol.release(); a.verb {
	case done:
		n.world.count["released"]++
		n.then(n.world.upTo(worldTTL), n.begin)
	default:
		n.send(a, n.world.now, n.release)
	}
}

// act checks, as Check and Timestamp do, and then writes to the protected resource, perhaps much
// later: the write is on its way even if the process dies.
func (n *node) act() {
	if !n.holder || n.over {
		return
	}
	w := n.world
	n.then(w.upTo(worldTTL/4), n.act)
	now, ok := n.look()
	if !ok || stateAt(now, n.granted) != Held {
		w.count["refused to act"]++
		return
	}
	w.count["acted"]++
	if n.fooled() {
		if w.now > n.granted {
			w.count["fooled"]++
		}
	} else {
		w.record(w.now, operation{checked: n.token}, true)
	}
	if !n.fooled() {
		n.stamp(now)
	}
	token := n.token
	delay := w.upTo(worldDelay)
	if w.chance(w.faults.pause) {
		delay = w.upTo(4 * worldTTL) // a zombie
	}
	w.after(delay, func() { w.write(token) })
}

// stamp does as Timestamp, TimestampAfter and Raise do, with floors from elsewhere: of the past, of
// the future, and beyond the expiry. Whatever was issued or promised before, by anybody, has to
// stay below what is issued.
func (n *node) stamp(now truetime.Interval) {
	w := n.world
	floor := w.now.Add(w.upTo(2*worldTTL) - worldTTL/2)
	switch w.rng.IntN(4) {
	case 0:
		promised, ok := raise(n.granted, n.issued, floor)
		if ok != (floor < n.granted) || ok && (promised < floor || promised < n.issued) {
			w.broken("node %d raised %v to %v, %v, with a lease until %v", n.id, n.issued, promised, ok, n.granted)
		}
		if ok {
			w.count["raised"]++
			n.issued, w.issued = promised, max(w.issued, floor)
		} else {
			w.count["floor beyond the expiry"]++
		}
		return
	case 1:
		floor = 0
	}
	ts, ok := timestamp(now, n.granted, max(n.issued, floor))
	if !ok {
		w.count["no timestamp left"]++
		return
	}
	if ts <= w.issued || ts <= floor || ts < w.now || ts >= n.granted {
		w.broken("node %d issued %v after %v, above a floor of %v, with a lease until %v", n.id, ts, w.issued, floor, n.granted)
	}
	if floor > now.Latest {
		w.count["above a floor"]++
	}
	n.issued, w.issued = ts, ts
}

// write arrives at the resource.
func (w *world) write(token Token) {
	before := w.fence.Highest()
	err := w.fence.Admit(token)
	if (err == nil) != (token >= before) {
		w.broken("a write with token %d after %d: %v", token, before, err)
	}
	if err != nil {
		w.count["zombie refused"]++
	}
	w.record(w.now, operation{written: token}, err == nil)
}
