package demo

import (
	"encoding/binary"
	"fmt"
	"os"
	"sync/atomic"
)

// Hypervisor is one that tells its guests, in a file with the form of a VMClock device's page, that it has disrupted their counter
// as a migration does, whenever it is told to.
type Hypervisor struct {
	file   *os.File
	marker atomic.Uint64
}

// The fields of the page that a guest looks at before it believes in it, and the one that changes (Linux
// include/uapi/linux/vmclock-abi.h).
const (
	pageSize      = 112
	pageMagic     = 0x4b4c4356 // at 0, "VCLK"
	sizeOffset    = 4
	versionOffset = 8
	counterOffset = 10 // which counter the page's time is for
	counterNone   = 0xff
	markerOffset  = 16
)

// NewHypervisor makes the file.
func NewHypervisor() (*Hypervisor, error) {
	file, err := os.CreateTemp("", "epsilon-demonstration-vmclock-")
	if err != nil {
		return nil, fmt.Errorf("cannot make a page for the demonstration's hypervisor: %w", err)
	}
	page := make([]byte, pageSize)
	binary.LittleEndian.PutUint32(page, pageMagic)
	binary.LittleEndian.PutUint32(page[sizeOffset:], pageSize)
	binary.LittleEndian.PutUint16(page[versionOffset:], 1)
	page[counterOffset] = counterNone
	h := &Hypervisor{file: file}
	if _, err := file.Write(page); err != nil {
		h.Close()
		return nil, fmt.Errorf("cannot write the page of the demonstration's hypervisor: %w", err)
	}
	return h, nil
}

// Path is where the page is.
func (h *Hypervisor) Path() string { return h.file.Name() }

// Disrupt tells that the counter was disrupted.
func (h *Hypervisor) Disrupt() error {
	marker := binary.LittleEndian.AppendUint64(nil, h.marker.Add(1))
	if _, err := h.file.WriteAt(marker, markerOffset); err != nil {
		return fmt.Errorf("the demonstration's hypervisor cannot tell of a disruption: %w", err)
	}
	return nil
}

// Close removes the file. Who has mapped it keeps it as it was.
func (h *Hypervisor) Close() {
	_ = h.file.Close()
	_ = os.Remove(h.file.Name())
}
