//go:build linux

package machine

import (
	"context"
	"time"
)

// pollPause is the time between two looks at something that qemu does not announce.
const pollPause = 10 * time.Millisecond

// Stop stops the machine: nothing in it runs, and its counters stand still.
func (m *Machine) Stop() { m.t.Helper(); m.command("stop", nil, nil) }

// Continue lets a stopped machine go on.
func (m *Machine) Continue() { m.t.Helper(); m.command("cont", nil, nil) }

// Wake wakes a machine that sleeps as a whole (S3).
func (m *Machine) Wake() { m.t.Helper(); m.command("system_wakeup", nil, nil) }

// AwaitSuspend waits until the machine has gone to sleep as a whole (S3).
func (m *Machine) AwaitSuspend() {
	m.t.Helper()
	if err := m.control.await("SUSPEND"); err != nil {
		m.fatal("%v", err)
	}
}

// Freeze has the machine freeze its processes and idle (s2idle), and wakes it by a key after so long.
func (m *Machine) Freeze(length time.Duration) {
	m.t.Helper()
	const count = "read /sys/power/suspend_stats/success" // of the sleeps that are over
	before := m.Do(count)
	m.Do("write /sys/bus/serio/devices/serio0/power/wakeup enabled") // the keyboard's controller
	m.Do("sleep freeze")
	time.Sleep(length)
	key := map[string]any{"keys": []map[string]string{{"type": "qcode", "data": "a"}}}
	// A machine that is just falling asleep misses a key.
	for end := time.Now().Add(startLimit); ; time.Sleep(pollPause) {
		m.command("send-key", key, nil)
		ctx, cancel := context.WithTimeout(context.Background(), lostAfter)
		after, err := m.Ask(ctx, count)
		cancel()
		if err == nil && after != before {
			return
		}
		if time.Now().After(end) {
			m.fatal("no sleep has ended by a key within %v: %v, %s sleeps", startLimit, err, after)
		}
	}
}

// Save writes the state of a machine that is stopped to a file, from which Restore makes a machine.
// The machine remains, stopped.
func (m *Machine) Save(path string) {
	m.t.Helper()
	m.migrate("exec:cat > " + path)
}

// Restore makes a machine, which is stopped, from a file that Save wrote. It may be done more than once, and
// while the one that was saved goes on. The CPU is qemu's name of a model; empty stands for the same one.
func (m *Machine) Restore(path, cpu string) *Machine {
	m.t.Helper()
	next := m.incoming("exec:cat < "+path, cpu)
	next.awaitState("paused")
	return next
}

// Move moves a machine to another qemu, where it runs if it ran before. The old qemu is ended.
func (m *Machine) Move(cpu string) *Machine {
	m.t.Helper()
	next := m.incoming("defer", cpu)
	address := "unix:" + next.path("migration")
	next.command("migrate-incoming", map[string]any{"uri": address}, nil)
	m.migrate(address)
	next.awaitState("running", "paused") // as it was
	m.Kill()
	return next
}

// incoming starts a qemu for the same machine, as it is when its state has come.
func (m *Machine) incoming(address, cpu string) *Machine {
	m.t.Helper()
	next := &Machine{t: m.t, config: m.config, boot: m.boot}
	if cpu != "" {
		next.config.CPU = cpu
	}
	next.launch("-incoming", address)
	return next
}

// migrate sends the machine's state to an address, and waits until it is there.
func (m *Machine) migrate(address string) {
	m.t.Helper()
	m.command("migrate", map[string]any{"uri": address}, nil)
	for end := time.Now().Add(qmpLimit); ; time.Sleep(pollPause) {
		var progress struct {
			Status    string
			ErrorDesc string `json:"error-desc"`
		}
		m.command("query-migrate", nil, &progress)
		switch {
		case progress.Status == "completed":
			return
		case progress.Status == "failed" || time.Now().After(end):
			m.fatal("migration to %s: %s %s", address, progress.Status, progress.ErrorDesc)
		}
	}
}

// awaitState waits until qemu says that the machine is in a state, such as "paused".
func (m *Machine) awaitState(states ...string) {
	m.t.Helper()
	for end := time.Now().Add(qmpLimit); ; time.Sleep(pollPause) {
		var now struct{ Status string }
		m.command("query-status", nil, &now)
		for _, state := range states {
			if now.Status == state {
				return
			}
		}
		if time.Now().After(end) {
			m.fatal("the machine is %s after %v, and not one of %v", now.Status, qmpLimit, states)
		}
	}
}

func (m *Machine) command(name string, arguments map[string]any, result any) {
	m.t.Helper()
	if err := m.control.do(name, arguments, result); err != nil {
		m.fatal("%v", err)
	}
}
