package config

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"time"

	"github.com/pelletier/go-toml/v2/unstable"

	"github.com/epsilontime/epsilon/truetime"
)

// DefaultPath is where the daemon looks for its configuration.
const DefaultPath = "/etc/epsilon/epsilon.toml"

// Defaults of the daemon.
const (
	DefaultReadyWithin = 100 * time.Millisecond
	DefaultDriftPPM    = 200 // of truetime.WithDrift
)

// Config is what a daemon is to do.
type Config struct {
	File  string   // it is from; empty for none
	Demo  bool     // its servers are those of the demonstration, which nobody may trust
	Notes []string // what of the host's chrony configuration was left out, and why

	Socket  string  // of the API; empty for the default
	segment *string // where to publish the clock for other processes; nil for the default
	User    string  // to become once everything is open; empty to stay

	LogJSON  bool
	LogLevel slog.Level

	// ReadyWithin is the ε up to which the daemon says that it is ready.
	ReadyWithin time.Duration

	// MaxUncertainty is the ε above which the clock refuses, 0 for any.
	MaxUncertainty time.Duration

	Sources   []Source
	DriftPPM  float64
	WanderPPB float64 // as declared, in a second; 0 for none

	ClockBound *ClockBound // nil if no segment is written for ClockBound's clients

	NTP *NTP // nil if nothing is served to other hosts

	HTTP  []netip.AddrPort // where the status page is served; none for nowhere
	Fleet *Fleet           // nil if the clock is compared with nobody's

	clock      []truetime.Option
	stability  []truetime.Option // what is assumed about the counter besides its drift
	leapList   []byte
	faultyLine int
	identity   string // of what makes the clock

	ntpIdentity        string // of what is served to other hosts
	clockboundIdentity string // of what is written for ClockBound's clients
	httpIdentity       string // of what is served to people and probes
	fleetIdentity      string // of what is asked of other machines
}

// SegmentOr returns where to publish the clock for other processes, empty for nowhere, and usual if the file does
// not say.
func (c *Config) SegmentOr(usual string) string {
	if c.segment == nil {
		return usual
	}
	return *c.segment
}

// SameClock reports whether both ask the same sources under the same assumptions, so that a clock that
// runs by the one need not be replaced for the other.
func (c *Config) SameClock(other *Config) bool { return c.identity == other.identity }

// Fixed returns the keys and tables in which another configuration differs from the one that a daemon was
// started with, and that it uses until it ends.
func (c *Config) Fixed(other *Config) []string {
	fixed := []string{}
	for _, of := range []struct {
		name    string
		changed bool
	}{
		{"socket", c.Socket != other.Socket},
		{"segment", c.SegmentOr("unset") != other.SegmentOr("unset")},
		{"user", c.User != other.User},
		{"log.format", c.LogJSON != other.LogJSON},
		{"[ntp]", c.ntpIdentity != other.ntpIdentity},
		{"[clockbound]", c.clockboundIdentity != other.clockboundIdentity},
		{"[http]", c.httpIdentity != other.httpIdentity},
		{"[fleet]", c.fleetIdentity != other.fleetIdentity},
	} {
		if of.changed {
			fixed = append(fixed, of.name)
		}
	}
	return fixed
}

// defaults is what a file that says nothing makes.
func defaults(file string) *Config {
	return &Config{File: file, ReadyWithin: DefaultReadyWithin, DriftPPM: DefaultDriftPPM}
}

// Load reads a file. An error about what is in it is an [*Error] with all mistakes.
func Load(path string) (*Config, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, explain(path, err)
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is no file with a configuration", path)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, explain(path, err)
	}
	return Parse(path, data)
}

// maxOtherFile bounds what is read of a file that a configuration names: all authorities of a host are 250 KB.
const maxOtherFile = 16 << 20

// readFile reads a file that a configuration names. A pipe or a device could take for ever.
func readFile(path string) ([]byte, error) {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("%s is no regular file: give the path of one", path)
	case info.Size() > maxOtherFile:
		return nil, fmt.Errorf("%s is longer than %d bytes: give the path of another file", path, maxOtherFile)
	}
	return os.ReadFile(path)
}

