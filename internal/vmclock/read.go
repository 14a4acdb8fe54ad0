package vmclock

import (
	"fmt"
	"io/fs"
	"runtime"
	"time"

	"github.com/epsilontime/epsilon/internal/ticks"
	"github.com/epsilontime/epsilon/monotonic"
)

// The hypervisor makes the sequence count odd, changes the page, and makes it even again. A copy is
// consistent if the count was even before it was made and is the same afterwards.
//
// An update takes less than a microsecond, so the first attempts follow each other at once. After
// that the hypervisor's thread has probably lost its processor in the middle of one, and there is
// time to sleep. All in all Read waits about as long as the kernel does, 100 ms (VMCLOCK_MAX_WAIT
// in Linux drivers/ptp/ptp_vmclock.c): who is still writing then never finishes.
const (
	promptAttempts  = 64
	patientAttempts = 100
	patience        = time.Millisecond
)

// Read returns what the page says about the present moment, which it brackets by two readings of
// the given counter. The error is [ErrNoTime] if the page does not bound the time and [ErrBusy] if
// no consistent copy could be had within about 100 ms.
func (d *Device) Read(counter monotonic.Counter) (Reading, error) {
	reading, err := d.read(counter)
	if err == nil {
		err = kernelTrustsCounter(d.clocksources)
	}
	if err != nil {
		return Reading{}, fmt.Errorf("vmclock: %s: %w", d.path, err)
	}
	return reading, nil
}

func (d *Device) read(counter monotonic.Counter) (Reading, error) {
	if d.closed.Load() {
		return Reading{}, fmt.Errorf("read after Close: %w", fs.ErrClosed)
	}
	if d.counterFault != nil {
		return Reading{}, noTime("the hardware counter cannot be read: %w", d.counterFault)
	}
	s, err := d.snapshot(counter)
	if err != nil {
		return Reading{}, err
	}
	return s.reading()
}

// snapshot is a consistent copy of the page and a reading of the hardware counter that belongs to
// it.
type snapshot struct {
	page
	before  monotonic.Instant
	counter uint8 // the id of the counter that was read
	ticks   uint64
	after   monotonic.Instant
}

func (d *Device) snapshot(counter monotonic.Counter) (snapshot, error) {
	for attempt := range promptAttempts + patientAttempts {
		if attempt >= promptAttempts {
			time.Sleep(patience)
		}
		if s, consistent := d.attempt(counter); consistent {
			return s, nil
		}
	}
	sequence := uint32(d.live[wordSequence].Load() >> 32)
	runtime.KeepAlive(d)
	return snapshot{}, fmt.Errorf("%w: %d attempts over %v, sequence count now %d; if this persists, the hypervisor has a fault",
		ErrBusy, promptAttempts+patientAttempts, patientAttempts*patience, sequence)
}

// attempt makes a copy and says whether it is consistent.
//
// The order is what makes it sound. Every word is loaded atomically, which on arm64 is LDAR: no
// later load overtakes it. Plain loads could be overtaken by the second load of the sequence count.
// ticks.Read and the counter begin with a fence, or are system calls, so the hardware counter is
// read after the loads before it and between the caller's two readings.
func (d *Device) attempt(counter monotonic.Counter) (s snapshot, consistent bool) {
	sequence := d.live[wordSequence].Load()
	if updating(sequence) {
		return s, false
	}
	for i := range d.live {
		s.page[i] = d.live[i].Load()
	}
	s.counter = ownCounter()
	s.before = counter.Now()
	s.ticks = ticks.Read()
	s.after = counter.Now()
	consistent = d.live[wordSequence].Load() == sequence
	runtime.KeepAlive(d) // the page is mapped for as long as d is
	return s, consistent
}

// reading turns the snapshot into what it proves, or says why it proves nothing.
func (s *snapshot) reading() (Reading, error) {
	if s.after.Before(s.before) {
		return Reading{}, fmt.Errorf("the caller's counter went back by %v", s.before.Sub(s.after))
	}
	if err := s.usable(s.counter); err != nil {
		return Reading{}, err
	}
	at, maxError, err := s.timeAt(s.ticks)
	if err != nil {
		return Reading{}, err
	}
	r := Reading{
		Before:        s.before,
		After:         s.after,
		UnixNano:      at,
		MaxError:      maxError,
		Marker:        s.page[wordMarker],
		HasGeneration: s.has(flagGenerationPresent),
		Status:        s.status(),
		Leap:          s.leap(),

		PeriodMaxErrorPPM: float64(s.page[wordPeriodMaxError]) / float64(s.page[wordPeriod]) * 1e6, // of one unit; timeAt refuses a period of 0
	}
	if r.HasGeneration {
		r.Generation = s.page[wordGeneration]
	}
	return r, nil
}
