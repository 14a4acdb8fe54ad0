package hostclock

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/epsilontime/epsilon/internal/line"
	"github.com/epsilontime/epsilon/internal/localcounter"
	"github.com/epsilontime/epsilon/internal/mistakes"
	"github.com/epsilontime/epsilon/internal/ticks"
	"github.com/epsilontime/epsilon/internal/vmclock"
	"github.com/epsilontime/epsilon/truetime"
)

const (
	// checkEvery is how often a clock that is read looks at the host: whether the file has been replaced, and
	// whether the counter was disrupted. What is published just before the next look puts that off once, to two seconds
	// after the last. A clock in its own process looks every 1.5 s.
	checkEvery = time.Second

	// checkAtMost is how long a reading may go by the last look while another goroutine is about to take the next.
	checkAtMost = 5 * time.Second
)

// Clock answers with intervals that contain true time, from what the host's clock publishes. It is made by [Open].
// All methods are safe for use by many goroutines.
type Clock struct {
	// view is all that Now needs, unless the clock polls for itself.
	view atomic.Pointer[view]
	own  atomic.Pointer[truetime.Clock] // which polls for itself, if it does and has an answer

	path     string
	here     host
	counter  *localcounter.Counter
	vm       *vmclock.Device
	vmText   string
	trusted  owners
	maxWidth uint64

	mu sync.Mutex // guards looking at the host; view may be replaced by who has it, and by a newer record

	waiting  waiting
	fallback *fallback // nil without WithFallback
	close    sync.Once
}

