package kv

import (
	"errors"
	"fmt"
	"strconv"
	"time"

	epsilonraft "github.com/epsilontime/epsilon/integrations/raft"
)

// A client asks one thing after the other, at a member that believes that it leads or at any.
type client struct {
	w    *world
	keys int
	stop *bool
}

// patience is how long a client waits for an answer.
const patience = 200 * time.Millisecond

// under way is a request: whoever is first to end it does.
type request struct {
	client *client
	input  input
	id     uint64
	call   time.Duration
	ended  bool
}

func (c *client) ask() {
	w := c.w
	if *c.stop {
		return
	}
	m := w.members[w.random.IntN(len(w.members))]
	if leader := w.leader(); leader != nil && w.random.IntN(8) > 0 {
		m = leader
	}
	q := &request{client: c, input: input{key: "k" + strconv.Itoa(w.random.IntN(c.keys))}, id: w.nextID, call: w.now}
	w.nextID++
	if w.random.Float64() < w.writes {
		q.input.put, q.input.value = true, strconv.FormatUint(q.id, 10)
	}
	w.in(patience, q.giveUp)
	m.later(w.between(0, time.Millisecond), func() {
		if q.input.put {
			q.put(m)
		} else {
			q.get(m)
		}
	})
}

// answer gives the client its answer, after its way through the network.
func (q *request) answer(m *member, how, value string, counter *int) {
	w := q.client.w
	*counter++
	by := fmt.Sprintf("member %d, %s: %+v at %v", m.index+1, how, m.replica.lease.Status(), start.Add(w.now))
	w.in(w.between(0, time.Millisecond), func() {
		if q.ended {
			return
		}
		w.record.answered(q.input, value, by, q.call, w.now)
		q.end()
	})
}

func (q *request) giveUp() {
	if q.ended {
		return
	}
	if q.input.put {
		q.client.w.record.lost(q.id, q.input, q.call)
	}
	q.end()
}

func (q *request) end() {
	q.ended = true
	w := q.client.w
	w.in(w.between(0, 4*time.Millisecond), q.client.ask)
}

func (q *request) put(m *member) {
	err := m.replica.Put(q.id, q.input.key, q.input.value, func(previous string) {
		q.answer(m, "write", previous, &m.w.counted.writes)
	})
	if err == nil {
		m.run()
	}
}

// get reads step by step, with time between the steps, and sometimes much of it.
func (q *request) get(m *member) {
	w := m.w
	read, err := m.replica.lease.Begin()
	if err != nil {
		w.refused(err, epsilonraft.ErrNotLeader)
		q.getByQuorum(m)
		return
	}
	var look func()
	look = func() {
		value, applied := m.replica.Look(q.input.key)
		if applied < read.Index {
			m.later(time.Millisecond, look)
			return
		}
		m.later(q.step(), func() { q.confirm(m, read, value) })
	}
	m.later(q.step(), look)
}

func (q *request) step() time.Duration {
	w := q.client.w
	if w.random.IntN(50) == 0 {
		return w.between(0, 2*leaseDuration)
	}
	return w.between(0, 100*time.Microsecond)
}

func (q *request) confirm(m *member, read epsilonraft.Read, value string) {
	w := m.w
	touched := touches(q.input.key)
	if w.rules.ignoreLimbo {
		touched = func([]byte) bool { return false }
	}
	err := read.Confirm(nil)
	inherited := errors.Is(err, epsilonraft.ErrDeferred)
	if inherited {
		err = read.Confirm(touched)
	}
	if w.rules.ignoreExpiry && errors.Is(err, epsilonraft.ErrExpired) {
		err = nil
	}
	switch {
	case err == nil && inherited:
		q.answer(m, "inherited", value, &w.counted.inherited)
	case err == nil:
		q.answer(m, "leased", value, &w.counted.leased)
	default:
		w.refused(err, epsilonraft.ErrExpired, epsilonraft.ErrClock, epsilonraft.ErrNotLeader, epsilonraft.ErrDeferred, epsilonraft.ErrLimbo,
			epsilonraft.ErrFromFuture)
		q.getByQuorum(m)
	}
}

func (q *request) getByQuorum(m *member) {
	m.replica.ReadByQuorum(func(get func(string) string) func() {
		value := get(q.input.key)
		return func() { q.answer(m, "by quorum", value, &m.w.counted.byQuorum) }
	})
	m.run()
}
