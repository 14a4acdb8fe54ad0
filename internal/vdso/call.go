//go:build linux && (amd64 || arm64)

package vdso

import "unsafe"

const (
	smallFrame = 512   // in the assembly
	largeFrame = 10240 // likewise
	margin     = 2     // how many times the measured depth a frame has to have
)

// callSmall calls clock_gettime at the address given, on a frame of smallFrame bytes. It returns
// nanoseconds, or −1 if the call failed.
//
//go:noescape
func callSmall(function uintptr, clock int32) (nanoseconds int64)

// callLarge does the same on a frame of largeFrame bytes.
//
//go:noescape
func callLarge(function uintptr, clock int32) (nanoseconds int64)

// callOn does the same on a stack that ends at the address given. No signal may come meanwhile. It
// returns what clock_gettime does.
//
//go:noescape
func callOn(function uintptr, clock int32, time unsafe.Pointer, stack uintptr) (result int32)
