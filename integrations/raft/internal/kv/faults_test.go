package kv

import "time"

// faults has something go wrong again and again, until stop.
func (w *world) faults(stop *bool) {
	if *stop {
		return
	}
	w.in(w.between(100*time.Millisecond, 600*time.Millisecond), func() {
		if *stop {
			return
		}
		w.fault()
		w.faults(stop)
	})
}

func (w *world) fault() {
	m := w.members[w.random.IntN(len(w.members))]
	if leader := w.leader(); leader != nil && w.random.IntN(2) == 0 {
		m = leader
	}
	lasting := w.between(20*time.Millisecond, 600*time.Millisecond)
	switch w.random.IntN(11) {
	case 0: // cut off
		w.isolate(m, true, true)
		w.in(lasting, func() { w.isolate(m, false, false) })
	case 1: // hears nothing, or is not heard
		in := w.random.IntN(2) == 0
		w.isolate(m, in, !in)
		w.in(lasting, func() { w.isolate(m, false, false) })
	case 2:
		if !m.paused {
			m.pause(lasting)
		}
	case 3:
		m.restart()
	case 4:
		if !m.paused {
			m.campaign()
		}
	case 5:
		w.loss = 0.3
		w.in(lasting, func() { w.loss = 0 })
	case 6:
		m.clock.refuses = true
		w.in(lasting, func() { m.clock.refuses = false })
	case 8, 9: // another member leads, and the old leader does not know
		w.isolate(m, true, true)
		w.in(lasting, func() { w.isolate(m, false, false) })
		other := w.members[(m.index+1+w.random.IntN(len(w.members)-1))%len(w.members)]
		other.later(w.between(0, 20*time.Millisecond), other.campaign)
		if third := w.members[w.random.IntN(len(w.members))]; third != m && third != other { // and another after that
			third.later(w.between(20*time.Millisecond, 60*time.Millisecond), third.campaign)
		}
	case 10: // another configuration, proposed by whoever leads or believes so
		if leader := w.leader(); leader != nil && !leader.paused {
			voters := leader.replica.raft.Status().Config.Voters.IDs()
			id := uint64(m.index + 1)
			_, votes := voters[id]
			w.counted.changes++
			leader.replica.ChangeMember(id, !votes || len(voters) < 3)
			leader.run()
		}
	case 7: // two links instead of three, so that nobody sees the same
		other := w.members[w.random.IntN(len(w.members))]
		w.cut[[2]int{m.index, other.index}], w.cut[[2]int{other.index, m.index}] = true, true
		w.in(lasting, func() { w.isolate(m, false, false) })
	}
}

// edges puts each clock's true time at one end of its interval, and moves it to the other now and then.
func (w *world) edges(stop *bool) {
	for _, m := range w.members {
		if m.clock.offset.Abs() > m.clock.uncertainty {
			continue // it lies
		}
		m.clock.offset = m.clock.uncertainty
		if w.random.IntN(2) == 0 {
			m.clock.offset = -m.clock.offset
		}
	}
	if !*stop {
		w.in(w.between(100*time.Millisecond, time.Second), func() { w.edges(stop) })
	}
}
