package ticks

import (
	"errors"
	"unsafe"

	"golang.org/x/sys/unix"
)

// permitted returns an error if reading the counter would kill this process: prctl(2) with
// PR_SET_TSC makes it a fault, and some sandboxes do that.
func permitted() error {
	var mode int32
	if _, _, errno := unix.Syscall(unix.SYS_PRCTL, unix.PR_GET_TSC, uintptr(unsafe.Pointer(&mode)), 0); errno != 0 {
		return nil // a kernel that cannot forbid it: arm64 before 6.12
	}
	if mode != unix.PR_TSC_ENABLE {
		return errors.New("this process may not read the processor's counter (prctl PR_SET_TSC)")
	}
	return nil
}
