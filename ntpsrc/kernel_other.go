//go:build !linux

package ntpsrc

func kernelSupported() error { return errNoKernelClock }

func readKernelClock() (kernelClock, error) { return kernelClock{}, errNoKernelClock }
