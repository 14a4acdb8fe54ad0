package engine

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/internal/line"
	"github.com/epsilontime/epsilon/monotonic"
	"github.com/epsilontime/epsilon/truetime/internal/discipline"
	"github.com/epsilontime/epsilon/truetime/internal/leap"
)

var update = flag.Bool("update", false, "write what the engine says into the transcripts")

// Each file of testdata is a story: what the engine is told, and below each ---- what it says then. The commands are
// described in testdata/README.md. After a change that is meant:
//
//	go test ./truetime/internal/engine -run Transcripts -update
//	git diff
func TestTranscripts(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			text, err := os.ReadFile(file)
			require.NoError(t, err)
			played := new(transcript).play(t, string(text))
			if *update {
				require.NoError(t, os.WriteFile(file, []byte(played), 0o600))
			}
			require.Equal(t, string(text), played)
		})
	}
}

// transcript is a story under way. Its counter begins at 0 and is right.
type transcript struct {
	engine *Engine
	answer Answer
	now    monotonic.Instant
	base   int64 // true time when the counter reads 0, in stepped UTC
	epoch  uint64
}

// play returns the text with what the engine says to each command.
func (s *transcript) play(t *testing.T, text string) string {
	var played strings.Builder
	said := false // the lines that come are what was said the last time
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		switch {
		case said && line != "":
			continue
		case line == "" || strings.HasPrefix(line, "#"):
			said = false
			fmt.Fprintln(&played, line)
			continue
		case line == "----":
			said = true
			continue
		}
		fmt.Fprintf(&played, "%s\n----\n%s", line, s.do(t, line))
	}
	return played.String()
}

// do does what a line says and returns what the engine says.
func (s *transcript) do(t *testing.T, line string) string {
	words := strings.Fields(line)
	options := map[string]string{}
	var own []string
	for _, w := range words[1:] {
		if key, value, ok := strings.Cut(w, "="); ok {
			options[key] = value
		} else {
			own = append(own, w)
		}
	}
	source := func() int {
		require.NotEmpty(t, own, "which source? %s", line)
		i, err := strconv.Atoi(strings.TrimPrefix(own[0], "s"))
		require.NoError(t, err, line)
		return i - 1
	}
	switch words[0] {
	case "clock":
		return s.clock(t, options)
	case "wait":
		for left := duration(t, own[0]); left > 0; left -= time.Second {
			s.now = s.now.Add(min(left, time.Second))
			s.engine.Look(s.now, spec, "")
		}
		return s.say()
	case "stop": // nobody looks
		s.now = s.now.Add(duration(t, own[0]))
		s.engine.Look(s.now, spec, "")
		return s.say()
	case "disrupt":
		s.engine.Look(s.now, spec, strings.Join(own, " "))
		return s.say()
	case "answer":
		return s.finish(source(), s.reply(t, own[1], options))
	case "silent":
		return s.finish(source(), Reply{Outcome: TimedOut})
	case "slow-down":
		return s.finish(source(), Reply{Outcome: SlowDown})
	case "deny":
		return s.finish(source(), Reply{Outcome: Denied})
	case "print":
		return s.report()
	}
	t.Fatalf("what is %q?", line)
	return ""
}

var spec = discipline.CounterSpec{Drift: discipline.DriftOfPPM(DefaultDriftPPM)}

func (s *transcript) clock(t *testing.T, options map[string]string) string {
	c := Choices{Faulty: Majority, Burst: 1}
	number := func(key string) (x float64) {
		if options[key] != "" {
			var err error
			x, err = strconv.ParseFloat(options[key], 64)
			require.NoError(t, err)
		}
		return x
	}
	groups := strings.Split(options["groups"], ",")
	for i := range int(number("sources")) {
		m := Member{}
		if i < len(groups) && groups[i] != "-" {
			m.Group = groups[i]
		}
		c.Members = append(c.Members, m)
	}
	if options["faulty"] != "" {
		c.Faulty = int(number("faulty"))
	}
	if options["poll"] != "" {
		c.PollMin = duration(t, options["poll"])
	}
	c.WanderPPB = number("wander")
	start := time.Date(2027, 1, 15, 0, 0, 0, 0, time.UTC)
	if options["start"] != "" {
		var err error
		start, err = time.Parse("2006-01-02T15:04:05Z", options["start"])
		require.NoError(t, err)
	}
	config, err := c.Config()
	if err != nil {
		return err.Error() + "\n"
	}
	*s = transcript{engine: New(config), base: start.UnixNano(), epoch: 1}
	return fmt.Sprintf("%d voters, of which %d may be wrong\n", s.engine.Discipline().Voters(), s.engine.faulty)
}

