package clockbound

import (
	"errors"
	"fmt"
	"io/fs"
	"sync"
	"time"

	"github.com/epsilontime/epsilon/internal/durable"
	"github.com/epsilontime/epsilon/internal/mistakes"
	"github.com/epsilontime/epsilon/internal/unset"
	"github.com/epsilontime/epsilon/internal/vmclock"
	"github.com/epsilontime/epsilon/truetime"
)

// Publisher writes what a clock answers to a segment for ClockBound's clients. It is made by
// [NewPublisher]. Its methods may be called by many goroutines.
type Publisher struct {
	clock  truetime.Reader
	path   string
	host   publisherHost
	period time.Duration
	motion motion
	device *vmclock.Device // nil if there is no marker to write
	lock   *durable.Lock

	stop    chan struct{}
	ended   sync.WaitGroup
	closing sync.Once
	closed  error

	mu     sync.Mutex
	file   segmentFile // nil if it could not be made again
	failed error       // why nothing is written any more
	status PublisherStatus
}

// PublisherStatus says what a [Publisher] has written last.
type PublisherStatus struct {
	Path    string
	Bound   time.Duration // as of the last write; 0 if clients were told that nothing is known
	Err     error         // why they were; nil if there is a bound
	Writes  uint64        // of a bound or of none
	Steps   uint64        // how often CLOCK_REALTIME was set
	Renewed uint64        // how often the file had to be made anew because somebody had removed or cut it
}

// publisherHost is the machine whose CLOCK_REALTIME the clients read.
type publisherHost interface {
	usable() error

	// coarse reads CLOCK_MONOTONIC_COARSE, which clients compare as_of with.
	coarse() (int64, error)

	// tick is how far CLOCK_MONOTONIC_COARSE moves at a time.
	tick() (time.Duration, error)

	// wall reads CLOCK_REALTIME.
	wall() truetime.Time

	// watch begins to watch whether anybody sets CLOCK_REALTIME.
	watch() (watch, error)

	// notice tells at once when anybody does.
	notice() (notice, error)

	// create opens the segment at path to write to it, and makes it if there is none.
	create(path string) (segmentFile, error)
}

// notice is a wallclock.Notice.
type notice interface {
	Wait() bool
	Close() error
}

// segmentFile is a segment that is written.
type segmentFile interface {
	// present returns an error if the file is no longer the one at its path: it wraps fs.ErrNotExist
	// if there is none, and errOtherWriter if it is another one. Any other says that nobody can look.
	present() error

	// write makes c the content. It returns errCut if the file was truncated, and errOtherWriter if
	// somebody else has written to it.
	write(c content) error

	close() error
}

var (
	errCut         = errors.New("somebody has truncated the file, which kills clients that have it open")
	errOtherWriter = errors.New("another process writes it, as a ClockBound daemon does: stop one of the two")
)

// NewPublisher writes what a clock answers to a segment of version 2 at path, which is [DefaultPath]
// as a rule, for ClockBound's own clients, until Close. It works on Linux.
//
// [WithMaxSlew] is required: the clients centre their intervals on CLOCK_REALTIME, which somebody
// else steers, so what is written depends on how fast it may be slewed. The package comment says what
// follows, and what has to be assumed.
//
// The segment is written ten times a second, or as [WithPeriod] says. Clients are told that nothing
// is known (status Unknown, so that they must not use the interval) as long as the clock refuses, as
// soon as CLOCK_REALTIME is set, until the next write, and after Close. What they get bounds time as
// the clock counts it, UTC smeared from noon to noon.
//
// A segment that is there is taken over, with the clients that have it open. No file is ever
// truncated, which would kill them. A file that is none is left alone, with an error. Next to it is
// a file with the ending .lock that keeps a second Publisher away. A ClockBound daemon cannot be kept
// away; if one writes too, the Publisher gives up, and its Status says so. The directory is made if
// there is none.
func NewPublisher(clock truetime.Reader, path string, options ...PublisherOption) (*Publisher, error) {
	p, n, err := newPublisher(clock, path, thisHost{}, options)
	if err != nil {
		return nil, fmt.Errorf("clockbound: publish at %s: %w", path, err)
	}
	p.start(n)
	return p, nil
}

