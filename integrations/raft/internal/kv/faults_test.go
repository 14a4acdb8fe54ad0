package kv

import (
	"time"

	"go.etcd.io/raft/v3/raftpb"
)

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
	other := w.members[w.random.IntN(len(w.members))]
	switch w.random.IntN(13) {
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
		m.restart(w.random.IntN(2) == 0)
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
		if other == m {
			other = w.members[(m.index+1)%len(w.members)]
		}
		w.usurp(other, m, lasting)
		if third := w.members[w.random.IntN(len(w.members))]; third != m && third != other { // and another after that
			third.later(w.between(20*time.Millisecond, 60*time.Millisecond), third.campaign)
		}
	case 10: // another configuration, proposed by whoever leads or believes so
		if leader := w.leader(); leader != nil && !leader.paused {
			voters := leader.replica.raft.Status().Config.Voters.IDs()
			id := uint64(m.index + 1)
			_, votes := voters[id]
			change := raftpb.ConfChangeAddNode
			if votes && len(voters) > w.habits.voters {
				change = []raftpb.ConfChangeType{raftpb.ConfChangeAddLearnerNode, raftpb.ConfChangeRemoveNode}[w.random.IntN(2)]
			}
			w.counted.changes++
			leader.replica.ChangeMember(id, change)
			leader.run()
		}
	case 7: // two links instead of three, so that nobody sees the same
		w.cut[[2]int{m.index, other.index}], w.cut[[2]int{other.index, m.index}] = true, true
		w.in(lasting, func() { w.isolate(m, false, false) })
	case 11: // the leader hands over
		if m.replica.leads() && !m.paused {
			w.counted.transfers++
			m.replica.raft.TransferLeader(uint64(other.index + 1))
			m.run()
		}
	case 12: // the only one who could say what it has told loses its power
		if leader := w.leader(); leader != nil {
			leader.restart(true)
		}
	}
}

// usurp cuts a leader off from the others while another member tries to become one.
func (w *world) usurp(other, leader *member, lasting time.Duration) {
	w.isolate(leader, true, true)
	w.in(lasting, func() { w.isolate(leader, false, false) })
	other.later(w.between(0, 20*time.Millisecond), other.campaign)
}

// future has a member's clock be wrong once, while it wraps an entry: with a lease that nobody but it can take for good, until that one is
// near. Operators revoke it wherever they see it, each when they come by.
func (w *world) future(stop *bool) {
	w.in(w.between(200*time.Millisecond, 2*time.Second), func() {
		m := w.members[w.random.IntN(len(w.members))]
		if leader := w.leader(); leader != nil && w.random.IntN(2) == 0 {
			m = leader
		}
		ahead := []time.Duration{time.Hour, 2 * leaseDuration}[w.random.IntN(2)]
		m.clock.ahead = ahead
		data := m.replica.lease.Wrap(nil)
		m.clock.ahead = 0
		if ahead < time.Hour { // or its operator may come too late
			m.restart(false)
		}
		w.propose(data)
	})
	for _, m := range w.members {
		m.operate(stop)
	}
}

// propose has a leader propose what has been wrapped, as soon as there is one.
func (w *world) propose(data []byte) {
	leader := w.leader()
	if leader == nil {
		w.in(10*time.Millisecond, func() { w.propose(data) })
		return
	}
	leader.do(func() {
		_ = leader.replica.raft.Propose(data)
		leader.run()
	})
}

// operate has the member's operator look at it again and again, and call Revoke if there is a lease from the future.
func (m *member) operate(stop *bool) {
	if *stop {
		return
	}
	m.w.in(m.w.between(10*time.Millisecond, 200*time.Millisecond), func() {
		m.do(func() {
			if m.replica.lease.Status().FromFuture != nil && m.replica.lease.Revoke() == nil {
				m.w.counted.revocations++
				if leader := m.w.leader(); leader != nil && leader != m { // who may have a lease that is good, and was forgotten here
					m.w.usurp(m, leader, m.w.between(0, 2*leaseDuration))
				}
			}
		})
		m.operate(stop)
	})
}

// edges puts each clock's true time at one end of its interval, and moves it to the other now and then.
func (w *world) edges(stop *bool) {
	for _, m := range w.members {
		if m.clock.offset.Abs() > m.clock.uncertainty {
			continue // it lies
		}
		if w.habits.wide {
			m.clock.uncertainty = []time.Duration{w.between(time.Millisecond, 40*time.Millisecond), w.between(40*time.Millisecond, leaseDuration)}[w.random.IntN(2)]
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
