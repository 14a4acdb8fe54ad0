package vmclock

import (
	"errors"
	"fmt"
	"io/fs"
	"runtime"
	"sync/atomic"

	"github.com/epsilontime/epsilon/internal/ticks"
)

// DefaultPath is where Linux puts the first VMClock device.
const DefaultPath = "/dev/vmclock0"

// Device is an open VMClock page. The zero value is not usable: see [Open].
type Device struct {
	path   string
	live   *livePage
	closed atomic.Bool

	counterFault error  // why this process cannot read the counter, for Read
	clocksources string // where the kernel lists the counters that it trusts
}

// Open maps the page of the device at path, which is [DefaultPath] as a rule. The device file
// itself does not stay open.
//
// The error wraps fs.ErrNotExist if there is no such device, fs.ErrPermission if this process may
// not read it, and errors.ErrUnsupported on systems other than Linux on amd64 and arm64. Otherwise
// it says what is wrong with the page.
//
// In place of a device a regular file with the same content is accepted, for tests. Whoever
// truncates it while it is open crashes the process (SIGBUS), which cannot happen to a device.
func Open(path string) (*Device, error) {
	mapped, err := mapPage(path)
	if err != nil {
		return nil, explain(path, err)
	}
	if err := mapped.live.identify(); err != nil {
		mapped.unmap()
		return nil, fmt.Errorf("vmclock: %s: %w", path, err)
	}
	d := &Device{path: path, live: mapped.live, counterFault: ticks.Usable(), clocksources: availableClocksources}
	runtime.AddCleanup(d, mapping.unmap, mapped)
	return d, nil
}

// identify checks the fields that say what the page is. They are constant as long as the device
// exists (UAPI.13, "The vmclock_abi structure"), so this needs no sequence protocol.
func (l *livePage) identify() error {
	p := page{wordMagic: l[wordMagic].Load(), wordSequence: l[wordSequence].Load()}
	switch {
	case p.magic() != magic:
		return fmt.Errorf("not a VMClock page: it begins with %#08x, not with %#08x; give the path of a vmclock device", p.magic(), magic)
	case p.version() != version:
		return fmt.Errorf("version %d of the VMClock page is not known, only %d is; use a newer release of this package", p.version(), version)
	case p.size() < pageBytes:
		return fmt.Errorf("the VMClock page says that it has %d bytes, too few for the %d of its version; this is a fault of the hypervisor", p.size(), pageBytes)
	}
	return nil
}

// explain says what to do about a device that cannot be opened.
func explain(path string, err error) error {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("vmclock: no device at %s: this machine is not a guest, or its hypervisor has no VMClock, or the kernel is older than 6.13 or lacks the module ptp_vmclock: %w", path, err)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf(`vmclock: %s may not be read by this process: let root add the udev rule KERNEL=="vmclock0", MODE="0644": %w`, path, err)
	default:
		return fmt.Errorf("vmclock: %s cannot be used: %w", path, err)
	}
}

// Close says that the device is no longer needed: from now on Read returns an error that wraps
// fs.ErrClosed. It always returns nil and may be called more than once.
//
// The page stays mapped until nobody can reach the Device any more, and Marker and Generation keep
// their meaning till then. To unmap it here would crash the process of whoever calls Marker at that
// moment, and nothing that could prevent this fits into the nanosecond that Marker may cost.
// What is held longer is one page of address space, and no memory.
func (d *Device) Close() error {
	d.closed.Store(true)
	return nil
}

// Marker returns the disruption marker. It is equal to an earlier one as long as the counter has
// not been disrupted; the value has no other meaning. It costs about a nanosecond.
//
// One load, without the sequence protocol, is enough to notice a change:
//
//   - It is one aligned word, so the load does not tear. Were the hypervisor to store it piece by
//     piece, a mixture would either still equal the old value, as if it had been read a moment
//     earlier, or differ from it, which is what there is to see: values do not repeat.
//   - It need not agree with any other field. Read returns the one that belongs to its time.
//   - The counter cannot be disrupted while the virtual processor runs, only while it is stopped,
//     and the marker is changed before it goes on. The processor forgets what it did ahead of the
//     instruction at which it stops, so the marker is loaded after the counter was read as seen
//     from there, although neither instruction waits for the other.
func (d *Device) Marker() uint64 {
	marker := d.live[wordMarker].Load()
	runtime.KeepAlive(d) // the page is mapped for as long as d is
	return marker
}

// Generation returns the generation counter of the virtual machine, which changes when the guest
// has been restored from a snapshot or cloned, and whether the hypervisor maintains it.
func (d *Device) Generation() (generation uint64, present bool) {
	present = d.live[wordFlags].Load()&flagGenerationPresent != 0
	generation = d.live[wordGeneration].Load()
	runtime.KeepAlive(d)
	if !present {
		return 0, false
	}
	return generation, true
}
