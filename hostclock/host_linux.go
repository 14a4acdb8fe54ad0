package hostclock

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"time"
)

// host is what tells this machine, since it was started, and this process's view of its clocks from others.
type host struct {
	boot [16]byte

	// By how much CLOCK_MONOTONIC with CLOCK_MONOTONIC_RAW, and CLOCK_BOOTTIME, are ahead here of what they are in the
	// machine's first time namespace (time_namespaces(7)).
	monotonic, boottime time.Duration
}

// readHost reads what does not change as long as the process runs: a process with several threads, such as every Go
// program, cannot change its time namespace (setns(2)).
func readHost() (h host, err error) {
	const bootID = "/proc/sys/kernel/random/boot_id"
	text, err := os.ReadFile(bootID)
	if err != nil {
		return h, fmt.Errorf("which boot of the machine this is cannot be read: let /proc be mounted: %w", err)
	}
	id, err := hex.DecodeString(strings.ReplaceAll(strings.TrimSpace(string(text)), "-", ""))
	if err != nil || len(id) != len(h.boot) {
		return h, fmt.Errorf("%s has no boot id but %.40q", bootID, text)
	}
	copy(h.boot[:], id)
	h.monotonic, h.boottime, err = timeOffsets()
	return h, err
}

// timeOffsets returns the offsets of this process's time namespace. The kernel shows those that its children will
// have, which are its own unless it has called unshare(2).
func timeOffsets() (monotonic, boottime time.Duration, err error) {
	text, err := os.ReadFile("/proc/self/timens_offsets")
	if errors.Is(err, fs.ErrNotExist) {
		return 0, 0, nil // a kernel without time namespaces; /proc is there
	}
	if err != nil {
		return 0, 0, err
	}
	own, err1 := os.Readlink("/proc/self/ns/time")
	children, err2 := os.Readlink("/proc/self/ns/time_for_children")
	if err1 != nil || err2 != nil || own != children {
		return 0, 0, fmt.Errorf("this process's time namespace (%s) is not that of its children (%s), so its offsets cannot be read: "+
			"start it inside of the new one, as unshare --fork does", own, children)
	}
	return parseTimeOffsets(string(text))
}

// parseTimeOffsets reads the lines "monotonic" and "boottime" of timens_offsets, with seconds and nanoseconds.
func parseTimeOffsets(text string) (monotonic, boottime time.Duration, err error) {
	for line := range strings.Lines(text) {
		fields := strings.Fields(line)
		if len(fields) != 3 {
			return 0, 0, fmt.Errorf("/proc/self/timens_offsets has a line %.80q", line)
		}
		seconds, err1 := strconv.ParseInt(fields[1], 10, 64)
		nanoseconds, err2 := strconv.ParseInt(fields[2], 10, 64)
		const limit = 1 << 33 // seconds, which fit a Duration
		if err1 != nil || err2 != nil || seconds <= -limit || seconds >= limit || nanoseconds < 0 || nanoseconds >= 1e9 {
			return 0, 0, fmt.Errorf("/proc/self/timens_offsets has a line %.80q", line)
		}
		offset := time.Duration(seconds)*time.Second + time.Duration(nanoseconds)
		switch fields[0] {
		case "monotonic":
			monotonic = offset
		case "boottime":
			boottime = offset
		}
	}
	return monotonic, boottime, nil
}
