package demo

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/epsilontime/epsilon/ntpsrc/ntptest"
)

// Script is what goes wrong in a demonstration, and when. Each line of its text is one fault:
//
//	5s   server 1 off 300ms for 20s    # what it says is wrong by that
//	10s  server 2 claims 20ms          # and by how much at most it says it is
//	20s  server all silent for 10s
//	40s  server 4 kiss DENY
//	50s  server 5 drifts 500           # ppm, from then on
//	60s  server all honest             # as in the beginning; the third lies then
//	70s  disrupt                       # the epoch ends
//	80s  refuse for 10s                # the clock has no answer
//
// Times are counted from the start.
type Script []fault

// fault is what is wrong with some of the servers for a time.
type fault struct {
	text       string
	begin, end time.Duration
	server     int // all of them if it is below 0
	heal       bool
	disrupts   bool // when it begins
	change     func(server int, b *ntptest.Behavior)
}

// forever is the end of a fault that has none.
const forever time.Duration = 1<<63 - 1

const (
	maxFaults = 1000
	maxErrors = 20
)

// ParseScript reads a script. The error has a line for each mistake, with its number; name is what to call the text.
func ParseScript(name, text string) (Script, error) {
	var script Script
	var mistakes []error
	number := 0
	for line := range strings.Lines(text) {
		number++
		line, _, _ = strings.Cut(line, "#")
		words := strings.Fields(line)
		if len(words) == 0 {
			continue
		}
		f, err := parseFault(words)
		if err == nil && len(script) == maxFaults {
			err = fmt.Errorf("more than %d faults", maxFaults)
		}
		if err != nil {
			mistakes = append(mistakes, fmt.Errorf("%s:%d: %w", name, number, err))
			if len(mistakes) == maxErrors {
				break
			}
			continue
		}
		script = append(script, f)
	}
	if len(mistakes) > 0 {
		return nil, errors.Join(mistakes...)
	}
	slices.SortStableFunc(script, func(a, b fault) int { return cmp.Compare(a.begin, b.begin) })
	return script, nil
}

// parseFault reads "AT disrupt", "AT refuse [for DURATION]" or "AT server WHICH WHAT [for DURATION]".
func parseFault(words []string) (fault, error) {
	f := fault{text: strings.Join(words[1:], " "), end: forever, server: -1}
	var err error
	if f.begin, err = positive(words[0], "a line begins with the time since the start"); err != nil {
		return f, err
	}
	words = words[1:]
	lasts := len(words) >= 2 && words[len(words)-2] == "for"
	if lasts {
		d, err := positive(words[len(words)-1], "after for is how long it lasts")
		if err != nil {
			return f, err
		}
		if f.end = f.begin + d; f.end < f.begin {
			return f, fmt.Errorf("%v after %v is beyond the end of time", d, f.begin)
		}
		words = words[:len(words)-2]
	}
	switch {
	case len(words) == 1 && words[0] == "disrupt":
		if lasts {
			return f, errors.New("disrupt lasts for no time: leave out the for")
		}
		f.disrupts, f.change = true, func(int, *ntptest.Behavior) {}
	case len(words) == 1 && words[0] == "refuse":
		f.disrupts, f.change = true, func(_ int, b *ntptest.Behavior) { b.Silent = true } // so that no epoch begins to answer
	case len(words) >= 3 && words[0] == "server":
		if words[1] != "all" {
			n, err := strconv.Atoi(words[1])
			if err != nil || n < 1 || n > len(behaviors) {
				return f, fmt.Errorf("server %q: there are 1 to %d, and all", words[1], len(behaviors))
			}
			f.server = n - 1
		}
		if f.heal = len(words) == 3 && words[2] == "honest"; f.heal && lasts {
			return f, errors.New("honest is until the next fault: leave out the for")
		} else if f.heal {
			return f, nil
		}
		f.change, err = parseChange(words[2], words[3:])
		return f, err
	default:
		return f, fmt.Errorf("%q is no fault: there are disrupt, refuse, and server N or server all with %s", strings.Join(words, " "), changes)
	}
	return f, nil
}

const changes = "off DURATION, claims DURATION, drifts PPM, kiss CODE, silent or honest"

// parseChange reads what is wrong with a server.
func parseChange(what string, values []string) (func(int, *ntptest.Behavior), error) {
	value := strings.Join(values, " ")
	switch {
	case what == "silent" && len(values) == 0:
		return func(_ int, b *ntptest.Behavior) { b.Silent = true }, nil
	case what == "off" && len(values) == 1:
		d, err := time.ParseDuration(value)
		if err != nil || d.Abs() > 24*time.Hour {
			return nil, fmt.Errorf("off %q: it is a duration such as 300ms or -2s, of a day at most", value)
		}
		return func(_ int, b *ntptest.Behavior) { b.Offset += d }, nil
	case what == "claims" && len(values) == 1:
		d, err := positive(value, "claims is a duration")
		if err != nil || d > time.Hour {
			return nil, fmt.Errorf("claims %q: it is a duration such as 20ms, of an hour at most", value)
		}
		return func(_ int, b *ntptest.Behavior) { b.Dispersion = d }, nil
	case what == "drifts" && len(values) == 1:
		ppm, err := strconv.ParseFloat(value, 64)
		if err != nil || !(ppm >= -1e6 && ppm <= 1e6) {
			return nil, fmt.Errorf("drifts %q: it is a number of ppm, ±1000000 at most", value)
		}
		return func(_ int, b *ntptest.Behavior) { b.Drift += ppm }, nil
	case what == "kiss" && len(values) == 1:
		if len(value) != 4 || strings.ToUpper(value) != value {
			return nil, fmt.Errorf("kiss %q: it is four capital letters such as DENY or RATE", value)
		}
		return func(_ int, b *ntptest.Behavior) { b.Kiss = value }, nil
	}
	return nil, fmt.Errorf("%q is nothing that a server does: there are %s", strings.TrimSpace(what+" "+value), changes)
}

func positive(text, what string) (time.Duration, error) {
	d, err := time.ParseDuration(text)
	if err != nil || d < 0 {
		return 0, fmt.Errorf("%q: %s, such as 10s", text, what)
	}
	return d, nil
}

// Disrupts reports whether the script has a disruption, which takes a [Hypervisor].
func (s Script) Disrupts() bool {
	return slices.ContainsFunc(s, func(f fault) bool { return f.disrupts })
}

// at is what the servers do after so long: as in the beginning, with all faults that have begun and not ended.
func (s Script) at(elapsed time.Duration) []ntptest.Behavior {
	now := slices.Clone(behaviors)
	for _, f := range s {
		if elapsed < f.begin || elapsed >= f.end {
			continue
		}
		for i := range now {
			switch {
			case f.server >= 0 && f.server != i:
			case f.heal:
				now[i] = behaviors[i]
			default:
				f.change(i, &now[i])
			}
		}
	}
	return now
}

// change is a moment at which the servers begin to do something else, and why.
type change struct {
	at       time.Duration
	what     string
	disrupts bool
}

// changes are the moments at which a fault begins or ends, in their order.
func (s Script) changes() (all []change) {
	for _, f := range s {
		all = append(all, change{f.begin, f.text, f.disrupts})
		if f.end != forever {
			all = append(all, change{f.end, "the end of " + f.text, false})
		}
	}
	slices.SortStableFunc(all, func(a, b change) int { return cmp.Compare(a.at, b.at) })
	return all
}
