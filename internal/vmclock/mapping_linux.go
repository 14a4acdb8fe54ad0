//go:build amd64 || arm64

package vmclock

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// mapping is the page in this process's memory.
type mapping struct {
	memory []byte
	live   *livePage
}

// mapPage maps one page of the file, read-only. The driver accepts neither another length nor
// another offset, nor a mapping that can be written (vmclock_miscdev_mmap in Linux
// drivers/ptp/ptp_vmclock.c).
func mapPage(path string) (mapping, error) {
	// O_NONBLOCK keeps a named pipe, given by mistake, from blocking here for ever.
	file, err := os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK, 0)
	if err != nil {
		return mapping{}, err
	}
	defer file.Close() // the mapping holds the device
	if err := mappable(file); err != nil {
		return mapping{}, err
	}
	memory, err := unix.Mmap(int(file.Fd()), 0, os.Getpagesize(), unix.PROT_READ, unix.MAP_SHARED)
	if err != nil {
		return mapping{}, fmt.Errorf("mapping its page failed, so it is no vmclock device: %w", err)
	}
	return mapping{memory, (*livePage)(unsafe.Pointer(unsafe.SliceData(memory)))}, nil
}

// mappable refuses whatever would be mapped without complaint and then kill the process by SIGBUS
// at the first load: a file that ends before the structure does. A device has no size.
func mappable(file *os.File) error {
	info, err := file.Stat()
	if err != nil {
		return err
	}
	switch {
	case info.Mode()&fs.ModeCharDevice != 0:
		return nil
	case !info.Mode().IsRegular():
		return errors.New("it is not a character device")
	case info.Size() < pageBytes:
		return fmt.Errorf("the file has %d bytes, and a VMClock page at least %d; give the path of a vmclock device", info.Size(), pageBytes)
	}
	return nil
}

func (m mapping) unmap() { _ = unix.Munmap(m.memory) }
