package localcounter

import (
	"errors"
	"math/bits"
	"sync"
	"unsafe"

	"golang.org/x/sys/windows"
)

// rawName is the performance counter, which SetSystemTimeAdjustment does not reach and which goes
// on while the machine sleeps (Microsoft, "Acquiring high-resolution time stamps").
const rawName = "QueryPerformanceCounter"

var (
	kernel32       = windows.NewLazySystemDLL("kernel32.dll")
	queryCounter   = kernel32.NewProc("QueryPerformanceCounter")
	queryFrequency = kernel32.NewProc("QueryPerformanceFrequency")
)

// frequency is fixed at boot.
var frequency = sync.OnceValues(func() (uint64, error) {
	var perSecond uint64
	if ok, _, err := queryFrequency.Call(uintptr(unsafe.Pointer(&perSecond))); ok == 0 {
		return 0, err
	}
	if perSecond == 0 {
		return 0, errors.New("QueryPerformanceFrequency returned 0")
	}
	return perSecond, nil
})

type reference struct{}

func openReference() reference { return reference{} }

func (r reference) uninterrupted() (reference, func()) { return r, func() {} }

func (reference) String() string { return rawName }

func (reference) read() (int64, error) {
	perSecond, err := frequency()
	if err != nil {
		return 0, err
	}
	var ticks uint64
	if ok, _, err := queryCounter.Call(uintptr(unsafe.Pointer(&ticks))); ok == 0 {
		return 0, err
	}
	high, low := bits.Mul64(ticks, 1_000_000_000)
	if high >= perSecond {
		return 0, errors.New("the performance counter is out of range")
	}
	ns, _ := bits.Div64(high, low, perSecond)
	return int64(ns), nil
}
