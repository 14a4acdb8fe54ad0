package truetimetest

import (
	"cmp"
	"time"

	"github.com/epsilontime/epsilon/internal/line"
	"github.com/epsilontime/epsilon/monotonic"
	"github.com/epsilontime/epsilon/truetime"
	"github.com/epsilontime/epsilon/truetime/internal/discipline"
	"github.com/epsilontime/epsilon/truetime/internal/engine"
	"github.com/epsilontime/epsilon/truetime/internal/journal"
	"github.com/epsilontime/epsilon/truetime/internal/leap"
)

// How a machine's process runs: it waits for what is due, exchanges datagrams, and tells its engine.

// latency is how late the process is this time.
func (m *Machine) latency() instant {
	if m.config.Latency <= 0 {
		return 0
	}
	return instant(m.rng.Int64N(int64(after(m.config.Latency))))
}

// run calls f now, or as soon as the machine is awake. It is void if the process was restarted
// meanwhile.
func (m *Machine) run(life int, f func()) {
	switch {
	case life != m.life || m.engine == nil:
	case m.asleep:
		m.later = append(m.later, func() { m.run(life, f) })
	default:
		f()
	}
}

// soon plans f for the process, d from now and a little late.
func (m *Machine) soon(d time.Duration, f func()) {
	life := m.life
	m.world.plan(m.world.now+after(max(d, 0))+m.latency(), func() { m.run(life, f) })
}

// replan makes plans for whatever is due next.
func (m *Machine) replan() {
	now := m.read()
	for _, l := range m.links {
		due := m.engine.Due(l.index)
		if l.serial != 0 || l.planned && l.due == due {
			continue
		}
		l.timer++
		l.planned, l.due = true, due
		plan := l.timer
		m.soon(due.Sub(now), func() {
			if plan == l.timer {
				m.ask(l)
			}
		})
	}
	m.planLook()
}

// planLook plans the next look, unless one is planned. Whatever looks meanwhile only makes it
// superfluous.
func (m *Machine) planLook() {
	if m.lookPlan != forever {
		return
	}
	wait := m.engine.LookBy().Sub(m.read())
	m.lookPlan = m.world.now + after(max(wait, 0))
	m.soon(wait, func() {
		m.lookPlan = forever
		if m.engine.LookBy() > m.read() {
			m.planLook()
			return
		}
		m.look()
		m.learn()
	})
}

func (m *Machine) look() {
	now, counter, disruption := m.read(), m.counterSpec(), m.disturbed
	m.engine.Look(now, counter, disruption)
	m.record(func() []byte { return journal.Look(m.engine, now, counter, disruption) })
	m.disturbed, m.marker = "", false
}

// publish publishes what the engine says, and plans anew.
func (m *Machine) learn() {
	before := m.answer.Epoch
	if observe := m.world.observe; observe != nil {
		if before == m.engine.Discipline().Epoch() { // else what it answers is known to be wrong
			m.world.unlocked(func() { observe(m) })
		}
		defer m.world.unlocked(func() { observe(m) })
	}
	now := m.read()
	m.answer = m.engine.Answer(now, uint64(now), line.Nanoseconds)
	m.lasting.publish(&m.answer)
	if m.answer.Epoch != before {
		if before != 0 {
			m.unnoticed = false
			m.world.note("%s epoch %d: %s", m.name, m.answer.Epoch, m.engine.Discipline().LastDisruption().Reason)
		}
	}
	m.replan()
}

// ask performs one poll.
func (m *Machine) ask(l *link) {
	l.count++
	l.serial, l.planned = l.count, false
	serial, life := l.serial, m.life
	sent := m.read()
	exchange := m.engine.Begin(l.index, sent)
	m.soon(exchange.Timeout, func() {
		if l.serial == serial {
			m.finish(l, exchange, engine.Reply{Outcome: engine.TimedOut})
		}
	})
	if l.kept != nil && m.rng.Float64() < l.keeps {
		m.soon(0, func() {
			if l.serial == serial {
				m.finish(l, exchange, *l.kept)
			}
		})
		return
	}
	arrive := func(r Reply) {
		received := m.read()
		if l.serial != serial {
			return // too late, or the second copy
		}
		sample, err := m.sample(l, r, sent, received)
		l.unused = err
		if err == nil && m.config.Samples != nil {
			m.world.unlocked(func() { m.config.Samples(l.index, sample) })
			if life != m.life {
				return // killed meanwhile
			}
		}
		reply := m.asReply(l, sample, err)
		if l.keeps > 0 {
			l.kept = &reply
		}
		m.finish(l, exchange, reply)
	}
	m.carry(l, l.Path.There, m.latency(), func() {
		m.world.plan(m.world.now, func() { l.serve(m, func(r Reply) { m.run(life, func() { arrive(r) }) }) })
	})
}

