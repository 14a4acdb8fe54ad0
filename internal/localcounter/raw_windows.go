package localcounter

import (
	"errors"
	"math/bits"
	"sync"
	"syscall"
	"unsafe"

	"golang.org/x/sys/windows"
)

// rawName is the performance counter, which SetSystemTimeAdjustment does not reach and which goes
// on while the machine sleeps (Microsoft, "Acquiring high-resolution time stamps").
const rawName = "QueryPerformanceCounter"

// performanceCounter is where the counter is read, and how many of its ticks make a second, which is fixed at boot.
type performanceCounter struct {
	query     uintptr
	perSecond uint64
}

var openPerformanceCounter = sync.OnceValues(func() (performanceCounter, error) {
	kernel32 := windows.NewLazySystemDLL("kernel32.dll")
	query, queryFrequency := kernel32.NewProc("QueryPerformanceCounter"), kernel32.NewProc("QueryPerformanceFrequency")
	for _, needed := range []*windows.LazyProc{query, queryFrequency} {
		if err := needed.Find(); err != nil {
			return performanceCounter{}, err
		}
	}
	var perSecond uint64
	if ok, _, err := queryFrequency.Call(uintptr(unsafe.Pointer(&perSecond))); ok == 0 {
		return performanceCounter{}, err
	}
	if perSecond == 0 {
		return performanceCounter{}, errors.New("QueryPerformanceFrequency returned 0")
	}
	return performanceCounter{query.Addr(), perSecond}, nil
})

type reference struct{}

func openReference() reference { return reference{} }

func (r reference) uninterrupted() (reference, func()) { return r, func() {} }

func (reference) String() string { return rawName }

func (reference) read() (int64, error) {
	c, err := openPerformanceCounter()
	if err != nil {
		return 0, err
	}
	var ticks uint64
	// The call is written out because LazyProc.Call allocates: it cannot know that the address it is given is not kept.
	if ok, _, errno := syscall.SyscallN(c.query, uintptr(unsafe.Pointer(&ticks))); ok == 0 {
		return 0, errno
	}
	high, low := bits.Mul64(ticks, 1_000_000_000)
	if high >= c.perSecond {
		return 0, errors.New("the performance counter is out of range")
	}
	ns, _ := bits.Div64(high, low, c.perSecond)
	return int64(ns), nil
}
