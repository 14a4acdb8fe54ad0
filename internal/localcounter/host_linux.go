package localcounter

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

// clocksource returns the name of the kernel's current clocksource.
func (h host) clocksource() (string, error) {
	path := filepath.Join(h.sysfs, "current_clocksource")
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

// readShort returns the beginning of a file. os.ReadFile makes twice as many system calls: it asks
// for the size and the end of the file, and registers it with the poller.
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

// suspension reads CLOCK_BOOTTIME between two readings of CLOCK_MONOTONIC. Both are slewed alike,
// and only a suspend moves one against the other (kernel/time/timekeeping.c,
// __timekeeping_inject_sleeptime).
func (h host) suspension() suspension {
	clock := h.reference.clock
	before, err1 := clock.Now(unix.CLOCK_MONOTONIC)
	boot, err2 := clock.Now(unix.CLOCK_BOOTTIME)
	after, err3 := clock.Now(unix.CLOCK_MONOTONIC)
	return suspension{
		least: time.Duration(boot - after),
		most:  time.Duration(boot - before),
		known: err1 == nil && err2 == nil && err3 == nil,
	}
}
