package api

import (
	"fmt"
	"time"

	"github.com/epsilontime/epsilon/internal/statuspage"
	"github.com/epsilontime/epsilon/truetime"
)

// Report is what there is to know about a daemon and its clock.
type Report struct {
	Daemon Daemon
	Clock  truetime.Status
}

// Daemon is the process that runs the clock.
type Daemon struct {
	Version string
	PID     int
	Uptime  time.Duration

	Config string   // the file that it runs by; empty for the demonstration
	Demo   bool     `json:",omitempty"` // it is a demonstration, which nobody may trust
	Notes  []string // on the configuration, such as what was left out of the host's

	Ready       bool          // ε is at most ReadyWithin
	ReadyWithin time.Duration // ready.within

	Reloads int    // configurations that have been taken over since the start
	Pending string `json:",omitempty"` // why a newer configuration is not in use yet; empty if there is none

	DriftPPM float64 // that the clock assumes of the local counter

	Segment      string `json:",omitempty"` // where the clock is published for other processes; empty for nowhere
	Publications uint64 // of the clock that is in use

	HTTP []string `json:",omitempty"` // where the status page is; none if nothing listens

	NTP        *NTP        `json:",omitempty"` // the NTP server; nil if there is none
	ClockBound *ClockBound `json:",omitempty"` // what is written for ClockBound's own clients; nil if nothing is

	Fleet *FleetSummary `json:",omitempty"` // the machines that the clock is compared with; nil if there are none
}

// ClockBound is the segment of ClockBound's own clients.
type ClockBound struct {
	Segment string
	Bound   time.Duration // on the system clock's error, as of the last write; 0 if clients were told that nothing is known
	Writes  uint64
	Steps   uint64 // how often the system clock was set
	Err     string `json:",omitempty"` // why nothing is known
}

// NTP is what the NTP server has done.
type NTP struct {
	Listen         []string
	Received       uint64            // datagrams
	Answered       uint64            // with a time
	Unsynchronized uint64            // without one, as the clock had no answer
	Kissed         uint64            // with the wish to be asked less often
	Dropped        map[string]uint64 // by the reason
}

// Reading is what the clock answers.
type Reading struct {
	Interval    truetime.Interval
	Uncertainty time.Duration
	State       truetime.State
	Epoch       uint64
	Demo        bool   `json:",omitempty"` // it is that of a demonstration, which nobody may trust
	Err         string `json:",omitempty"` // why there is no answer; then there is no interval either
}

// Readiness says whether ε is small enough.
type Readiness struct {
	Ready       bool
	Within      time.Duration // what was asked for
	Uncertainty time.Duration // 0 if there is no answer
	Reason      string        `json:",omitempty"` // why it is not ready
}

// ReadinessOf says by one reading whether ε is small enough.
func ReadinessOf(clock truetime.Reader, within time.Duration) Readiness {
	r := Readiness{Within: within}
	i, err := clock.Now()
	if err != nil {
		r.Reason = err.Error()
		return r
	}
	r.Uncertainty = i.Uncertainty()
	if r.Ready = r.Uncertainty <= within; !r.Ready {
		r.Reason = fmt.Sprintf("ε is %v and was to be at most %v", r.Uncertainty, within)
	}
	return r
}

// History is ε and its parts of every second, the newest last.
type History = statuspage.Seconds

// Problem is why a request was refused.
type Problem struct{ Err string }

// Reloaded is what has come of a configuration that was read again.
type Reloaded struct {
	Restart []string // keys and tables whose change is not in use before the daemon is started again
}
