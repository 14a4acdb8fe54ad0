package truetimetest

import (
	"time"

	"github.com/epsilontime/epsilon/truetime/internal/engine"
)

// What can happen to a machine. A machine that is asleep already, or whose process has been killed, cannot be
// paused, suspended or restored: these do nothing then.

// Pause stops the machine's process for d, as SIGSTOP or a hypervisor that has no time for it does.
// The counter runs on, and the answer that the process was about to give may be used late: its
// reader has to live with that, and so has who calls Now during the pause.
func (m *Machine) Pause(d time.Duration) {
	m.world.lock()
	defer m.world.mu.Unlock()
	m.world.note("%s is paused for %v", m.name, d)
	m.sleep(d, func() {}, func() {})
}

// Suspend stops the machine and its counter for d. The operating system knows afterwards, and the
// clock learns of it when it next looks.
func (m *Machine) Suspend(d time.Duration) {
	m.world.lock()
	defer m.world.mu.Unlock()
	m.world.note("%s is suspended for %v", m.name, d)
	m.freeze(d, func() { m.disturbed = "the machine was suspended" })
}

// Restore stops the machine and its counter for d, as a virtual machine that is restored from a
// snapshot taken d ago finds itself, and nothing inside knows. With a marker the hypervisor tells:
// Now sees it at once.
func (m *Machine) Restore(d time.Duration, marker bool) {
	m.world.lock()
	defer m.world.mu.Unlock()
	m.world.note("%s is restored from a snapshot %v old, marker %v", m.name, d, marker)
	m.freeze(d, func() {
		if marker {
			m.marker, m.disturbed = true, "the hypervisor restored the machine"
		} else {
			m.unnoticed = true
		}
	})
}

// StepCounter moves the counter by d, and nobody tells.
func (m *Machine) StepCounter(d time.Duration) {
	m.world.lock()
	defer m.world.mu.Unlock()
	m.world.note("%s: the counter steps by %v", m.name, d)
	m.counter.origin += int64(d)
	m.unnoticed = true
}

// StepRate makes the counter run faster by ppm from now on, at once, as a migration may, and nobody
// tells. That is allowed as long as the rate stays within the declared drift, unless the machine's clock
// assumes a MaxWander, or a RateStability of less.
func (m *Machine) StepRate(ppm float64) {
	m.world.lock()
	defer m.world.mu.Unlock()
	m.world.note("%s: the counter's rate steps by %+g ppm", m.name, ppm)
	m.counter.stepRate(m.world.now, ppm)
}

// Kill ends the machine's process: Now returns [truetime.ErrClosed] until it is started again.
func (m *Machine) Kill() {
	m.world.lock()
	defer m.world.mu.Unlock()
	m.kill()
}

func (m *Machine) kill() {
	m.world.note("%s is killed", m.name)
	m.life++
	m.engine, m.answer, m.later = nil, engine.Closed(), nil
	m.disturbed, m.unnoticed, m.marker = "", false, false
}

// Restart starts a new process, after ending the one that ran: at once, or as soon as the machine is
// awake.
func (m *Machine) Restart() {
	m.world.lock()
	defer m.world.mu.Unlock()
	m.kill()
	start := func() {
		m.world.note("%s is started", m.name)
		m.begin()
	}
	if m.asleep {
		m.later = append(m.later, start)
		return
	}
	start()
}

// Cut loses every datagram between the machine and the server for d from now, also if they were cut
// for longer.
func (m *Machine) Cut(s *Server, d time.Duration) {
	m.world.lock()
	defer m.world.mu.Unlock()
	m.world.note("%s and %s are cut for %v", m.name, s.name, d)
	for _, l := range m.links {
		if l.Server == s {
			l.cut = m.world.in(d)
		}
	}
}

// sleep lets nothing run for d. Then it calls wake, notice if the process is still the one that fell asleep,
// and what was held back.
func (m *Machine) sleep(d time.Duration, wake, notice func()) {
	if m.asleep || m.engine == nil {
		return
	}
	m.asleep = true
	life := m.life
	m.world.plan(m.world.in(d), func() {
		m.asleep = false
		wake()
		if life == m.life {
			notice()
		}
		held := m.later
		m.later = nil
		for _, f := range held {
			f()
		}
	})
}

// freeze stops the counter too.
func (m *Machine) freeze(d time.Duration, notice func()) {
	if m.asleep || m.engine == nil {
		return
	}
	stopped := m.counter.read(m.world.now)
	m.frozen = true
	m.sleep(d, func() {
		m.frozen = false
		m.counter.origin += stopped - m.counter.read(m.world.now)
	}, notice)
}
