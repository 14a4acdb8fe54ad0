package monotonic

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// sysfsClocksource is where the kernel describes its clocksources
// (Documentation/ABI/stable/sysfs-devices-system-clocksource).
const sysfsClocksource = "/sys/devices/system/clocksource/clocksource0"

var errClocksource = errors.New("the kernel changed its clocksource")

// clocksource returns the name of the kernel's current clocksource.
func (ch chooser) clocksource() (string, error) {
	if ch.sysfs == "" {
		return "", errors.New("the kernel's clocksource is not known")
	}
	path := filepath.Join(ch.sysfs, "current_clocksource")
	text, err := readShort(path)
	if err != nil {
		return "", fmt.Errorf("the kernel's clocksource is not known: %s: %w", path, err)
	}
	name := strings.TrimSpace(string(text))
	if name == "" {
		return "", errors.New("the kernel names no clocksource")
	}
	return name, nil
}

// readShort returns the beginning of a file. os.ReadFile would do, at twice as many system calls: it
// looks for the size and the end of the file, and asks the poller to watch it.
func readShort(path string) ([]byte, error) {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	defer unix.Close(fd)
	text := make([]byte, 64) // CS_NAME_LEN is 32, kernel/time/clocksource.c
	n, err := unix.Read(fd, text)
	return text[:max(n, 0)], err
}

// machine watches what the kernel says about its clocks.
type machine struct {
	chooser
	name string  // of the clocksource; empty if not known
	read Instant // when it was read last

	// Bounds of CLOCK_BOOTTIME − CLOCK_MONOTONIC. Both are slewed alike, and only a suspend moves one
	// against the other (kernel/time/timekeeping.c, __timekeeping_inject_sleeptime).
	suspendedMin, suspendedMax int64
	seesSuspend                bool // false where the kernel does not let us read them
}

func newMachine(sysfs string) machine { return machine{chooser: chooser{sysfs: sysfs}} }

// clocksourceEvery is how often the name of the clocksource is read: a file, which costs more than
// everything else that is looked at.
const clocksourceEvery = time.Second

func (m *machine) begin() {
	m.name, _ = m.clocksource()
	m.read = rawInstant()
	var err error
	m.suspendedMin, m.suspendedMax, err = suspended()
	m.seesSuspend = err == nil
}

// check returns what has changed since begin.
func (m *machine) check() error {
	if m.seesSuspend {
		least, most, err := suspended()
		if err != nil {
			return err
		}
		if least > m.suspendedMax || most < m.suspendedMin {
			return fmt.Errorf("the machine was suspended for about %v", time.Duration(least-m.suspendedMin).Round(time.Millisecond))
		}
		m.suspendedMin, m.suspendedMax = max(m.suspendedMin, least), min(m.suspendedMax, most)
	}
	now := rawInstant()
	if m.name == "" || now.Sub(m.read).Abs() < clocksourceEvery {
		return nil
	}
	m.read = now
	name, err := m.clocksource()
	if err != nil {
		return fmt.Errorf("%w: %w", errClocksource, err)
	}
	if name != m.name {
		return fmt.Errorf("%w from %s to %s", errClocksource, m.name, name)
	}
	return nil
}

// suspended bounds how long the machine has been suspended since it was booted: CLOCK_BOOTTIME, read
// between two readings of CLOCK_MONOTONIC, less each of these.
func suspended() (least, most int64, err error) {
	before, err1 := readClock(unix.CLOCK_MONOTONIC)
	boot, err2 := readClock(unix.CLOCK_BOOTTIME)
	after, err3 := readClock(unix.CLOCK_MONOTONIC)
	if err := errors.Join(err1, err2, err3); err != nil {
		return 0, 0, fmt.Errorf("reading CLOCK_BOOTTIME and CLOCK_MONOTONIC failed: %w", err)
	}
	return boot - after, boot - before, nil
}