// newPublisher returns a Publisher that has not begun, and what tells it when the clock is set.
func newPublisher(clock truetime.Reader, path string, host publisherHost, options []PublisherOption) (*Publisher, notice, error) {
	c := configurePublisher(path, options)
	if unset.Nil(clock) {
		c.Addf("the clock is nil")
	}
	c.Add(host.usable())
	if err := c.Err(); err != nil {
		return nil, nil, err
	}
	tick, err := host.tick()
	if err != nil {
		return nil, nil, err
	}
	p := &Publisher{
		clock: clock, path: path, host: host, period: c.period,
		motion: newMotion(c.slewPPM, c.driftPPM, tick, c.longestPause),
		stop:   make(chan struct{}),
		status: PublisherStatus{Path: path, Err: errors.New("nothing has been written yet")},
	}
	if c.vmClock != "" {
		if p.device, err = vmclock.Open(c.vmClock); err != nil {
			return nil, nil, err
		}
	}
	n, err := host.notice()
	if err != nil {
		return nil, nil, fmt.Errorf("cannot tell whether CLOCK_REALTIME is set: %w", err)
	}
	if p.lock, err = lockSegment(path); err != nil {
		return nil, nil, mistakes.Join(err, n.Close())
	}
	if p.file, err = host.create(path); err != nil {
		return nil, nil, mistakes.Join(err, n.Close(), p.lock.Close())
	}
	return p, n, nil
}

// start begins to write.
func (p *Publisher) start(n notice) {
	p.publish()
	p.ended.Go(func() {
		for n.Wait() {
			p.stepped()
		}
		p.unwatched()
	})
	p.ended.Go(func() {
		ticker := time.NewTicker(p.period)
		defer ticker.Stop()
		for {
			select {
			case <-ticker.C:
				p.publish()
			case <-p.stop:
				_ = n.Close()
				return
			}
		}
	})
}

// Status returns what was written last.
func (p *Publisher) Status() PublisherStatus {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.status
}

// Close tells the clients that nothing is known, and ends writing. The file stays, as clients have it
// open. Close returns an error if they could not be told: then they use what they have for another 5
// s. It may be called more than once.
func (p *Publisher) Close() error {
	p.closing.Do(func() {
		close(p.stop)
		p.ended.Wait()
		p.mu.Lock()
		defer p.mu.Unlock()
		p.closed = p.refuseLocked(errors.New("the Publisher was closed"))
		if p.file != nil {
			p.closed = mistakes.Join(p.closed, p.file.close())
		}
		p.file, p.failed = nil, p.status.Err
		p.closed = mistakes.Join(p.closed, p.lock.Close())
	})
	return p.closed
}

var errSet = errors.New("CLOCK_REALTIME was set")

// publish writes what the clock answers now.
func (p *Publisher) publish() {
	p.mu.Lock()
	defer p.mu.Unlock()
	w, err := p.host.watch()
	if err != nil {
		p.refuseLocked(fmt.Errorf("cannot tell whether CLOCK_REALTIME is set: %w", err))
		return
	}
	c, err := p.measure()
	if err == nil && w.WasSet() {
		err = errSet
	}
	if err != nil {
		p.refuseLocked(err)
		return
	}
	p.writeLocked(c, nil)
	if w.WasSet() { // while it was written
		p.refuseLocked(errSet)
	}
}

// stepped is called when CLOCK_REALTIME has been set: what is written is of the clock before.
func (p *Publisher) stepped() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.status.Steps++
	p.refuseLocked(errSet)
}

