package monotonic

import (
	"fmt"
	"time"
)

// reference is the system's own unslewed counter: the one to fall back on, and the one that a
// hardware counter is measured against.
//
// Each system has a file raw_GOOS.go with
//
//	readRaw() (int64, error)   nanoseconds since an arbitrary moment
//	rawName                    what it is called
//
// A reading that has succeeded once can fail later only if somebody takes away the permission.
// Readings are then 0, which is seen as a counter that went back.

// rawInstant reads the reference.
func rawInstant() Instant {
	ns, err := readRaw()
	if err != nil {
		return 0
	}
	return Instant(ns)
}

// checkRaw returns an error that wraps ErrNoCounter if the reference cannot be read.
func checkRaw() error {
	if _, err := readRaw(); err != nil {
		return fmt.Errorf("monotonic: reading %s failed: %w: %w", rawName, err, ErrNoCounter)
	}
	return nil
}

// rawResolution is by how much a reading of the reference may be behind, given the hardware that the
// system uses for it. The kernel rounds to nanoseconds what advances in ticks of that hardware.
func rawResolution(clocksource string) time.Duration {
	switch clocksource {
	case "tsc", "kvm-clock", "xen":
		return 3 // a tick is at most 1 ns, and it is rounded twice
	case "arch_sys_counter":
		return time.Microsecond // the architecture allows 1 MHz (Arm ARM, D11.1.2)
	case "hyperv_clocksource_tsc_page", "hyperv_clocksource_msr":
		return 102 // units of 100 ns
	case "hpet":
		return 102 // at least 10 MHz (IA-PC HPET specification 1.0a, section 2.2)
	case "acpi_pm":
		return 282 // 3.579545 MHz
	case "jiffies", "refined-jiffies":
		return 10_000_001 // CONFIG_HZ is at least 100
	default:
		return time.Microsecond
	}
}
