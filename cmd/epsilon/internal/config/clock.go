package config

import (
	"bytes"
	"fmt"
	"time"

	"github.com/pelletier/go-toml/v2/unstable"

	"github.com/epsilontime/epsilon/truetime"
)

// readClock reads [clock]: each key is an option of truetime.New.
//
//	drift_ppm              WithDrift
//	max_wander_ppb         WithMaxWander
//	rate_stability_ppm     WithRateStability
//	unseen_pause           WithUnseenPause
//	faulty                 WithFaulty
//	poll_min, poll_max     WithPoll
//	target_uncertainty     WithTargetUncertainty
//	max_uncertainty        WithMaxUncertainty
//	burst                  WithBurst
//	require_authenticated  WithRequireAuthenticated
//	plausible_since        WithPlausibleSince, a date
//	leap_seconds           WithLeapSeconds, the path of a leap-seconds.list
//	vmclock                WithVMClock, a path, or "" for none
func (c *Config) readClock(k *keys) {
	k.m.clock = k.table.line
	use := func(key string, option truetime.Option) {
		for _, text := range objections(nil, option) {
			k.m.addf(k.line(key), "%s: %s", key, text)
			return // one that is refused is not used, or would be refused again beside the others
		}
		c.clock = append(c.clock, option)
	}
	k.number("drift_ppm", "parts per million", func(ppm float64) {
		c.DriftPPM = ppm
		use("drift_ppm", truetime.WithDrift(ppm))
	})
	others := len(c.clock)
	k.number("max_wander_ppb", "parts per billion a second", func(ppb float64) {
		c.WanderPPB = ppb
		use("max_wander_ppb", truetime.WithMaxWander(ppb))
	})
	k.number("rate_stability_ppm", "parts per million", func(ppm float64) { use("rate_stability_ppm", truetime.WithRateStability(ppm)) })
	c.clock, c.stability = c.clock[:others:others], c.clock[others:]
	k.duration("unseen_pause", func(d time.Duration) { use("unseen_pause", truetime.WithUnseenPause(d)) })
	k.integer("faulty", "how many sources may be wrong, a whole number", func(f int) {
		c.faultyLine = k.line("faulty")
		use("faulty", truetime.WithFaulty(f))
	})
	c.readPoll(k, use)
	k.duration("target_uncertainty", func(d time.Duration) {
		use("target_uncertainty", truetime.WithTargetUncertainty(d))
	})
	k.duration("max_uncertainty", func(d time.Duration) {
		c.MaxUncertainty = d
		use("max_uncertainty", truetime.WithMaxUncertainty(d))
	})
	k.integer("burst", "a whole number of polls", func(n int) { use("burst", truetime.WithBurst(n)) })
	k.flag("require_authenticated", func() { c.clock = append(c.clock, truetime.WithRequireAuthenticated()) })
	c.readPlausibleSince(k, use)
	k.text("leap_seconds", "the path of a leap-seconds.list", func(path string) {
		list, err := readFile(path)
		if err != nil {
			k.m.addf(k.line("leap_seconds"), "leap_seconds: %v", err)
			return
		}
		if texts := objections(nil, truetime.WithLeapSeconds(bytes.NewReader(list))); len(texts) > 0 {
			k.m.addf(k.line("leap_seconds"), "leap_seconds: %s", texts[0])
			return
		}
		c.leapList = list // a reader is used up by one clock
		k.m.read = append(k.m.read, list...)
	})
	if v := k.look("vmclock"); v != nil {
		if v.kind != unstable.String {
			k.wrong("vmclock", v, `the path of a device as in "/dev/vmclock0", or "" for none`)
		} else {
			use("vmclock", truetime.WithVMClock(v.text))
		}
	}
	k.rest()
}

// readPoll reads the two limits, of which one alone has the other's default: 16 s and 256 s, or 1 s for
// the shortest where there is a target.
func (c *Config) readPoll(k *keys, use func(string, truetime.Option)) {
	shortest, longest := 16*time.Second, 256*time.Second
	if k.values["target_uncertainty"] != nil {
		shortest = time.Second
	}
	given, line := false, ""
	k.duration("poll_min", func(d time.Duration) { shortest, given, line = d, true, "poll_min" })
	k.duration("poll_max", func(d time.Duration) { longest, given, line = d, true, "poll_max" })
	if k.values["poll_max"] == nil {
		longest = max(longest, shortest)
	}
	if k.values["poll_min"] == nil {
		shortest = min(longest, shortest)
	}
	if given {
		use(line, truetime.WithPoll(shortest, longest))
	}
}

func (c *Config) readPlausibleSince(k *keys, use func(string, truetime.Option)) {
	v := k.look("plausible_since")
	if v == nil {
		return
	}
	const must = "a date, as in 2026-11-30, without quotes"
	if v.kind != unstable.LocalDate {
		k.wrong("plausible_since", v, must)
		return
	}
	date, err := time.Parse(time.DateOnly, v.text)
	if err != nil {
		k.wrong("plausible_since", v, must)
		return
	}
	use("plausible_since", truetime.WithPlausibleSince(truetime.FromStd(date)))
}

// Options returns what truetime.New is to be given beside the sources.
func (c *Config) Options() []truetime.Option {
	return append(c.apartFromStability(), c.stability...)
}

// OptionsToMeasure is Options for a clock that is to find out what its counter does: nothing is assumed of that
// but the drift given, and an answer of any width is one.
func (c *Config) OptionsToMeasure(driftPPM float64) []truetime.Option {
	const any = 24 * time.Hour
	return append(c.apartFromStability(), truetime.WithDrift(driftPPM), truetime.WithMaxUncertainty(any))
}

func (c *Config) apartFromStability() []truetime.Option {
	options := c.clock[:len(c.clock):len(c.clock)]
	if c.leapList != nil {
		options = append(options, truetime.WithLeapSeconds(bytes.NewReader(c.leapList)))
	}
	return options
}

// check holds the sources and options against each other, and notes what the library has against them.
func (c *Config) check(m *mistakes) {
	seen := map[string]Source{}
	sound := true
	var all []truetime.Source
	for _, s := range c.Sources {
		for _, source := range s.Make(nil) {
			info := source.Info()
			if info.Err != nil {
				m.addf(s.Line, "source %s: %v", clip(s.Address), info.Err)
				sound = false
				break // all of a pool have the same mistakes
			}
			if first, found := seen[info.Name]; found {
				text := fmt.Sprintf("source %s is already given", clip(info.Name))
				if first.Line > 0 {
					text += fmt.Sprintf(" on line %d", first.Line)
				}
				m.addf(s.Line, "%s: one server has one vote", text)
				sound = false
				break
			}
			seen[info.Name] = s
			all = append(all, source)
		}
	}
	if !sound || len(all) == 0 {
		return // what else there is to say would be said of other sources than are meant
	}
	for _, text := range objections(all, c.Options()...) {
		line := m.clock
		if c.faultyLine > 0 && len(objections(all)) == 0 {
			line = c.faultyLine
		}
		m.addf(line, "%s", text)
	}
}