// reply is the answer of a source: that true time is now so far from the counter.
func (s *transcript) reply(t *testing.T, interval string, options map[string]string) Reply {
	low, high, ok := strings.Cut(strings.Trim(interval, "[]"), ",")
	require.True(t, ok, "%s is no interval", interval)
	took := time.Duration(0)
	if options["took"] != "" {
		took = duration(t, options["took"])
	}
	sent := s.now.Add(-took)
	r := Reply{Outcome: Answered, Peer: options["peer"], Identity: options["id"], Say: leap.NoLeap}
	if options["leap"] == "insert" {
		r.Say = leap.Insert
	}
	r.Facts.Upper = discipline.Point{At: sent, Time: s.base + int64(sent) + int64(duration(t, high))}
	r.Facts.Lower = discipline.Point{At: s.now, Time: s.base + int64(s.now) + int64(duration(t, low))}
	return r
}

// finish is a poll that has just ended.
func (s *transcript) finish(i int, r Reply) string {
	begun := s.now
	if r.Outcome == Answered {
		begun = r.Facts.Upper.At
	}
	x := s.engine.Begin(i, begun)
	s.engine.Look(s.now, spec, "")
	err := s.engine.Finish(i, x, r, s.now)
	text := ""
	var duplicate *DuplicateError
	switch {
	case errors.As(err, &duplicate):
		text = fmt.Sprintf("s%d: not used: it is the server of s%d\n", i+1, duplicate.Other+1)
	case err != nil:
		text = fmt.Sprintf("s%d: not used: %v\n", i+1, err)
	}
	return text + s.say()
}

// say publishes, and returns what whoever asks for the time is told.
func (s *transcript) say() string {
	text := ""
	d := s.engine.Discipline()
	if d.Epoch() != s.epoch {
		s.epoch = d.Epoch()
		text = fmt.Sprintf("epoch %d begins: %s\n", s.epoch, d.LastDisruption().Reason)
	}
	s.answer = s.engine.Answer(s.now, uint64(s.now), line.Nanoseconds)
	lo, hi, err := s.answer.At(uint64(s.now))
	if err != nil {
		return text + fmt.Sprintln(err)
	}
	return text + fmt.Sprintf("%s%s\n", s.relative(lo, hi), map[State]string{Holdover: ", in holdover"}[s.engine.State()])
}

// relative says how far an interval of true time is from the counter, to the microsecond.
func (s *transcript) relative(lo, hi int64) string {
	at := s.base + int64(s.now)
	off := func(t int64) time.Duration { return time.Duration(t - at).Round(time.Microsecond) }
	return fmt.Sprintf("[%v, %v]", off(lo), off(hi))
}

func (s *transcript) report() string {
	r := s.engine.Report(s.now, nil, 0)
	text := fmt.Sprintf("%s, epoch %d: %d of %d voters heard, %d answering\n",
		[]string{"unsynchronized", "synchronized", "holdover", "faulty"}[r.State], r.Epoch, r.Heard, r.Voters, r.Answering)
	if r.Leap.At != 0 {
		text += fmt.Sprintf("leap second, %s: %s\n", time.Unix(0, int64(r.Leap.At)).UTC().Format(time.DateOnly),
			[]string{"no answer", "none", "one is inserted", "one is removed", "it is being smeared", "not known", "smeared by the sources"}[r.Leap.Status])
	}
	for i, source := range r.Sources {
		text += fmt.Sprintf("s%d %-11s", i+1, []string{"undecided", "truechimer", "falseticker", "silent", "convicted", "unusable"}[source.Verdict])
		if source.Spoken {
			text += " " + s.relative(source.Interval.Lo, source.Interval.Hi)
		}
		text += fmt.Sprintf(" asked every %v", source.Poll)
		if source.HeldBack {
			text += ", as it wishes"
		}
		for _, twin := range source.Twins {
			text += fmt.Sprintf(", may be s%d", twin+1)
		}
		text += "\n"
	}
	return text
}

func duration(t *testing.T, text string) time.Duration {
	d, err := time.ParseDuration(strings.TrimPrefix(text, "+"))
	require.NoError(t, err)
	return d
}
