package truetime

import (
	"fmt"

	"github.com/epsilontime/epsilon/internal/vmclock"
)

// vmWatch watches what the hypervisor says about the counter. The zero value watches nothing.
type vmWatch struct {
	device     *vmclock.Device
	text       string // for Status
	marker     uint64 // as it was when this epoch began
	generation uint64
}

func newVMWatch(device *vmclock.Device, text string) vmWatch {
	w := vmWatch{device: device, text: text}
	w.begin()
	return w
}

func (w *vmWatch) begin() {
	if w.device != nil {
		w.marker = w.device.Marker()
		w.generation, _ = w.device.Generation()
	}
}

// look returns what has changed since the epoch began, or the empty string, and begins again then.
func (w *vmWatch) look() (disruption string) {
	if w.device == nil {
		return ""
	}
	marker := w.device.Marker()
	generation, _ := w.device.Generation()
	switch {
	case generation != w.generation:
		disruption = fmt.Sprintf("this virtual machine was restored from a snapshot or cloned: its VMClock generation went from %d to %d", w.generation, generation)
	case marker != w.marker:
		disruption = fmt.Sprintf("the hypervisor disrupted the counter, as a migration does: the VMClock marker went from %d to %d", w.marker, marker)
	default:
		return ""
	}
	w.marker, w.generation = marker, generation
	return disruption
}
