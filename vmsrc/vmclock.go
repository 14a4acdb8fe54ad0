package vmsrc

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/epsilontime/epsilon/internal/vmclock"
	"github.com/epsilontime/epsilon/monotonic"
	"github.com/epsilontime/epsilon/truetime"
)

// DefaultPath is where Linux puts the first VMClock device.
const DefaultPath = "/dev/vmclock0"

// vmClock is a source that reads a VMClock page.
type vmClock struct {
	path string

	mu     sync.Mutex      // guards the device: several clocks may ask
	device *vmclock.Device // nil until it has been opened, and again after it has failed
}

// VMClock returns a source that reads the VMClock device at path, which is [DefaultPath] as a rule.
// It works on Linux on amd64 and arm64.
//
// The device is opened at the first poll and stays open. A device that does not exist yet, or not
// any more, is looked for again at every poll. The page is unmapped when nobody refers to the
// source any longer.
func VMClock(path string) truetime.Source { return &vmClock{path: path} }

// Info has "vmclock:" and the path for a name.
func (v *vmClock) Info() truetime.SourceInfo {
	return truetime.SourceInfo{Name: "vmclock:" + v.path, Err: v.mistake()}
}

// mistake is that of a path that no device can have. Whether there is one may change, and is seen
// when it is read.
func (v *vmClock) mistake() error {
	switch {
	case v.path == "":
		return fmt.Errorf("the path of the VMClock device is empty: it is %s as a rule", DefaultPath)
	case strings.ContainsRune(v.path, 0):
		return fmt.Errorf("the path of the VMClock device contains a NUL byte: %q", v.path)
	}
	return nil
}

// Sample reads the page once. That takes about 10 µs, and at most about 100 ms if the
// hypervisor does not finish an update; ctx is looked at before.
func (v *vmClock) Sample(ctx context.Context, counter monotonic.Counter) (truetime.Sample, error) {
	if err := ctx.Err(); err != nil {
		return truetime.Sample{}, fmt.Errorf("reading %s: %w", v.path, err)
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if err := v.open(); err != nil {
		return truetime.Sample{}, err
	}
	reading, err := v.device.Read(counter)
	switch {
	case errors.Is(err, vmclock.ErrNoTime):
		// The device is there and answers; to open it again would not change what it says.
		return truetime.Sample{}, fmt.Errorf("%w: %w", truetime.ErrUnusable, err)
	case err != nil:
		v.close()
		return truetime.Sample{}, err
	}
	return sample(reading), nil
}

func (v *vmClock) open() error {
	if v.device != nil {
		return nil
	}
	device, err := vmclock.Open(v.path)
	if err != nil {
		return err
	}
	v.device = device
	return nil
}

func (v *vmClock) close() {
	_ = v.device.Close() // it never fails
	v.device = nil
}

// sample turns a reading into its two one-sided facts. True time was within MaxError of UnixNano at
// a moment between Before and After, so it was at most the upper end when Before was read, and at
// least the lower end when After was.
func sample(r vmclock.Reading) truetime.Sample {
	at := truetime.Time(r.UnixNano)
	return truetime.Sample{
		Sent:     r.Before,
		Latest:   at.Add(r.MaxError),
		Received: r.After,
		Earliest: at.Add(-r.MaxError),
		Delay:    r.After.Sub(r.Before),
		Claim:    r.MaxError,
		Leap:     leap(r.Leap),
	}
}

// leap returns what the page announces. A leap second that has passed is no announcement, and none
// that is near, which is the field's zero, may mean that nothing is known.
func leap(l vmclock.Leap) truetime.Leap {
	switch l {
	case vmclock.LeapBeforePositive:
		return truetime.LeapInsert
	case vmclock.LeapBeforeNegative:
		return truetime.LeapDelete
	default:
		return truetime.LeapUnknown
	}
}