// sample is what the machine makes of a reply, or why it cannot use it.
func (m *Machine) sample(l *link, r Reply, sent, received monotonic.Instant) (truetime.Sample, error) {
	if r.Kiss != nil {
		return truetime.Sample{}, r.Kiss
	}
	s := r.sample(sent, received)
	unseen := time.Duration(m.counter.tick) + 1
	drift := truetime.PollInfo{DriftPPM: cmp.Or(m.config.DriftPPM, engine.DefaultDriftPPM)}
	return l.record.Narrow(l.claim, nil, s, l.declared(), unseen+drift.Slack(received.Sub(sent)+unseen)+m.config.UnseenPause)
}

func (m *Machine) asReply(l *link, s truetime.Sample, unused error) engine.Reply {
	if unused != nil {
		m.world.note("%s does not use what %s says: %v", m.name, l.Server.name, unused)
		return engine.Reply{Outcome: engine.OutcomeOf(unused, false)}
	}
	reply := engine.Reply{
		Outcome: engine.Answered,
		Facts: discipline.Facts{
			Upper: discipline.Point{At: s.Sent, Time: int64(s.Latest)},
			Lower: discipline.Point{At: s.Received, Time: int64(s.Earliest)},
			Claim: int64(s.Claim),
		},
		MinPoll: l.Server.minPoll, Peer: l.Server.peer, Identity: l.Server.identity(), Say: leap.Say(s.Leap),
	}
	if l.declared() == truetime.ScaleTAI {
		reply.TAIOffset = m.world.taiOffset(l.Server.lag)
	}
	return reply
}

// carry delivers a datagram over a leg, once, twice or never.
func (m *Machine) carry(l *link, leg Leg, wait instant, deliver func()) {
	w := m.world
	copies := 1
	if leg.Duplicate > 0 && w.rng.Float64() < leg.Duplicate {
		copies = 2
	}
	for range copies {
		delay, ok := leg.delay(w.now+wait, w.rng)
		if !ok || w.now < l.cut {
			w.note("%s to or from %s: lost", m.name, l.Server.name)
			continue
		}
		w.plan(w.now+wait+delay, deliver)
	}
}

// serve has the server answer a request that has just come.
func (l *link) serve(m *Machine, deliver func(Reply)) {
	w := m.world
	received, _ := w.shown(l.Server.scale)
	hold := instant(w.rng.Int64N(int64(after(l.Server.process)) + 1))
	w.plan(w.now+hold, func() {
		sent, _ := w.shown(l.Server.scale)
		q := Query{World: w, Machine: m, Received: received, Sent: sent, Leap: l.Server.announced()}
		m.betray(&q, l.Server)
		behavior := l.Server.behavior
		var r Reply
		var ok bool
		w.unlocked(func() { r, ok = behavior.Answer(q) })
		if ok {
			m.carry(l, l.Path.Back, 0, func() {
				w.plan(w.now+m.latency(), func() { deliver(r) })
			})
		}
	})
}

// betray tells a server what the machine answers, and a liar what every honest server says.
func (m *Machine) betray(q *Query, s *Server) {
	if m.engine == nil {
		return
	}
	var err error
	q.Answer, err = m.answerNow()
	q.Answered = err == nil
	if s.honest() {
		return
	}
	shift := q.Sent.Sub(m.world.truth())
	q.Answer.Earliest, q.Answer.Latest = q.Answer.Earliest.Add(shift), q.Answer.Latest.Add(shift)
	for _, l := range m.links {
		if i := m.engine.Discipline().Interval(l.index, m.read()); l.Server.honest() && i.Bounded() {
			lo, hi := m.engine.Shown(i)
			q.Honest = append(q.Honest, truetime.Interval{Earliest: truetime.Time(lo).Add(shift), Latest: truetime.Time(hi).Add(shift)})
		}
	}
}

func (m *Machine) finish(l *link, x engine.Exchange, r engine.Reply) {
	l.serial = 0
	m.look()
	before := m.engine.Verdict(l.index)
	now := m.read()
	err := m.engine.Finish(l.index, x, r, now)
	m.record(func() []byte { return journal.Finish(m.engine, l.index, x, r, now) })
	m.learn()
	m.world.polls++
	if m.world.trace == nil {
		return
	}
	w := m.world
	switch {
	case err != nil:
		w.note("%s asked %s: %v", m.name, l.Server.name, err)
	case r.Outcome == engine.Answered:
		truth, _ := w.shown(l.Server.scale)
		w.note("%s asked %s: sent %d says at most %+d ns, received %d says at least %+d ns of the truth", m.name, l.Server.name,
			r.Facts.Upper.At, truetime.Time(r.Facts.Upper.Time).Sub(truth), r.Facts.Lower.At, truetime.Time(r.Facts.Lower.Time).Sub(truth))
	default:
		w.note("%s asked %s: no answer to use", m.name, l.Server.name)
	}
	if v := m.engine.Verdict(l.index); v != before {
		w.note("%s finds %s %v", m.name, l.Server.name, truetime.Verdict(v))
	}
	if i, err := m.answerNow(); err == nil {
		w.note("%s answers truth %+d ns to %+d ns", m.name, i.Earliest.Sub(w.truth()), i.Latest.Sub(w.truth()))
	} else {
		w.note("%s refuses: %v", m.name, err)
	}
}
