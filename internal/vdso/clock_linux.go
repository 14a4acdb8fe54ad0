//go:build amd64 || arm64

package vdso

import (
	"errors"
	"fmt"
	"runtime"
	"sync"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Open returns the way to read the kernel's clocks that this machine allows. It measures once in
// the life of the process, in about 0.1 ms, what the kernel's code needs.
var Open = sync.OnceValue(func() *Clock { return open(lookup) })

func open(lookup func() (uintptr, error)) *Clock {
	bySystemCall := func(reason error) *Clock { return &Clock{text: "by system call: " + reason.Error()} }
	function, err := lookup()
	if err != nil {
		return bySystemCall(err)
	}
	depth, err := depth(function)
	if err != nil {
		return bySystemCall(err)
	}
	c := &Clock{function: function, large: depth > smallFrame/margin, text: "through the vDSO"}
	unblock, err := blockSignals() // it may not be interruptible
	if err != nil {
		return bySystemCall(err)
	}
	speed := c.speed()
	unblock()
	if speed != "" {
		c.text += ", " + speed
	}
	if !interruptible {
		c.function, c.apart = 0, function
		c.text = "by system call, and for comparisons " + c.text
	}
	return c
}

// imageOfVDSO is AT_SYSINFO_EHDR (getauxval(3)).
const imageOfVDSO = 33

// lookup finds clock_gettime in the image that the kernel has mapped into this process.
func lookup() (uintptr, error) {
	vector, err := unix.Auxv()
	if err != nil {
		return 0, fmt.Errorf("the auxiliary vector cannot be read: %w", err)
	}
	for _, entry := range vector {
		if entry[0] == imageOfVDSO && entry[1] != 0 {
			return find(entry[1])
		}
	}
	return 0, errors.New("the kernel maps no vDSO")
}

func find(start uintptr) (uintptr, error) {
	page := uintptr(unix.Getpagesize())
	if start%page != 0 || !mapped(start, page) {
		return 0, errImage
	}
	extent, err := at(start, page).extent()
	if err != nil {
		return 0, err
	}
	if extent > 1<<20 || !mapped(start, uintptr(extent)) {
		return 0, errImage
	}
	offset, err := at(start, uintptr(extent)).function(function)
	return start + uintptr(offset), err
}

// at returns memory that the kernel has mapped, and Go knows nothing of.
func at(address, size uintptr) image {
	return unsafe.Slice(*(**byte)(unsafe.Pointer(&address)), size)
}

// Now reads a clock, in nanoseconds since its zero. It allocates nothing and may be called from
// many goroutines.
func (c *Clock) Now(clock int32) (int64, error) {
	if c != nil && c.function != 0 {
		if c.large {
			if now := callLarge(c.function, clock); now >= 0 {
				return now, nil
			}
		} else if now := callSmall(c.function, clock); now >= 0 {
			return now, nil
		}
	}
	return systemCall(clock)
}

// Uninterrupted returns the quickest Clock for what is read before end is called, by the same
// goroutine and soon: no signal reaches its thread until then.
func (c *Clock) Uninterrupted() (quickest *Clock, end func()) {
	if c == nil || c.apart == 0 {
		return c, func() {}
	}
	unblock, err := blockSignals()
	if err != nil {
		return c, func() {}
	}
	return &Clock{function: c.apart, large: c.large}, unblock
}

// blockSignals keeps all signals from the thread of this goroutine, which stays on it.
func blockSignals() (unblock func(), err error) {
	runtime.LockOSThread()
	var all, before unix.Sigset_t
	for i := range all.Val {
		all.Val[i]--
	}
	if err := unix.PthreadSigmask(unix.SIG_SETMASK, &all, &before); err != nil {
		runtime.UnlockOSThread()
		return nil, err
	}
	return func() {
		_ = unix.PthreadSigmask(unix.SIG_SETMASK, &before, nil) // it has just been allowed
		runtime.UnlockOSThread()
	}, nil
}

// speed says if the kernel's code makes the system call itself, as it does where the hardware that
// the kernel keeps time by cannot be read by a process (hpet, acpi_pm). That shows only in how long
// it takes.
func (c *Clock) speed() string {
	quickest := func(read func()) int64 {
		best := int64(1 << 62)
		for range 16 {
			before, _ := c.Now(unix.CLOCK_MONOTONIC)
			read()
			after, _ := c.Now(unix.CLOCK_MONOTONIC)
			best = min(best, after-before)
		}
		return best
	}
	nothing := quickest(func() {})
	call := quickest(func() { _, _ = systemCall(unix.CLOCK_MONOTONIC_RAW) }) - nothing
	here := quickest(func() { _, _ = c.Now(unix.CLOCK_MONOTONIC_RAW) }) - nothing
	if 4*here > 3*call {
		return "which makes a system call of it"
	}
	return ""
}