// unwatched is called when nothing tells any more that CLOCK_REALTIME is set: at the end, and
// otherwise never.
func (p *Publisher) unwatched() {
	select {
	case <-p.stop:
		return
	default:
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	err := errors.New("the timer that tells whether CLOCK_REALTIME is set has failed")
	p.refuseLocked(err)
	p.failed = mistakes.Join(p.failed, err)
}

// measure returns what is to be written. The order counts: as_of first, so that no age is too small,
// and the clock's answer between two readings of CLOCK_REALTIME and of the marker.
func (p *Publisher) measure() (content, error) {
	asOf, err := p.host.coarse()
	if err != nil {
		return content{}, err
	}
	marker := p.marker()
	a := p.host.wall()
	i, err := p.clock.Now()
	b := p.host.wall()
	switch {
	case err != nil:
		return content{}, err
	case !i.Valid():
		return content{}, fmt.Errorf("the clock answered %v", i)
	case p.marker() != marker:
		return content{}, errors.New("the machine was disrupted, as by a migration: the VMClock's marker has changed")
	}
	bound, err := p.motion.bound(a, i, b)
	if err != nil {
		return content{}, err
	}
	return content{
		asOf: asOf, voidAfter: asOf + int64(lifetime), bound: bound, driftPPB: p.motion.driftPPB,
		marker: marker, marked: p.device != nil, status: statusSynchronized,
	}, nil
}

func (p *Publisher) marker() uint64 {
	if p.device == nil {
		return 0
	}
	return p.device.Marker()
}

// unknownBound stands beside status Unknown, for clients that do not look at that: 100 days.
const unknownBound = 100 * 24 * time.Hour

// refuseLocked tells clients that nothing is known. An as_of of 0 would do, but some client might
// find fault with it. The error says why they could not be told.
func (p *Publisher) refuseLocked(why error) error {
	now, err := p.host.coarse()
	if err != nil {
		now = 0
	}
	return p.writeLocked(content{
		asOf: now, voidAfter: now, bound: unknownBound, driftPPB: p.motion.driftPPB,
		marker: p.marker(), marked: p.device != nil, status: statusUnknown,
	}, why)
}

// writeLocked writes c, and if its file is gone, to another one. Why says why c has no bound. The
// error says why c was not written.
func (p *Publisher) writeLocked(c content, why error) error {
	if p.failed != nil {
		return p.failed
	}
	err := p.tryLocked(c)
	if p.file != nil && (errors.Is(err, fs.ErrNotExist) || errors.Is(err, errCut)) {
		p.abandonLocked(c)
		err = p.tryLocked(c)
	}
	switch {
	case errors.Is(err, errOtherWriter):
		p.failed, why = err, err
	case err != nil:
		why = err
	}
	p.status.Writes++
	p.status.Err, p.status.Bound = why, 0
	if why == nil {
		p.status.Bound = c.bound
	}
	return err
}

func (p *Publisher) tryLocked(c content) (err error) {
	if p.file == nil {
		if err := makeDirectoryOf(p.path); err != nil {
			return fmt.Errorf("make the directory anew: %w", err)
		}
		if p.file, err = p.host.create(p.path); err != nil {
			p.file = nil
			return fmt.Errorf("make the file anew: %w", err)
		}
		p.status.Renewed++
	}
	switch err := p.file.present(); {
	case errors.Is(err, fs.ErrNotExist):
		return err
	case errors.Is(err, errOtherWriter):
		p.disownLocked(c)
		return err
	}
	return p.file.write(c) // also where nobody can look at the path: nothing is known to have changed
}

// abandonLocked gives up a file that is no longer at its path.
func (p *Publisher) abandonLocked(c content) {
	p.disownLocked(c)
	_ = p.file.close()
	p.file = nil
}

// disownLocked tells the clients that have a file open which is no longer at its path.
func (p *Publisher) disownLocked(c content) {
	c.status, c.bound = statusUnknown, unknownBound
	_ = p.file.write(c)
}

// lockSegment keeps another Publisher away.
func lockSegment(path string) (*durable.Lock, error) {
	if err := makeDirectoryOf(path); err != nil {
		return nil, err
	}
	lock, err := durable.TryLock(path + ".lock")
	if errors.Is(err, durable.ErrLocked) {
		return nil, fmt.Errorf("another Publisher writes it: %w", err)
	}
	return lock, err
}
