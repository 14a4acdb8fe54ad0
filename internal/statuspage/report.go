package statuspage

import (
	"time"

	"github.com/epsilontime/epsilon/truetime"
)

// Host is what the page is about. All methods are safe for use by many goroutines.
type Host interface {
	Page() Report

	// Seconds are those since there were so many, as of [History.Since].
	Seconds(since int) Seconds

	// Subscribe returns the last events and those from now on, as of [Events.Subscribe].
	Subscribe() (recent []Event, events <-chan Event, cancel func())
}

// Report is what there is to show at one moment.
type Report struct {
	Daemon Daemon
	Clock  truetime.Status
	Fleet  *Fleet `json:",omitempty"` // nil if the clock is compared with nobody's
}

// Daemon is the process that runs the clock.
type Daemon struct {
	Program string // its name
	Version string `json:",omitempty"`
	Host    string // the name of the machine
	Uptime  time.Duration

	Ready       bool          // ε is at most ReadyWithin
	ReadyWithin time.Duration // 0 if there is no such limit

	DriftPPM float64 // that the clock assumes of the local counter

	Notes   []string `json:",omitempty"` // on the configuration
	Pending string   `json:",omitempty"` // why a newer configuration is not in use yet
}
