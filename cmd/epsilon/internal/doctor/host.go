package doctor

import (
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"
)

// What is wrong with the host, as far as its files show it. What cannot be read is not held against it.

// read returns what a file has in it, without spaces around; empty if it cannot be read.
func (c *Case) read(path string) string {
	data, err := fs.ReadFile(c.System, path)
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(data))
}

const clocksources = "sys/devices/system/clocksource/clocksource0/"

// slow are clocksources that are read over a bus, at about a microsecond a time.
var slow = []string{"hpet", "acpi_pm", "jiffies", "refined-jiffies", "pit"}

func checkClocksource(c *Case, f *findings) {
	current := c.read(clocksources + "current_clocksource")
	if !slices.Contains(slow, current) {
		return
	}
	do := "see why the kernel does not use the processor's counter: \"dmesg | grep -i -e tsc -e clocksource\""
	if slices.Contains(strings.Fields(c.read(clocksources+"available_clocksource")), "tsc") {
		do = "have the kernel use the processor's counter: echo tsc > /" + clocksources + "current_clocksource, or clocksource=tsc on its command line"
	}
	f.add("slow-clocksource", Warning, do, "The kernel keeps time by %s, which takes a microsecond to read and every reading of the clock with it.", current)
}

// Virtual reports whether the host is a virtual machine, as far as its files show it: known is false where
// they do not say.
func (c *Case) Virtual() (virtual, known bool) {
	virtual = c.read("sys/hypervisor/type") != ""
	for line := range strings.Lines(c.read("proc/cpuinfo")) {
		if name, flags, found := strings.Cut(line, ":"); found && strings.TrimSpace(name) == "flags" {
			return virtual || slices.Contains(strings.Fields(flags), "hypervisor"), true
		}
	}
	return virtual, virtual
}

func checkVirtualMachine(c *Case, f *findings) {
	if virtual, _ := c.Virtual(); !virtual {
		return
	}
	_, err := fs.Stat(c.System, "dev/vmclock0")
	switch {
	case err != nil:
		f.add("no-vmclock", Advice, "ask whoever runs the hypervisor for a VMClock device (QEMU has one); without it, poll often",
			"This is a virtual machine without a VMClock device: that it was migrated or restored is noticed only when the sources contradict the past.")
	case c.Report != nil && strings.Contains(c.Report.Clock.Counter, "VMClock not watched"):
		_, why, _ := strings.Cut(c.Report.Clock.Counter, "VMClock not watched: ")
		f.add("vmclock-unread", Warning, "let the daemon's user read /dev/vmclock0, by a rule of udev for one", "The VMClock device is there, and the daemon does not watch it: %s.", why)
	}
}

// steering are programs that steer the system clock, by what the kernel calls them (15 letters at most).
var steering = map[string]string{
	"chronyd": "chronyd", "ntpd": "ntpd", "systemd-timesyn": "systemd-timesyncd", "openntpd": "openntpd", "phc2sys": "phc2sys",
	"ntp-daemon": "ntpd-rs",
}

// maxProcesses bounds how many are looked at.
const maxProcesses = 100_000

func checkSteering(c *Case, f *findings) {
	entries, err := fs.ReadDir(c.System, "proc")
	if err != nil {
		return
	}
	pids := map[string]int{} // the lowest of each
	for _, entry := range entries[:min(len(entries), maxProcesses)] {
		pid, err := strconv.Atoi(entry.Name())
		if err != nil {
			continue
		}
		name, steers := steering[c.read("proc/"+entry.Name()+"/comm")]
		if !steers || name == "chronyd" && c.leavesTheClockAlone(entry.Name()) {
			continue
		}
		if first, found := pids[name]; !found || pid < first {
			pids[name] = pid
		}
	}
	if len(pids) < 2 {
		return
	}
	var running []string
	for name, pid := range pids {
		running = append(running, fmt.Sprintf("%s (pid %d)", name, pid))
	}
	slices.Sort(running)
	f.add("two-steer", Warning, `keep one of them, and "systemctl disable --now" the others`,
		"%s steer the system clock at the same time, and undo what the other does. Sources chrony and kernel may be wrong by it.", listed(running))
}

// leavesTheClockAlone reports whether a chronyd was started with its option -x (chronyd(8)).
func (c *Case) leavesTheClockAlone(pid string) bool {
	return slices.Contains(strings.Split(c.read("proc/"+pid+"/cmdline"), "\x00"), "-x")
}
