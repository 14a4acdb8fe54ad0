package journal

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/monotonic"
	"github.com/epsilontime/epsilon/truetime/internal/discipline"
	"github.com/epsilontime/epsilon/truetime/internal/engine"
	"github.com/epsilontime/epsilon/truetime/internal/snapshot"
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

// conversation is a journal of two polls of each source and a look between, and of a disruption.
func conversation(c engine.Config) []byte {
	b, e := someEngine(c)
	now := e.LookBy()
	e.Look(now, c.Discipline.Counter, "the machine was suspended")
	return append(b, Look(e, now, c.Discipline.Counter, "the machine was suspended")...)
}

// someEngine returns a journal of such polls, and the engine.
func someEngine(c engine.Config) ([]byte, *engine.Engine) {
	e := engine.New(c)
	return somePolls(c, e, c.Now), e
}

// somePolls has an engine make such polls from that moment on.
func somePolls(c engine.Config, e *engine.Engine, now monotonic.Instant) (b []byte) {
	for range 2 {
		for i := range c.Discipline.Voter {
			x := e.Begin(i, now)
			sent := now + 1000
			now = sent + 2_000_000
			r := someReply(i, sent)
			_ = e.Finish(i, x, r, now)
			b = append(b, Finish(e, i, x, r, now)...)
		}
		now += 1_000_000_000
		e.Look(now, c.Discipline.Counter, "")
		b = append(b, Look(e, now, c.Discipline.Counter, "")...)
	}
	return b
}

// someReply is what source i said to what was sent then, and was received 2 ms later.
func someReply(i int, sent monotonic.Instant) engine.Reply {
	const base = 1_900_000_000_000_000_000
	received := sent + 1_999_000
	return engine.Reply{Peer: string(rune('a' + i)), Facts: discipline.Facts{
		Upper: discipline.Point{At: sent, Time: base + int64(sent) + 1_000_000},
		Lower: discipline.Point{At: received, Time: base + int64(received) - 1_000_000},
	}}
}

// FuzzPlay has arbitrary lines of a journal played to an engine. What the engine concluded is what it concludes, and so
// each line is followed by the next, however little it has to do with what a clock would write. Whatever comes,
// nothing panics, an answer is an interval, and the state is one that is written and read.
func FuzzPlay(f *testing.F) {
	configs := fuzzedConfigs()
	for i, c := range configs {
		f.Add(conversation(c), uint8(i))
		begun, e := someEngine(c)
		f.Add(bytes.ReplaceAll(snapshot.WriteFull(e.Fields), []byte("overflow=false"), []byte("overflow=true")), uint8(i))
		state := snapshot.Write(e.Fields)
		f.Add(state, uint8(i))
		f.Add(append(state, begun[bytes.Index(begun, []byte("\npoll"))+1:]...), uint8(i))
	}
	f.Add([]byte("learn 5 1814140800000000000 63072000:10,78796800:11 \"x\"\n"), uint8(1))
	f.Fuzz(func(t *testing.T, text []byte, which uint8) {
		playAll(t, configs[int(which)%len(configs)], string(text))
	})
}

// playAll plays lines of a journal of a clock with such a configuration.
func playAll(t require.TestingT, c engine.Config, text string) {
	lines := strings.SplitAfter(string(Begin(c, []string{"a", "b", "c", "d", "e"}[:len(c.Discipline.Voter)]))+text, "\n")
	lines = lines[:min(len(lines), 200)]
	p := &player{read: func() (string, error) {
		if len(lines) == 0 {
			return "", errEnd
		}
		line := strings.TrimSuffix(lines[0], "\n")
		lines = lines[1:]
		return line, nil
	}}
	for {
		line, err := p.next()
		if err != nil {
			break
		}
		if !strings.HasPrefix(line, "=") {
			_ = p.play(line)
		}
		if !p.made {
			continue
		}
		var b bytes.Buffer
		conclude(&b, p.engine, p.step.Now)
		require.NoError(t, p.confirm(strings.TrimSuffix(b.String(), "\n")))
		if bounds, ok := p.engine.Discipline().Bounds(); ok {
			require.False(t, bounds.At(p.step.Now).Empty(), "the answer is empty after line %d", p.number)
		}
		for i := range p.engine.Sources() {
			wait := p.engine.PollInterval(i)
			require.True(t, wait >= 0 && wait <= 1000*time.Hour, "source %d is asked every %v", i, wait)
		}
	}
	require.NotNil(t, p.engine)
	requireStateIsRead(t, p.config, p.engine)
}

// requireStateIsRead requires that what is written of a state is read, and written again as it was.
func requireStateIsRead(t require.TestingT, c engine.Config, e *engine.Engine) {
	c.Table = e.Table()
	text, restored := snapshot.Write(e.Fields), engine.New(c)
	lines := strings.Split(string(text), "\n")
	require.NoError(t, snapshot.Read(func() (string, error) {
		line := lines[0]
		lines = lines[1:]
		return line, nil
	}, restored.Fields))
	require.Equal(t, string(text), string(snapshot.Write(restored.Fields)))
}
