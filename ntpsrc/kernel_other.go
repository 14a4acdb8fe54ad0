//go:build !linux

package ntpsrc

import "errors"

// errNoKernelClock is why Kernel cannot be used here.
var errNoKernelClock = errors.New("the kernel's bound on its clock can be read on Linux only: use Server or Chrony")

func kernelSupported() error { return errNoKernelClock }

func readKernelClock() (kernelClock, error) { return kernelClock{}, errNoKernelClock }
