package journal

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/truetime/internal/discipline"
	"github.com/epsilontime/epsilon/truetime/internal/engine"
	"github.com/epsilontime/epsilon/truetime/internal/leap"
	"github.com/epsilontime/epsilon/truetime/internal/polling"
)

func someConfig(sources int) engine.Config {
	voter := make([]int, sources)
	for i := range voter {
		voter[i] = i
	}
	return engine.Config{
		Discipline: discipline.Config{Counter: discipline.CounterSpec{Drift: discipline.NewDrift(200_000), Resolution: 1}, Faulty: (sources - 1) / 2, Voter: voter},
		Poll:       polling.Config{Min: time.Second, Max: time.Minute, Burst: 4},
		Kind:       make([]leap.Kind, sources),
		Table:      leap.BuiltIn(),
	}
}

// Whatever names and texts are made of, and however long they are, the journal has one line for each call and
// is read as it was written.
func TestReplayReadsWhateverIsWritten(t *testing.T) {
	for _, text := range []string{"", "\n= 1 1 - -\n", `"`, "`", `\`, " ", "\x00\xff\u2028\r", strings.Repeat("x\n\xff", 40_000)} {
		config := someConfig(2)
		e := engine.New(config)
		b := Begin(config, []string{text, text + "2"})
		for i := range 2 { // they have one peer, so the second is not used
			r := engine.Reply{Facts: discipline.Facts{Upper: discipline.Point{At: 1, Time: 1000}, Lower: discipline.Point{At: 2, Time: 900}}, Peer: text, Identity: text + strconv.Itoa(i)}
			x := e.Begin(i, 1)
			_ = e.Finish(i, x, r, 3)
			b = append(b, Finish(e, i, x, r, 3)...)
		}
		e.Look(4, config.Discipline.Counter, text)
		b = append(b, Look(e, 4, config.Discipline.Counter, text)...)
		require.Equal(t, 5+3*2, bytes.Count(b, []byte("\n")), "%.20q", text)
		steps := 0
		require.NoError(t, Replay(bytes.NewReader(b), func(s Step) error {
			steps++
			if text != "" && s.Line > 9 {
				require.False(t, answered(s), "the look that reports a disruption")
				return nil
			}
			heard := 1
			if text == "" && s.Line > 7 {
				heard = 2
			}
			require.True(t, answered(s))
			require.Equal(t, heard, s.Engine.Discipline().Heard(), "%.20q: two peers of no name are two", text)
			return nil
		}))
		require.Equal(t, 3, steps)
	}
}

func answered(s Step) bool { _, ok := s.Engine.Discipline().Bounds(); return ok }

// A journal of somebody else's making takes no more than a step's time for a step.
func TestReplayRefusesConfigurationsThatNoClockHas(t *testing.T) {
	good := string(Begin(someConfig(3), []string{"a", "b", "c"}))
	require.NoError(t, Replay(strings.NewReader(good), nil))
	many := &strings.Builder{}
	for i := range maxSources {
		fmt.Fprintf(many, "%d,", i)
	}
	for old, bad := range map[string]string{
		"voter=0,1,2":             "voter=" + many.String() + "4096",
		"wander=0":                "wander=NaN",
		"deviation=0":             "deviation=-1",
		"poll=1000000000,6000000": "poll=1000000000,6000000999999999999",
		"faulty=1":                "faulty=2",
		"resolution=1":            "resolution=-1",
	} {
		require.Contains(t, good, old)
		err := Replay(strings.NewReader(strings.Replace(good, old, bad, 1)), nil)
		require.Error(t, err, bad)
		require.False(t, errors.Is(err, ErrDiverged))
	}
}
