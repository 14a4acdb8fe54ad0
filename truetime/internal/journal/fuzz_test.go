package journal

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/truetime/internal/discipline"
	"github.com/epsilontime/epsilon/truetime/internal/engine"
)

// fuzzedConfigs are clocks that a fuzzer talks to.
func fuzzedConfigs() (all []engine.Config) {
	for _, sources := range []int{1, 3, 4} {
		for _, stability := range []discipline.Stability{{}, {Wander: 1e-7}, {Deviation: 2e-5}, {Wander: 1e-8, Deviation: 1e-5}} {
			c := someConfig(sources)
			c.Discipline.Stability = stability
			all = append(all, c)
		}
	}
	grouped := someConfig(5)
	grouped.Discipline.Voter, grouped.Discipline.Faulty = []int{0, 0, 0, 1, discipline.NoVote}, 0
	return append(all, grouped)
}

// conversation is a journal of two polls of each source and a look between.
func conversation(c engine.Config) []byte {
	e := engine.New(c)
	var b []byte
	now := c.Now
	for range 2 {
		for i := range c.Discipline.Voter {
			x := e.Begin(i, now)
			sent, received := now+1000, now+2_000_000
			now = received + 500
			const base = 1_900_000_000_000_000_000
			r := engine.Reply{Peer: string(rune('a' + i)), Facts: discipline.Facts{
				Upper: discipline.Point{At: sent, Time: base + int64(sent) + 1_000_000},
				Lower: discipline.Point{At: received, Time: base + int64(received) - 1_000_000},
			}}
			_ = e.Finish(i, x, r, now)
			b = append(b, Finish(e, i, x, r, now)...)
		}
		now += 1_000_000_000
		e.Look(now, c.Discipline.Counter, "")
		b = append(b, Look(e, now, c.Discipline.Counter, "")...)
	}
	e.Look(now, c.Discipline.Counter, "the machine was suspended")
	return append(b, Look(e, now, c.Discipline.Counter, "the machine was suspended")...)
}

// FuzzPlay has arbitrary lines of a journal played to an engine. What the engine concluded is what it concludes, and so
// each line is followed by the next, however little it has to do with what a clock would write. Whatever comes,
// nothing panics, and an answer is an interval.
func FuzzPlay(f *testing.F) {
	configs := fuzzedConfigs()
	for i, c := range configs {
		f.Add(conversation(c), uint8(i))
	}
	f.Add([]byte("learn 5 1814140800000000000 63072000:10,78796800:11 \"x\"\n"), uint8(1))
	f.Fuzz(func(t *testing.T, text []byte, which uint8) {
		c := configs[int(which)%len(configs)]
		p := &player{}
		number := 0
		play := func(line string) {
			if number++; p.made {
				var b bytes.Buffer
				conclude(&b, p.engine, p.step.Now)
				require.NoError(t, p.confirm(strings.TrimSuffix(b.String(), "\n")))
				if bounds, ok := p.engine.Discipline().Bounds(); ok && bounds.At(p.step.Now).Empty() {
					t.Fatalf("the answer is empty after line %d: %v", number, bounds.At(p.step.Now))
				}
			}
			if !strings.HasPrefix(line, "=") {
				_ = p.play(number, line)
			}
		}
		names := []string{"a", "b", "c", "d", "e"}[:len(c.Discipline.Voter)]
		for line := range strings.Lines(string(Begin(c, names))) {
			play(strings.TrimSuffix(line, "\n"))
		}
		require.NotNil(t, p.engine)
		lines := 0
		for line := range strings.Lines(string(text)) {
			if lines++; lines > 100 {
				return
			}
			play(strings.TrimSuffix(line, "\n"))
			for i := range p.engine.Sources() {
				if wait := p.engine.Interval(i); wait < 0 || wait > 1000*time.Hour {
					t.Fatalf("source %d is asked every %v", i, wait)
				}
			}
		}
		play("")
	})
}
