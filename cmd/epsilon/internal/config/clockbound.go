package config

import (
	"path/filepath"
	"time"

	"github.com/epsilontime/epsilon/clockbound"
)

// ClockBound is the segment that is written for ClockBound's own clients.
type ClockBound struct {
	Path       string
	MaxSlewPPM float64       // by how much the system clock is slewed at most
	Period     time.Duration // between two writes; 0 for the default

	LongestPause *time.Duration // of all of a virtual machine's processors together; nil for the default
}

// readClockBoundSegment reads [clockbound], whose presence has the segment written.
//
//	path, max_slew_ppm (required), period, longest_pause
func (c *Config) readClockBoundSegment(root *keys) {
	if root.look("clockbound") == nil {
		return
	}
	k := root.tableAt("clockbound")
	b := &ClockBound{Path: clockbound.DefaultPath}
	k.text("path", "the absolute path of the segment", func(path string) {
		b.Path = path
		if !filepath.IsAbs(path) {
			k.m.addf(k.line("path"), "path = %q: it must be an absolute path", clip(path))
		}
	})
	k.number("max_slew_ppm", "parts per million", func(ppm float64) {
		b.MaxSlewPPM = ppm
		if !(ppm >= 0 && ppm <= 250_000) {
			k.m.addf(k.line("max_slew_ppm"), "max_slew_ppm = %v: it must be 0 to 250000", ppm)
		}
	})
	if k.values["max_slew_ppm"] == nil {
		k.m.addf(k.table.line, "max_slew_ppm is missing: clients read the system clock, so say by how much it is slewed at most: 100000 for chronyd as it comes, 1000 if its configuration has maxslewrate 1000 and maxdrift 500")
	}
	k.duration("period", func(d time.Duration) {
		b.Period = d
		if d < time.Millisecond || d > 100*time.Millisecond {
			k.m.addf(k.line("period"), "period = %v: it must be 1ms to 100ms", d)
		}
	})
	k.duration("longest_pause", func(d time.Duration) {
		b.LongestPause = &d
		if d < 0 || d > 5*time.Second {
			k.m.addf(k.line("longest_pause"), "longest_pause = %v: it must be 0s to 5s", d)
		}
	})
	k.rest()
	c.ClockBound = b
}
