package hostclock

import (
	"fmt"
	"strings"
	"time"

	"github.com/epsilontime/epsilon/internal/ticks"
	"github.com/epsilontime/epsilon/truetime"
)

// Daemon says whether anybody publishes what a clock reads. Its text forms are those of String.
type Daemon uint8

// The states of the daemon.
const (
	Missing Daemon = iota // there is no segment that can be used
	Running               // it published within the last three seconds
	Silent                // it has not, and did not say that it would not: it was killed, or is stuck
	Stopped               // it has ended in order
)

var daemonNames = [...]string{"missing", "running", "silent", "stopped"}

// silentAfter is how long ago the last publication of a running daemon may be: it publishes every second.
const silentAfter = 3 * time.Second

// String returns the state in lower case, as in "running".
func (d Daemon) String() string {
	if int(d) < len(daemonNames) {
		return daemonNames[d]
	}
	return fmt.Sprintf("unknown (%d)", uint8(d))
}

// MarshalText writes what String returns.
func (d Daemon) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText reads what MarshalText writes.
func (d *Daemon) UnmarshalText(text []byte) error {
	for i, name := range daemonNames {
		if name == string(text) {
			*d = Daemon(i)
			return nil
		}
	}
	return fmt.Errorf("hostclock: %.40q is no state of a daemon", text)
}

// daemon is who publishes the record of this view.
func (v *view) daemon() Daemon {
	switch {
	case v.segment == nil:
		return Missing
	case v.record.stopped:
		return Stopped
	case v.age() > silentAfter:
		return Silent
	}
	return Running
}

// Status is a report on a clock at one moment. It is a copy. Why the host's clock answers as it does is in the status of
// the daemon.
type Status struct {
	State truetime.State // of the host's clock; Holdover too if it answered when it was last heard of
	Err   error          // what Now returned at that moment

	// Interval is what Now answered with, and Uncertainty its ε; the zero values where it refused.
	Interval    truetime.Interval
	Uncertainty time.Duration

	Epoch      uint64              // of the host's clock, counted by this daemon
	LeapStatus truetime.LeapStatus // what the host's clock believes about leap seconds
	LeapAt     truetime.Time       // the midnight that this is about, if any

	Counter string // which counter is read, and who watches it

	Path         string
	Daemon       Daemon
	Writer       uint64        // a random number for each clock of a daemon: another after a restart, and after a reload that makes another clock
	Publications uint64        // by this run, up to now
	Age          time.Duration // of the last one

	// Trouble is what is wrong with the file that is at Path now, where an older one is still read, or with the
	// sources of WithFallback.
	Trouble error

	// Own is the report of the clock that polls for itself, while there is one (WithFallback). If UsesOwn, it
	// is in use: then State, Err, Interval, Epoch and Counter are those of Own.
	Own     *truetime.Status
	UsesOwn bool
}

// Status returns a report on the clock as it is now.
func (c *Clock) Status() Status {
	if c == nil || c.view.Load() == nil {
		return Status{State: truetime.Closed, Err: errNotMade}
	}
	v := c.current()
	s := Status{State: truetime.Unsynchronized, Path: c.path, Trouble: v.trouble}
	if v.segment != nil {
		s.State, s.Epoch, s.Counter = truetime.State(v.record.State), v.record.Epoch, c.describe(v)
		s.LeapStatus, s.LeapAt = truetime.LeapStatus(v.record.LeapStatus), truetime.Time(v.record.LeapAt)
		s.Daemon, s.Writer, s.Publications, s.Age = v.daemon(), v.segment.writer, v.generation, v.age()
	}
	s.Interval, s.Err = v.now()
	switch {
	case v.err != nil && v.counter == nil:
		s.State = truetime.Closed
	case s.Err == nil && s.Daemon != Running:
		s.State = truetime.Holdover
	case v.disrupted != nil:
		s.State = truetime.Unsynchronized
	}
	c.addOwn(&s)
	if s.Interval.Valid() {
		s.Uncertainty = s.Interval.Uncertainty()
	}
	return s
}

// addOwn adds what there is to say about a clock that polls for itself.
func (c *Clock) addOwn(s *Status) {
	own, err := c.ownStatus()
	if err != nil {
		s.Trouble = err
	}
	if s.Own = own; own == nil || c.own.Load() == nil {
		return
	}
	s.UsesOwn = true
	s.State, s.Err, s.Interval, s.Epoch, s.Counter = own.State, own.Err, own.Interval, own.Epoch, own.Counter
	s.LeapStatus, s.LeapAt = own.LeapSeconds.Status, own.LeapSeconds.At
}

// describe says which counter is read and who watches it.
func (c *Clock) describe(v *view) string {
	text := v.counter.ReferenceString()
	if v.hardware {
		text = ticks.Name
	}
	if !v.record.VM {
		return text + "; no VMClock device is watched by the host's clock"
	}
	return text + "; " + c.vmText
}

// Summary says in one sentence what there is to know apart from the interval. It is empty if there is nothing.
func (s Status) Summary() string {
	var texts []string
	switch s.Daemon {
	case Missing:
		if s.State != truetime.Closed {
			texts = append(texts, "nobody publishes the host's clock")
		}
	case Silent:
		texts = append(texts, fmt.Sprintf("the host's clock was published last %v ago: start its daemon again", s.Age.Round(time.Second)))
	case Stopped:
		texts = append(texts, fmt.Sprintf("the daemon of the host's clock was stopped %v ago", s.Age.Round(time.Second)))
	case Running:
		if s.State == truetime.Unsynchronized {
			texts = append(texts, "the host's clock has not enough answers yet: see epsilon status")
		}
	}
	if s.Trouble != nil {
		texts = append(texts, s.Trouble.Error())
	}
	if s.UsesOwn {
		texts = append(texts, "polling for itself")
		if summary := s.Own.Summary(); summary != "" {
			texts = append(texts, summary)
		}
	}
	return strings.Join(texts, "; ")
}