// Open opens the host's clock that is published at path; an empty path is [DefaultPath]. It polls nobody and starts no
// goroutine ([WithFallback] does). What goes wrong later is an error of [Clock.Now] and in [Clock.Status].
//
// The errors name the path and say what to do: see [ErrForeign] and those after it.
func Open(path string, options ...Option) (*Clock, error) {
	if path == "" {
		path = DefaultPath
	}
	config, err := configure(options)
	if err != nil {
		return nil, fmt.Errorf("hostclock: %s was not opened: %w", path, err)
	}
	c := &Clock{path: path, trusted: config.trusted, maxWidth: config.maxWidth}
	c.waiting.init()
	err = c.begin(config)
	if err != nil && (config.fallback == nil || errors.Is(err, errOptions)) {
		return nil, err
	}
	if config.fallback != nil {
		if err := c.startFallback(config.fallback, err); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// errOptions marks a mistake of the caller's, which no fallback mends.
var errOptions = errors.New("an option cannot be followed")

// begin opens what the clock reads.
func (c *Clock) begin(config config) (err error) {
	c.view.Store(refusing(truetime.ErrNotSynchronized))
	if c.here, err = readHost(); err != nil {
		return fmt.Errorf("hostclock: %w", err)
	}
	if c.counter, err = localcounter.Raw(); err != nil {
		return fmt.Errorf("hostclock: %w", err)
	}
	if err := c.openVMClock(config.vmclock); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	v := c.checkLocked()
	if v.segment == nil {
		return v.trouble
	}
	return nil
}

// openVMClock opens the device that the hypervisor tells of disruptions by, if this process may.
func (c *Clock) openVMClock(path *string) (err error) {
	if path != nil && *path == "" {
		c.vmText = "VMClock not watched (WithVMClock)"
		return nil
	}
	at := vmclock.DefaultPath
	if path != nil {
		at = *path
	}
	if c.vm, err = vmclock.Open(at); err == nil {
		c.vmText = "VMClock watched at " + at
		return nil
	}
	c.vm = nil
	if path != nil {
		return mistakes.Join(errOptions, err)
	}
	c.vmText = "VMClock watched by the host's clock alone: " + err.Error()
	return nil
}

// Now returns an interval that contains true time: at some moment between the call and the return, true time was in
// it. The errors are those of truetime.Clock, wrapped as a rule: truetime.ErrNotSynchronized,
// truetime.ErrUncertaintyTooLarge, truetime.ErrClockFaulty or truetime.ErrClosed, and then there is no interval.
//
// Now takes no lock, allocates nothing and makes no system call that reading the counter does not need, but for one call
// in a second or so: that one looks whether the file was replaced and the counter disrupted, in a few microseconds.
func (c *Clock) Now() (truetime.Interval, error) {
	if c == nil {
		return truetime.Interval{}, errNotMade
	}
	v := c.view.Load()
	if v == nil {
		return truetime.Interval{}, errNotMade
	}
	// The record first, then the counter: so the reading cannot be older than the record. The generation says that the
	// record is still the one that is published.
	if v.generationAt.Load() != v.generation {
		return c.now()
	}
	var raw uint64
	if v.hardware {
		raw = ticks.Read()
	} else {
		raw = uint64(v.counter.Reference())
	}
	// The marker after the counter: a disruption in between is noticed, and at worst too early.
	if v.vm != nil && v.vm.Marker() != v.marker || !v.lines.Covers(raw) {
		return c.now()
	}
	earliest, latest := v.lines.At(raw)
	if uint64(latest-earliest) > v.maxWidth {
		return truetime.Interval{}, truetime.ErrUncertaintyTooLarge
	}
	return truetime.Interval{Earliest: truetime.Time(earliest), Latest: truetime.Time(latest)}, nil
}

// now is Now where there is something new, or it is time to look for it, or there is no answer.
func (c *Clock) now() (truetime.Interval, error) {
	if own := c.own.Load(); own != nil {
		if i, err := own.Now(); !errors.Is(err, truetime.ErrClosed) { // it may have been given up meanwhile
			return i, err
		}
	}
	return c.current().now()
}

// current returns a view of the present record, by a recent look at the host.
func (c *Clock) current() *view {
	v := c.view.Load()
	if v.counter == nil {
		return v // closed, or this system has none
	}
	if v.generationAt.Load() != v.generation {
		v = c.next(v)
	}
	since := time.Duration(c.counter.Reference() - v.checked)
	if 0 <= since && since < checkEvery {
		return v
	}
	if !c.mu.TryLock() {
		if 0 <= since && since < checkAtMost {
			return v // somebody else is looking
		}
		c.mu.Lock()
	}
	defer c.mu.Unlock()
	if is := c.view.Load(); is != v && (is.counter == nil || is.checked > v.checked) {
		return is // somebody else has looked meanwhile
	}
	return c.checkLocked()
}

// next returns a view of the record that has been published since, by the same look at the host, and makes it the one
// that Now uses unless another goroutine was quicker.
func (c *Clock) next(v *view) *view {
	r, generation, err := v.segment.record()
	switch {
	case errors.Is(err, errBusy):
		return v // which holds for ever, and so for this once
	case err != nil:
		r = record{}
	}
	n := &view{counter: v.counter, vm: c.vm, segment: v.segment, checked: v.checked, disrupted: v.disrupted, trouble: v.trouble}
	n.use(r, generation, c.maxWidth)
	if n.disrupted != nil || r.Epoch != v.record.Epoch {
		n.disrupted = c.counter.Verify(r.Counter)
	}
	if n.settle(c.path, c.own.Load() != nil); err != nil {
		n.err = fmt.Errorf("%w: %s: %w", truetime.ErrNotSynchronized, c.path, err)
	}
	c.view.CompareAndSwap(v, n)
	return n
}

// checkLocked looks at the host: which file is there, and what has happened to the counter.
func (c *Clock) checkLocked() *view {
	was := c.view.Load()
	v := &view{counter: c.counter, vm: c.vm}
	v.segment, v.trouble = c.find(was)
	v.checked = c.counter.Reference()
	if v.segment == nil {
		v.generationAt, v.lines = &nowhere, line.Nowhere(0)
		v.err = fmt.Errorf("%w: %w", truetime.ErrNotSynchronized, v.trouble)
		c.view.Store(v)
		return v
	}
	r, generation, err := v.segment.record()
	switch {
	case errors.Is(err, errBusy) && was.segment == v.segment:
		r, generation, err = was.record, was.generation, nil
	case err != nil:
		r = record{}
	}
	v.use(r, generation, c.maxWidth)
	v.disrupted = c.counter.Verify(r.Counter)
	if v.settle(c.path, c.own.Load() != nil); err != nil {
		v.err = fmt.Errorf("%w: %s: %w", truetime.ErrNotSynchronized, c.path, err)
	}
	c.view.Store(v)
	return v
}

// find returns the segment to read: the one at the path, or the one that was read before where that cannot be. A line
// holds for ever, so to go on with the old one is sound as long as nothing has happened to the counter, by what this
// process sees and by the marker that the new daemon sees. It is also what a restart of the daemon takes, until the new
// one has its first answer.
func (c *Clock) find(was *view) (*segment, error) {
	id, err := identify(c.path)
	if err == nil && was.segment != nil && id == was.segment.id {
		return was.segment, nil
	}
	fresh, err := openSegment(c.path, c.here, c.trusted)
	switch {
	case moved(was.segment, fresh):
		if err != nil {
			return nil, err
		}
	case err != nil:
		return was.segment, err
	case was.segment != nil && was.err == nil:
		if r, _, err := fresh.record(); err == nil && !r.Answers && r.Epoch <= 1 {
			return was.segment, errors.New("hostclock: " + c.path + " has been replaced by a daemon that has no answer yet: what the one before has said still holds")
		}
	}
	return fresh, nil
}

// moved reports whether the hypervisor has disrupted the counter between what an older daemon has published and a newer
// one, by the markers that they have seen.
func moved(older, newer *segment) bool {
	if older == nil || newer == nil {
		return false
	}
	was, _, err1 := older.record()
	is, _, err2 := newer.record()
	decoded := (err1 == nil || errors.Is(err1, ErrCounter)) && (err2 == nil || errors.Is(err2, ErrCounter))
	return decoded && was.VM && is.VM && was.Marker != is.Marker
}

// Close ends what the clock does, and makes Now return truetime.ErrClosed. It always returns nil, and may be called more
// than once.
func (c *Clock) Close() error {
	if c == nil || c.view.Load() == nil {
		return nil
	}
	c.close.Do(func() {
		c.stopFallback()
		c.mu.Lock()
		c.view.Store(refusing(truetime.ErrClosed))
		c.mu.Unlock()
		c.waiting.finish()
	})
	return nil
}
