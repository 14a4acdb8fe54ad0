package journal

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/epsilontime/epsilon/monotonic"
	"github.com/epsilontime/epsilon/truetime/internal/discipline"
	"github.com/epsilontime/epsilon/truetime/internal/engine"
	"github.com/epsilontime/epsilon/truetime/internal/leap"
	"github.com/epsilontime/epsilon/truetime/internal/snapshot"
)

// ErrDiverged is returned when the engine concludes something else than the journal says.
var ErrDiverged = errors.New("the replay diverged from the journal")

// limits of what is read. A step takes time in proportion to the number of sources.
const (
	maxLine    = 1 << 20
	maxSources = 1 << 12
	maxSeconds = 1 << 33 // of a leap second, since 1970
	maxPoll    = 1 << 60 // some decades: what is doubled must not overflow
)

// Step is one call of the engine that has been made again.
type Step struct {
	Line   int    // where the journal has it
	Text   string // and what it says there
	Now    monotonic.Instant
	Engine *engine.Engine // as it is afterwards
}

// Replay makes every call that the journal has, and visits each after it was made. An error wraps
// [ErrDiverged] or says which line cannot be understood. A last line that was cut off is left out, since a
// journal may end with its machine.
func Replay(r io.Reader, visit func(Step) error) error {
	lines := bufio.NewReaderSize(r, maxLine)
	p := &player{visit: visit, read: func() (string, error) {
		line, err := lines.ReadSlice('\n')
		if errors.Is(err, io.EOF) {
			err = errEnd
		}
		return string(bytes.TrimSuffix(line, []byte("\n"))), err
	}}
	for {
		line, err := p.next()
		if err == nil {
			err = p.play(line)
		}
		switch {
		case err == errEnd && p.number == 1:
			return errors.New("journal: it is empty")
		case err == errEnd:
			return nil
		case err != nil:
			return fmt.Errorf("journal: line %d: %w", p.number, err)
		}
	}
}

// errEnd says that a journal has ended.
var errEnd = errors.New("the journal has ended")

type player struct {
	read   func() (string, error) // the next line; errEnd after the last one
	number int                    // of the line that was read last, from 1
	config engine.Config          // as far as it has been read
	engine *engine.Engine
	visit  func(Step) error
	begun  bool // a state was read or a call was made
	step   Step
	made   bool // a call was made that the next line has to confirm
}

func (p *player) next() (string, error) {
	p.number++
	return p.read()
}

func (p *player) play(line string) error {
	kind, _, _ := strings.Cut(line, " ")
	switch {
	case p.number == 1:
		if line != header {
			return fmt.Errorf("%.40q is not how a journal begins: %q", line, header)
		}
		return nil
	case kind == "leaps" && p.config.Table == nil:
		return p.leaps(line)
	case kind == "clock" && p.config.Discipline.Voter == nil:
		return p.clock(line)
	case kind == "source" && len(p.config.Scale) < len(p.config.Discipline.Voter):
		return p.source(line)
	case p.engine == nil:
		return errors.New("the clock is not complete")
	case p.made && kind == "=":
		return p.confirm(line)
	case p.made:
		return errors.New("what the engine concluded is missing")
	case kind == snapshot.Word && !p.begun:
		return p.state(line)
	case kind == "look":
		return p.look(line)
	case kind == "poll":
		return p.poll(line)
	case kind == "learn":
		return p.learn(line)
	}
	return fmt.Errorf("%.40q cannot be understood", line)
}

// state reads the state that the engine is in at first. Its first line has been read already.
func (p *player) state(line string) error {
	e, read := engine.New(p.config), false
	err := snapshot.Read(func() (string, error) {
		if !read {
			read = true
			return line, nil
		}
		return p.next()
	}, e.Fields)
	if err == nil {
		p.engine, p.begun = e, true
	}
	return err
}

// called takes note of a call of the engine.
func (p *player) called(line string, now monotonic.Instant) {
	p.step, p.begun, p.made = Step{p.number, line, now, p.engine}, true, true
}

func (p *player) clock(line string) error {
	c := &p.config
	var voters, wander, deviation string
	var slow, fast uint64
	d := &c.Discipline
	_, err := fmt.Sscanf(line, words(lineClock), &c.Now, &voters, &d.Faulty, &slow, &fast, &d.Counter.Resolution, &wander, &deviation, &d.Pause,
		&c.Poll.Min, &c.Poll.Max, &c.Poll.Burst, &c.Target, &c.PlausibleSince, &c.Seed)
	if err != nil {
		return err
	}
	if d.Counter.Drift = discipline.DriftOf(slow, fast); !d.Counter.Drift.Sensible() {
		return fmt.Errorf("no counter has a drift of %d, %d", slow, fast)
	}
	if d.Stability.Wander, err = strconv.ParseFloat(wander, 64); err != nil {
		return err
	}
	if d.Stability.Deviation, err = strconv.ParseFloat(deviation, 64); err != nil {
		return err
	}
	if !(d.Stability.Wander >= 0 && d.Stability.Wander < 1) || !(d.Stability.Deviation >= 0 && d.Stability.Deviation < 1) {
		return fmt.Errorf("no counter is as stable as %s or %s says", wander, deviation)
	}
	highest, voter := -1, []int{}
	for text := range strings.SplitSeq(voters, ",") {
		v, err := strconv.Atoi(text)
		if err != nil || v < discipline.NoVote || v > highest+1 || len(voter) == maxSources {
			return fmt.Errorf("voters %.40q", voters)
		}
		highest = max(highest, v)
		voter = append(voter, v)
	}
	if highest < 0 || d.Faulty < 0 || d.Faulty > highest/2 || c.Poll.Min <= 0 || c.Poll.Max < c.Poll.Min || c.Poll.Max > maxPoll || c.Poll.Burst < 1 || d.Counter.Resolution < 0 || d.Pause < 0 {
		return errors.New("no clock has such a configuration")
	}
	if c.Table == nil {
		return errors.New("there is no leap second table before the clock")
	}
	d.Voter = voter
	return nil
}

