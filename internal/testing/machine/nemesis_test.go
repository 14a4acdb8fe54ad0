//go:build linux

package machine

import (
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Where the machine's counters stand still together nothing in it can see it: until the servers are
// asked again, answers are wrong by as much as the pause.

func TestStoppedMachineIsWrongByNoMoreThanThePause(t *testing.T) {
	s := begin(t, Config{})
	lengths := []time.Duration{10 * time.Millisecond, 300 * time.Millisecond, 3 * time.Second}
	if *long {
		lengths = append(lengths, 30*time.Millisecond, 100*time.Millisecond, time.Second, 10*time.Second, time.Minute)
	}
	for _, length := range lengths {
		s.pause(fmt.Sprintf("stop and cont, %v", length), func() { s.stopFor(length) })
	}
}

func TestStoppedARM64MachineIsWrongByNoMoreThanThePause(t *testing.T) {
	s := begin(t, Config{Architecture: "arm64"})
	s.pause("arm64: stop and cont, 300ms", func() { s.stopFor(300 * time.Millisecond) })
}

func TestMovedMachineIsWrongByNoMoreThanThePause(t *testing.T) {
	s := begin(t, Config{})
	s.pause("moved to another qemu", func() { s.move("") })
	s.pause("moved to another CPU model", func() { s.move("Nehalem") })
}

func TestRestoredMachineIsWrongByNoMoreThanThePause(t *testing.T) {
	length := 5 * time.Second
	if *long {
		length = 3 * time.Minute
	}
	s := begin(t, Config{})
	s.pause(fmt.Sprintf("saved, ended and restored, %v", length), func() { s.restoreAfter(length) })
}

func TestClonesAreWrongByNoMoreThanThePause(t *testing.T) {
	s := begin(t, Config{})
	var other *trial
	s.pause("two clones of one snapshot: the first", func() {
		state := filepath.Join(t.TempDir(), "state")
		s.machine.Stop()
		s.machine.Save(state)
		s.machine.Kill()
		clone := s.machine.Restore(state, "")
		s.goOnWith(s.machine.Restore(state, ""))
		s.machine.Continue()

		// The other one begins to run while the first is being judged, and is stopped meanwhile.
		other = &trial{T: t, machine: clone, random: s.random, drift: s.drift}
	})
	s.watcher.Close()
	// The clock in the other one is as it was in the snapshot: it has known its servers for a while.
	other.watcher = Watch(t, other.machine)
	other.pauseSince(s.last, "two clones of one snapshot: the second", other.machine.Continue)
}

// What a machine sees it does not answer over: after the first look nothing is wrong.

func TestSleepIsNoticedAtTheFirstLook(t *testing.T) {
	s := begin(t, Config{})
	s.sleep("suspend to memory (S3), 4s", func() {
		s.machine.Do("sleep mem")
		s.machine.AwaitSuspend()
		time.Sleep(4 * time.Second)
		s.machine.Wake()
	})
}

func (s *trial) sleep(what string, do func()) {
	s.Helper()
	v, length := s.strike(what, do)
	require.True(s, v.Noticed, "nobody noticed a sleep of %v", length)
	// The machine has been told to wake, and does so when it gets to it: it may have slept until just before it noticed.
	require.LessOrEqual(s, v.Worst, length+v.NoticedHost, "wrong by more than the sleep")
	require.Contains(s, v.Reason, "suspended")
	require.Zero(s, v.WrongAfter, "wrong after it was noticed")
	s.restart()
}

// Where the real-time clock goes on meanwhile, as qemu's does, a pause of 3 s or more is noticed long before the servers would
// be asked: every 16 s here, as by default.

func TestRealTimeClockShowsAPauseBeforeTheServersDo(t *testing.T) {
	s := begin(t, Config{Arguments: []string{"-poll", "16s"}})
	v, length := s.strike("stop and cont, 4s, asking every 16s", func() { s.stopFor(4 * time.Second) })
	require.LessOrEqual(t, v.Worst, length, "wrong by more than the pause")
	require.Contains(t, v.Reason, "real-time clock has gained")
	require.Zero(t, v.WrongAfter, "wrong after it was noticed")
}

// What makes no counter stand still makes no answer wrong, at any time.

func TestNothingElseMakesAnswersWrong(t *testing.T) {
	s := begin(t, Config{})
	const clocksource = "/sys/devices/system/clocksource/clocksource0/current_clocksource"
	usual := s.machine.Do("read " + clocksource)
	s.harmless("clocksource "+usual+" to acpi_pm", func() { s.machine.Do("write " + clocksource + " acpi_pm") })
	s.harmless("clocksource acpi_pm to "+usual, func() { s.machine.Do("write " + clocksource + " " + usual) })
	s.harmless("a CPU offline for 1s", func() {
		s.machine.Do("write /sys/devices/system/cpu/cpu1/online 0")
		time.Sleep(time.Second)
		s.machine.Do("write /sys/devices/system/cpu/cpu1/online 1")
	})
	s.harmless("wall clock set by an hour, and back", func() {
		s.machine.Do("setclock 1h")
		time.Sleep(time.Second)
		s.machine.Do("setclock -1h")
	})
	s.harmless("RTC set by an hour", func() { s.machine.Do("setrtc 1h") })
	s.harmless("no CPU gets any time for 2s, and the counters go on", func() { s.machine.WithoutTime(2 * time.Second) })
	// Without a driver of deep idle states (cpuidle), which most virtual machines have no use for, the kernel keeps time while it is frozen.
	frozen := []time.Duration{4 * time.Second}
	if *long {
		frozen = append(frozen, time.Second, 10*time.Second, time.Minute)
	}
	for _, length := range frozen {
		s.harmless(fmt.Sprintf("freeze (s2idle), %v", length), func() { s.machine.Freeze(length) })
	}
}

func TestACPUWithoutTimeMakesNoAnswerWrong(t *testing.T) {
	s := begin(t, Config{ThreadPerCPU: true})
	s.harmless("one CPU of two gets no time for 2s", func() { s.machine.WithoutCPU(1, 2*time.Second) })
}

func (s *trial) harmless(what string, do func()) {
	s.Helper()
	v, _ := s.strike(what, do)
	require.Zero(s, v.Wrong, "%d of %d answers were wrong, by up to %v", v.Wrong, v.Answers, v.Worst)
	s.restart()
}
