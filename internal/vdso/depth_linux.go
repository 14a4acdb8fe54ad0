//go:build amd64 || arm64

package vdso

import (
	"errors"
	"fmt"
	"os"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// clocks are what is read through the vDSO.
var clocks = [...]int32{unix.CLOCK_MONOTONIC_RAW, unix.CLOCK_MONOTONIC, unix.CLOCK_BOOTTIME}

// depth returns how far below its stack pointer the function that is given writes or reads: at most
// smallFrame/margin, at most largeFrame/margin, or an error if it goes deeper or fails.
//
// It runs on a mapping of our own whose pages nobody has touched, with the stack pointer so far
// above the end of a page as is to be found out. A page that is there afterwards has been touched.
// That shows also what paint would not: that a value was read, or written as it was, as the probes
// of a compiler do.
func depth(function uintptr) (int, error) {
	for _, limit := range [...]int{smallFrame / margin, largeFrame / margin} {
		switch deeper, err := goesDeeper(function, limit); {
		case err != nil:
			return 0, err
		case !deeper:
			return limit, nil
		}
	}
	return 0, fmt.Errorf("its code needs more than %d bytes of stack", largeFrame/margin)
}

// roomBelow is what is watched below the limit. Code that went deeper than that at once, past all
// of it, would end the process; the kernel's own stack is no larger.
const roomBelow = 64 << 10

func goesDeeper(function uintptr, limit int) (deeper bool, err error) {
	page := os.Getpagesize()
	above := (limit + page) / page * page // pages that may be touched
	memory, err := unix.Mmap(-1, 0, roomBelow+above, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON)
	if err != nil {
		return false, fmt.Errorf("no memory to measure its stack in: %w", err)
	}
	defer unix.Munmap(memory)
	_ = unix.Madvise(memory, unix.MADV_NOHUGEPAGE) // else a page may be larger than it is said to be; not every kernel has them

	if err := callEach(function, uintptr(unsafe.Pointer(&memory[roomBelow]))+uintptr(limit)); err != nil {
		return false, err
	}
	touched := make([]byte, len(memory)/page)
	if err := mincore(uintptr(unsafe.Pointer(&memory[0])), uintptr(len(memory)), touched); err != nil {
		return false, fmt.Errorf("whether its stack was touched cannot be seen: %w", err)
	}
	for _, t := range touched[:roomBelow/page] {
		deeper = deeper || t&1 == 1
	}
	if touched[len(touched)-1]&1 == 0 && limit < page {
		return false, errors.New("the kernel does not say which pages were touched")
	}
	return deeper, nil
}

// callEach calls the function for each clock on the stack that is given.
func callEach(function, stack uintptr) error {
	unblock, err := blockSignals()
	if err != nil {
		return fmt.Errorf("signals cannot be blocked: %w", err)
	}
	defer unblock()
	for _, clock := range clocks {
		for range 4 { // the kernel's code may take another way where it has to repeat
			var t unix.Timespec
			if callOn(function, clock, unsafe.Pointer(&t), stack) != 0 {
				return errors.New("its code returns an error")
			}
			if time.Duration(t.Nano()) <= 0 {
				return errors.New("its code gives no time")
			}
		}
	}
	return nil
}

// mapped reports whether memory is mapped.
func mapped(address, size uintptr) bool {
	page := uintptr(os.Getpagesize())
	return size > 0 && mincore(address, size, make([]byte, (size+page-1)/page)) == nil
}

// mincore tells which pages are in memory (mincore(2)). It fails where one is not mapped.
func mincore(address, size uintptr, pages []byte) error {
	if _, _, errno := unix.Syscall(unix.SYS_MINCORE, address, size, uintptr(unsafe.Pointer(&pages[0]))); errno != 0 {
		return errno
	}
	return nil
}
