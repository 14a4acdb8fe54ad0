package localcounter

import (
	"fmt"
	"math"
	"time"
)

// rawResolution returns by how much a reading of the reference may be behind. The kernel rounds to
// nanoseconds what advances in ticks of the hardware that it keeps time by. Where a specification
// defines the length of a tick, that is used; otherwise it is measured: a processor's counter (tsc, kvm-clock, xen,
// arch_sys_counter) may move by many ticks at once.
func rawResolution(m machine, clocksource string) (time.Duration, error) {
	switch clocksource {
	case "hyperv_clocksource_tsc_page", "hyperv_clocksource_msr":
		return 102, nil // units of 100 ns
	case "hpet":
		return 102, nil // at least 10 MHz (IA-PC HPET specification 1.0a, section 2.2)
	case "acpi_pm":
		return 282, nil // 3.579545 MHz
	case "jiffies", "refined-jiffies":
		return jiffy, nil
	}
	return measureResolution(m)
}

// jiffy is the longest tick of all, rounded up: CONFIG_HZ is at least 100.
const jiffy = 10_000_001 * time.Nanosecond

const (
	resolutionSteps    = 16
	resolutionReadings = 10_000_000 // without a step: a tick takes longer than 0.2 s, or there is none
	resolutionRounding = 3          // nanoseconds: the kernel truncates two readings, and a tick may not be whole
)

// measureResolution reads the reference until it has moved resolutionSteps times, and returns the
// shortest step. A step is one tick or, where reading takes longer, several, so the shortest step
// is never less than a tick.
func measureResolution(m machine) (time.Duration, error) {
	last, err := m.raw()
	if err != nil {
		return 0, fmt.Errorf("reading %s failed: %w", rawName, err)
	}
	shortest, steps := int64(math.MaxInt64), 0
	for readings := 0; steps < resolutionSteps; readings++ {
		now, err := m.raw()
		switch {
		case err != nil:
			return 0, fmt.Errorf("reading %s failed: %w", rawName, err)
		case now < last:
			return 0, fmt.Errorf("%s went back from %d to %d ns", rawName, last, now)
		case now == last && readings > resolutionReadings:
			return 0, fmt.Errorf("%s stands still", rawName)
		case now == last:
			continue
		}
		shortest = min(shortest, now-last)
		last, readings = now, 0
		steps++
	}
	return time.Duration(shortest + resolutionRounding), nil
}
