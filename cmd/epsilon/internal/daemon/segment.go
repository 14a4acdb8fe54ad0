package daemon

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/epsilontime/epsilon/hostclock"
	"github.com/epsilontime/epsilon/truetime"
)

// segment is the file that the clock in use is published to, for every process of the host. Without a path
// nothing is. The daemon's lock guards it.
type segment struct {
	path      string
	publisher *hostclock.Publisher
	failure   string                    // why there is no publisher, if it has been logged
	told      uint64                    // publications that systemd has heard of
	last      atomic.Pointer[time.Time] // when the last publication was, by Go's clock; nil before the first
}

// follow publishes another clock, or the first.
func (s *segment) follow(clock *truetime.Clock) error {
	if s.path == "" {
		return nil
	}
	s.close()
	publisher, err := hostclock.NewPublisher(clock, s.path, hostclock.WithAfterPublication(func() {
		now := time.Now()
		s.last.Store(&now)
	}))
	switch {
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("%w; let the daemon's user own the directory %s, or turn the segment off by segment = \"\"", err, filepath.Dir(s.path))
	case err != nil:
		return err
	}
	s.publisher, s.failure, s.told = publisher, "", 0
	return nil
}

// close ends publishing. What was published stays true, and readers go on with it.
func (s *segment) close() {
	if s.publisher != nil {
		_ = s.publisher.Close()
		s.publisher = nil
	}
}

// broken returns why nothing is published any more; nil if all is well.
func (s *segment) broken() error {
	switch {
	case s.path == "":
		return nil
	case s.publisher == nil:
		return errors.New("it could not be started")
	}
	return s.publisher.Err()
}

// grown reports whether there has been a publication since the last call that said so. Without a segment there
// is nothing to say.
func (s *segment) grown() bool {
	if s.path == "" {
		return true
	}
	if s.publisher == nil || s.publisher.Published() == s.told {
		return false
	}
	s.told = s.publisher.Published()
	return true
}

// count is how many times the clock in use has been published.
func (s *segment) count() uint64 {
	if s.publisher == nil {
		return 0
	}
	return s.publisher.Published()
}

// age is how long ago a clock was published last.
func (s *segment) age() time.Duration {
	if last := s.last.Load(); last != nil {
		return time.Since(*last)
	}
	return 0
}

// files are those that an earlier run as root may have left behind.
func (s *segment) files() []string {
	if s.path == "" {
		return nil
	}
	return []string{s.path, s.path + ".lock"}
}

// mendSegment starts publishing again if it has ended, and says so once.
func (d *Daemon) mendSegment() {
	d.mu.Lock()
	defer d.mu.Unlock()
	why := d.segment.broken()
	if why == nil || d.closed {
		return
	}
	if err := d.segment.follow(d.current.Load().clock); err != nil {
		if text := err.Error(); text != d.segment.failure {
			d.segment.failure = text
			d.log.Error("the clock is not published to other processes", "segment", d.segment.path, "err", err)
		}
		return
	}
	d.log.Warn("the clock is published to other processes again", "segment", d.segment.path, "ended", why)
}