func explain(path string, err error) error {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("there is no file %s: %w", path, fs.ErrNotExist)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("no permission to read %s: %w", path, fs.ErrPermission)
	}
	return err
}

// Parse reads what a file has in it.
//
// At the top level:
//
//	socket   where the API listens
//	segment  where the clock is published for other processes; "" for nowhere
//	user     whom to become once everything that takes root is open
//	[log]    format = "text" or "json", level = "debug", "info", "warn" or "error"
//	[ready]  within, the ε up to which the daemon is ready
//	[clock]  the options of the clock
//	[[source]] for each source
//	[ntp]    what is served to other hosts
//	[clockbound] what is written for ClockBound's own clients
//	[http]   where the status page is served
//	[fleet]  with whom the clock is compared
func Parse(file string, data []byte) (*Config, error) {
	var m mistakes
	root := keysOf(parse(data, &m), "the file", &m)
	unreadable := len(m.found) > 0
	c := defaults(file)
	root.text("socket", "the absolute path of the socket", func(path string) {
		if !filepath.IsAbs(path) {
			m.addf(root.line("socket"), "socket = %q: it must be an absolute path", clip(path))
		}
		c.Socket = path
	})
	if v := root.look("segment"); v != nil {
		if v.kind != unstable.String || v.text != "" && !filepath.IsAbs(v.text) {
			root.wrong("segment", v, `the absolute path of a file, as in "/run/epsilon/clock", or "" for none`)
		}
		c.segment = &v.text
	}
	root.text("user", "the name of a user", func(name string) { c.User = name })
	log := root.tableAt("log")
	choice(log, "format", map[string]bool{"text": false, "json": true}, func(json bool) { c.LogJSON = json })
	choice(log, "level", map[string]slog.Level{
		"debug": slog.LevelDebug, "info": slog.LevelInfo, "warn": slog.LevelWarn, "error": slog.LevelError,
	}, func(level slog.Level) { c.LogLevel = level })
	log.rest()
	ready := root.tableAt("ready")
	ready.duration("within", func(d time.Duration) {
		if d <= 0 {
			m.addf(ready.line("within"), "within = %v: it must be above 0", d)
		}
		c.ReadyWithin = d
	})
	ready.rest()
	c.readClock(root.tableAt("clock"))
	c.readSources(root)
	c.readNTP(root)
	c.readClockBoundSegment(root)
	c.readHTTP(root)
	c.readFleet(root)
	root.rest()
	if len(c.Sources) == 0 && !unreadable && root.values["source"] == nil {
		m.addf(0, "it has no [[source]]: name at least one server, and four to stay right while one is wrong and another is down")
	}
	c.check(&m)
	c.identity = written(root.values["clock"]) + written(root.values["source"]) + string(m.read)
	c.ntpIdentity, c.clockboundIdentity = written(root.values["ntp"]), written(root.values["clockbound"])
	c.httpIdentity = written(root.values["http"])
	if err := m.in(file); err != nil {
		return nil, err
	}
	return c, nil
}

// Find returns the configuration at path, or where path is empty the one at [DefaultPath], or else what
// the host's chrony is configured for.
func Find(path string) (*Config, error) {
	if path != "" {
		return Load(path)
	}
	c, err := Load(DefaultPath)
	if !errors.Is(err, fs.ErrNotExist) {
		return c, err
	}
	for _, chrony := range ChronyPaths {
		c, err := FromChrony(chrony)
		if !errors.Is(err, fs.ErrNotExist) {
			return c, err
		}
	}
	return nil, errNothing
}

var errNothing = fmt.Errorf(`no sources of time are configured: there is neither %s nor a chrony configuration.
Write %[1]s, with at least one server and better four:

  [[source]]
  server = "ntp1.example.net"

  [[source]]
  server = "ntp2.example.net"

or try "epsilon serve --demo", which brings servers of its own`, DefaultPath)
