package ticks

import (
	"errors"
	"sync"
)

// ClockSource is the kernel's name for this counter.
const ClockSource = "tsc"

// Name is the instruction sequence that reads it.
const Name = "LFENCE+RDTSC"

// Read returns the time stamp counter. The LFENCE before RDTSC keeps the processor from reading the
// counter before an earlier load has been completed (Intel SDM volume 2, RDTSC): a program that has
// seen a message cannot get a reading from before it was sent. Without it the reading could be
// about 100 ns too old.
//
// RDTSCP alone would be as sound: it waits until all previous instructions have been executed and
// all previous loads are globally visible (same volume, RDTSCP). But it takes 21.6 ns where this
// takes 19.9 (AMD EPYC 9005, 2026-11-29), and not every virtual machine offers it.
//
//go:noescape
func Read() uint64

// cpuid executes CPUID for a leaf and subleaf 0.
//
//go:noescape
func cpuid(leaf uint32) (eax, ebx, ecx, edx uint32)

const (
	leafExtendedMax  = 0x80000000
	leafPower        = 0x80000007 // advanced power management (Intel SDM volume 2, CPUID)
	invariantTSC     = 1 << 8     // EDX: the TSC runs at one rate in all P, C and T states
	leafFeatures     = 1
	featureTSC       = 1 << 4  // EDX
	featureSSE2      = 1 << 26 // EDX: LFENCE
	requiredFeatures = featureTSC | featureSSE2
)

// Usable returns nil if the processor says that its counter runs at a constant rate in every state,
// and the kernel lets this process read it. The processor is asked once, as CPUID takes up to 200 µs in a
// virtual machine; the kernel each time, which takes one system call.
func Usable() error {
	if err := invariant(); err != nil {
		return err
	}
	return permitted()
}

// invariant returns nil if the processor says that its counter runs at a constant rate in every state.
var invariant = sync.OnceValue(func() error {
	if _, _, _, features := cpuid(leafFeatures); features&requiredFeatures != requiredFeatures {
		return errors.New("this processor has no time stamp counter")
	}
	if last, _, _, _ := cpuid(leafExtendedMax); last < leafPower {
		return errors.New("CPUID does not say whether the time stamp counter is invariant")
	}
	if _, _, _, power := cpuid(leafPower); power&invariantTSC == 0 {
		return errors.New("CPUID does not call the time stamp counter invariant (leaf 80000007H, EDX bit 8)")
	}
	return nil
})
