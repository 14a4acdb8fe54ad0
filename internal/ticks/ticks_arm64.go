package ticks

// ClockSource is the kernel's name for this counter.
const ClockSource = "arch_sys_counter"

// Name is the instruction sequence that reads it.
const Name = "ISB+CNTVCT_EL0"

// Read returns the virtual counter. The ISB before it keeps the processor from reading the counter
// early (Arm ARM, D11.2.1: reads of CNTVCT_EL0 may occur speculatively and out of order).
//
//go:noescape
func Read() uint64

// Usable returns nil: the architecture defines the system counter to run at one rate in every state
// (Arm ARM, D11.1.1), and Linux lets every process read it, by a trap where it must.
func Usable() error { return permitted() }
