package vmclock

import (
	"os"
	"slices"
	"strings"

	"github.com/epsilontime/epsilon/internal/ticks"
)

const availableClocksources = "/sys/devices/system/clocksource/clocksource0/available_clocksource"

// kernelTrustsCounter returns an error if the kernel has found the counter to be unstable, for
// instance not to agree between processors. The kernel's own reader of the page makes the same
// check (check_tsc_unstable in Linux drivers/ptp/ptp_vmclock.c).
//
// The counter need not be the kernel's current clocksource: a guest often runs on kvm-clock, which
// is derived from the same counter. But one that turns out to be unstable leaves the list of those
// available (__clocksource_unstable in Linux kernel/time/clocksource.c), even if that happens days
// after the start.
func kernelTrustsCounter(list string) error {
	content, err := os.ReadFile(list)
	if err != nil {
		return noTime("whether the kernel trusts the counter %s cannot be seen: %w", ticks.ClockSource, err)
	}
	available := strings.Fields(string(content))
	if !slices.Contains(available, ticks.ClockSource) {
		return noTime("the kernel does not trust the counter %s: %s lists only %.80q", ticks.ClockSource, list, available)
	}
	return nil
}