func (p *player) leaps(line string) error {
	var expiry leap.UTC
	var list, source string
	if _, err := fmt.Sscanf(line, words(lineLeaps), &expiry, &list, &source); err != nil {
		return err
	}
	var err error
	p.config.Table, err = table(expiry, list, source)
	return err
}

func (p *player) learn(line string) error {
	var now monotonic.Instant
	var expiry leap.UTC
	var list, source string
	if _, err := fmt.Sscanf(line, words(lineLearn), &now, &expiry, &list, &source); err != nil {
		return err
	}
	t, err := table(expiry, list, source)
	if err != nil {
		return err
	}
	_ = p.engine.Learn(t, now) // an error is part of what happened
	p.called(line, now)
	return nil
}

// words is a format for Sscanf, which reads a word up to the next space.
func words(format string) string {
	return strings.NewReplacer("%s", "%v").Replace(strings.TrimSuffix(format, "\n"))
}

func table(expiry leap.UTC, list, source string) (*leap.Table, error) {
	var entries []leap.Entry
	for text := range strings.SplitSeq(list, ",") {
		var seconds int64
		var offset int
		if _, err := fmt.Sscanf(text, "%d:%d", &seconds, &offset); err != nil || seconds < 0 || seconds > maxSeconds {
			return nil, fmt.Errorf("entry %.40q", text)
		}
		entries = append(entries, leap.Entry{At: leap.UTC(seconds * int64(time.Second)), Offset: offset})
	}
	return leap.NewTable(entries, expiry, source)
}

// source reads what a source serves. With the last one the clock is complete.
func (p *player) source(line string) error {
	var i int
	var scale leap.Scale
	var name string
	if _, err := fmt.Sscanf(line, strings.TrimSuffix(lineSource, "\n"), &i, &scale, &name); err != nil {
		return err
	}
	if i != len(p.config.Scale) {
		return fmt.Errorf("source %d where source %d was to come", i, len(p.config.Scale))
	}
	if scale > leap.ScaleTAI {
		return fmt.Errorf("source %d serves %v", i, scale)
	}
	p.config.Scale = append(p.config.Scale, scale)
	if len(p.config.Scale) == len(p.config.Discipline.Voter) {
		p.engine = engine.New(p.config)
	}
	return nil
}

func (p *player) look(line string) error {
	var now monotonic.Instant
	var slow, fast uint64
	var counter discipline.CounterSpec
	var disruption string
	if _, err := fmt.Sscanf(line, strings.TrimSuffix(lineLook, "\n"), &now, &slow, &fast, &counter.Resolution, &disruption); err != nil {
		return err
	}
	if counter.Drift = discipline.DriftOf(slow, fast); !counter.Drift.Sensible() || counter.Resolution < 0 {
		return fmt.Errorf("no counter has a drift of %d, %d and a resolution of %d", slow, fast, counter.Resolution)
	}
	p.engine.Look(now, counter, disruption)
	p.called(line, now)
	return nil
}

func (p *player) poll(line string) error {
	var now monotonic.Instant
	var i int
	var x engine.Exchange
	var r engine.Reply
	f := &r.Facts
	if _, err := fmt.Sscanf(line, strings.TrimSuffix(linePoll, "\n"), &now, &i, &x.Epoch, &x.Begun, &r.Outcome, &f.Upper.At, &f.Upper.Time, &f.Lower.At, &f.Lower.Time, &r.Age, &r.MinPoll, &r.Say, &r.TAIOffset, &r.Peer, &r.Identity); err != nil {
		return err
	}
	if i < 0 || i >= p.engine.Sources() {
		return fmt.Errorf("there is no source %d", i)
	}
	_ = p.engine.Finish(i, x, r, now) // an error is part of what happened
	p.called(line, now)
	return nil
}

func (p *player) confirm(line string) error {
	p.made = false
	var b bytes.Buffer
	conclude(&b, p.engine, p.step.Now)
	if got := strings.TrimSuffix(b.String(), "\n"); got != line {
		return fmt.Errorf("%w: %q, and it was %q", ErrDiverged, got, line)
	}
	if p.visit == nil {
		return nil
	}
	return p.visit(p.step)
}
