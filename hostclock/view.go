package hostclock

import (
	"fmt"
	"sync/atomic"
	"time"

	"github.com/epsilontime/epsilon/internal/line"
	"github.com/epsilontime/epsilon/internal/localcounter"
	"github.com/epsilontime/epsilon/internal/ticks"
	"github.com/epsilontime/epsilon/internal/vmclock"
	"github.com/epsilontime/epsilon/truetime"
)

// lastState is the largest that a record may have.
const lastState = uint8(truetime.Closed)

// view is one record as a process answers from it. It does not change.
type view struct {
	// What Now reads, in this order.
	generationAt *atomic.Uint64        // where the generation is
	generation   uint64                // which has to be this
	counter      *localcounter.Counter // whose reference is read
	hardware     bool                  // unless the processor's counter is
	lines        line.Pair             // up to the next check
	vm           *vmclock.Device       // whose marker has to be the record's; nil if there is none
	marker       uint64
	maxWidth     uint64

	err error // why there is no answer; the lines cover nothing then

	segment *segment // keeps the generation mapped; nil if there is none
	record  record

	checked   int64 // CLOCK_MONOTONIC_RAW when the host was last looked at
	disrupted error // what has happened to the counter, by that look
	trouble   error // why another file, or none, is not used
}

// nowhere is the generation of views without a segment.
var nowhere atomic.Uint64

// refusing returns a view of nothing, for ever. Now never gets as far as to read a counter with it.
func refusing(err error) *view {
	return &view{generationAt: &nowhere, generation: 1, lines: line.Nowhere(0), err: err}
}

// read reads the counter of the record.
func (v *view) read() uint64 {
	if v.hardware {
		return ticks.Read()
	}
	return uint64(v.counter.Reference())
}

// use makes a record what the view answers from.
func (v *view) use(r record, generation uint64, limit uint64) {
	v.generationAt, v.generation = &v.segment.mapping.memory[wordGeneration], generation
	v.record, v.hardware = r, r.Counter.Hardware
	v.maxWidth = min(r.MaxWidth, limit)
	v.marker = r.Marker
	if !r.VM {
		v.vm = nil
	}
}

// settle decides whether there is an answer. If Now is to answer from another clock the lines cover nothing all the same.
func (v *view) settle(path string, diverted bool) {
	v.lines = line.Nowhere(0)
	v.err = nil
	switch state := truetime.State(v.record.State); {
	case v.disrupted != nil:
		v.err = fmt.Errorf("%w: %s: since the host's clock was published last, %w", truetime.ErrNotSynchronized, path, v.disrupted)
	case v.record.Answers:
		if v.straighten(); diverted {
			v.lines = line.Nowhere(0)
		}
	case state == truetime.ClockFaulty:
		v.err = fmt.Errorf("%w: so says the host's clock at %s", truetime.ErrClockFaulty, path)
	default:
		v.err = fmt.Errorf("%w: so says the host's clock at %s", truetime.ErrNotSynchronized, path)
	}
}

// straighten prepares the lines for readings from now on up to the next check.
func (v *view) straighten() {
	shown, raw := &v.record.Shown, v.read()
	if raw-shown.From > shown.Meter.Span() {
		v.err = errWentBack
		return
	}
	v.lines = shown.Straightened(raw)
	v.lines.Span = min(v.lines.Span, shown.Meter.Units(checkEvery))
}

// now answers where the prepared lines cannot.
func (v *view) now() (truetime.Interval, error) {
	if v.err != nil {
		return truetime.Interval{}, v.err
	}
	raw := v.read()
	if v.vm != nil && v.vm.Marker() != v.marker {
		return truetime.Interval{}, errMoved
	}
	earliest, latest, ok := v.record.Shown.Late(raw)
	switch {
	case !ok:
		return truetime.Interval{}, errWentBack
	case uint64(latest-earliest) > v.maxWidth:
		return truetime.Interval{}, truetime.ErrUncertaintyTooLarge
	}
	return truetime.Interval{Earliest: truetime.Time(earliest), Latest: truetime.Time(latest)}, nil
}

// age returns how long ago the record was published.
func (v *view) age() time.Duration { return time.Duration(v.counter.Reference() - v.record.at) }
