package vmclock

import "errors"

// Errors of [Device.Read]. Compare with errors.Is. Each is wrapped with the path and the reason.
var (
	// ErrNoTime: the page can be read, and what it says does not bound the time.
	ErrNoTime = errors.New("no usable time")

	// ErrBusy: the hypervisor was changing the page at every attempt to read it, or began to and
	// never finished. The next attempt may succeed.
	ErrBusy = errors.New("the page is being changed")
)
