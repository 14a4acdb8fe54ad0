// Package journal writes down what a clock's engine is told, as lines of text, and tells
// it to an engine again. An engine is pure, so the second one says what the first one said, to the
// nanosecond: a journal from a machine on which something went wrong can be examined anywhere.
//
// One thing is left out, from which no interval follows: the error that a source claims for itself
// (discipline.Facts.Claim). So an engine that was told a poll again takes all that the sample was wide
// for delay, where it says what an uncertainty is made of.
//
// # The lines
//
//	epsilon journal 6
//	leaps expiry at:offset,at:offset,… "source"
//	clock now=… voter=0,1,2 faulty=1 drift=…,… resolution=1 wander=0 deviation=0 pause=0 poll=…,…,… target=0 since=… seed=…
//	source 0 scale "ntp1.example.net"
//	state …
//	look now drift-slow drift-fast resolution "what has disrupted the counter"
//	poll now source epoch begun outcome sent latest received earliest age minpoll say offset "peer" "identity"
//	learn now expiry at:offset,at:offset,… "source"
//	= epoch state earliest latest
//
// The lines that begin with state are the whole state of the engine, if the journal begins late: see
// package snapshot. They come after the clock and its sources, and its leap second table is the one in
// use by then.
//
// Each look, each poll and each table that is learnt is followed by a line that begins with "=" and says what the engine then
// concluded for that moment; the ends are - where there is no answer. Instants are the counter's, in
// nanoseconds; ends are nanoseconds since 1970 in the scale that the engine counts in; durations are
// nanoseconds; a drift is in units of 2⁻⁶⁴. A leap second table has the POSIX seconds from which on
// TAI−UTC is so many seconds. What a source serves is written as a leap.Scale, what it announces as a
// leap.Say.
package journal

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/epsilontime/epsilon/monotonic"
	"github.com/epsilontime/epsilon/truetime/internal/discipline"
	"github.com/epsilontime/epsilon/truetime/internal/engine"
	"github.com/epsilontime/epsilon/truetime/internal/leap"
	"github.com/epsilontime/epsilon/truetime/internal/snapshot"
)

const (
	header = "epsilon journal 6"

	lineClock  = "clock now=%d voter=%s faulty=%d drift=%d,%d resolution=%d wander=%s deviation=%s pause=%d poll=%d,%d,%d target=%d since=%d seed=%d\n"
	lineLeaps  = "leaps %d %s %q\n"
	lineSource = "source %d %d %q\n"
	lineLook   = "look %d %d %d %d %q\n"
	linePoll   = "poll %d %d %d %d %d %d %d %d %d %d %d %d %d %q %q\n"
	lineAnswer = "= %d %d %d %d\n"
	lineLearn  = "learn %d %d %s %q\n"
	lineNone   = "= %d %d - -\n"
)

// Begin returns the first lines of a journal. The configuration has a table, and a scale and a name
// for each source.
func Begin(c engine.Config, names []string) []byte {
	var b bytes.Buffer
	d := c.Discipline
	slow, fast := d.Counter.Drift.Parts()
	fmt.Fprintln(&b, header)
	fmt.Fprintf(&b, lineLeaps, c.Table.Expiry(), entries(c.Table), c.Table.Source())
	fmt.Fprintf(&b, lineClock, c.Now, join(d.Voter), d.Faulty, slow, fast, d.Counter.Resolution, exactly(d.Stability.Wander), exactly(d.Stability.Deviation), d.Pause,
		c.Poll.Min, c.Poll.Max, c.Poll.Burst, c.Target, c.PlausibleSince, c.Seed)
	for i, name := range names {
		fmt.Fprintf(&b, lineSource, i, uint8(c.Scale[i]), name)
	}
	return b.Bytes()
}

// BeginLate returns the first lines of a journal of an engine that was made with this configuration, and has
// been told something since.
func BeginLate(c engine.Config, names []string, e *engine.Engine) []byte {
	c.Table = e.Table()
	return append(Begin(c, names), snapshot.Write(e.Fields)...)
}

func entries(t *leap.Table) string {
	var text []string
	for _, e := range t.Entries() {
		text = append(text, fmt.Sprintf("%d:%d", e.At/leap.UTC(time.Second), e.Offset))
	}
	return strings.Join(text, ",")
}

func join(numbers []int) (text string) {
	for i, n := range numbers {
		if i > 0 {
			text += ","
		}
		text += strconv.Itoa(n)
	}
	return text
}

func exactly(x float64) string { return strconv.FormatFloat(x, 'g', -1, 64) }

// Look returns the lines for a call of [engine.Engine.Look] that has just been made.
func Look(e *engine.Engine, now monotonic.Instant, counter discipline.CounterSpec, disruption string) []byte {
	var b bytes.Buffer
	slow, fast := counter.Drift.Parts()
	fmt.Fprintf(&b, lineLook, now, slow, fast, counter.Resolution, disruption)
	conclude(&b, e, now)
	return b.Bytes()
}

// Finish returns the lines for a call of [engine.Engine.Finish] that has just been made.
func Finish(e *engine.Engine, i int, x engine.Exchange, r engine.Reply, now monotonic.Instant) []byte {
	var b bytes.Buffer
	f := r.Facts
	fmt.Fprintf(&b, linePoll, now, i, x.Epoch, x.Begun, r.Outcome, f.Upper.At, f.Upper.Time, f.Lower.At, f.Lower.Time, r.Age, r.MinPoll, r.Say, r.TAIOffset, r.Peer, r.Identity)
	conclude(&b, e, now)
	return b.Bytes()
}

// Learn returns the lines for a call of [engine.Engine.Learn] that has just been made.
func Learn(e *engine.Engine, now monotonic.Instant, t *leap.Table) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, lineLearn, now, t.Expiry(), entries(t), t.Source())
	conclude(&b, e, now)
	return b.Bytes()
}

func conclude(b *bytes.Buffer, e *engine.Engine, now monotonic.Instant) {
	d := e.Discipline()
	bounds, answered := d.Bounds()
	if !answered {
		fmt.Fprintf(b, lineNone, d.Epoch(), e.State())
		return
	}
	i := bounds.At(now)
	fmt.Fprintf(b, lineAnswer, d.Epoch(), e.State(), i.Lo, i.Hi)
}
