package realtimeclock

import (
	"os"
	"slices"
	"strconv"
	"strings"
)

// Path is the file that shows the first real-time clock, rtc0, in seconds since 1970.
const Path = "/sys/class/rtc/rtc0/since_epoch"

// Read returns what reads the clock of a virtual machine, and nil if there is none that could show anything. What stops the counter of a machine
// that is not virtual is a suspend, which the kernel tells of.
func Read() func() (int64, error) {
	if !virtual("/proc/cpuinfo") {
		return nil
	}
	read := func() (int64, error) { return readFile(Path) }
	if _, err := read(); err != nil {
		return nil
	}
	return read
}

func readFile(path string) (int64, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return 0, err
	}
	return strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
}

// virtual reports whether the processor says that a hypervisor runs this machine (CPUID 1, ECX bit 31).
func virtual(cpuinfo string) bool {
	text, err := os.ReadFile(cpuinfo)
	if err != nil {
		return false
	}
	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(line, "flags") {
			return slices.Contains(strings.Fields(line), "hypervisor")
		}
	}
	return false
}
