package truetimetest

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/internal/testing/race"
	"github.com/epsilontime/epsilon/truetime"
	"github.com/epsilontime/epsilon/truetime/internal/journal"
)

// Whatever happens in a world, and whatever is assumed, the journals of its machines replay to the same intervals.
func TestJournalsOfRandomWorldsReplay(t *testing.T) {
	t.Parallel()
	first := rand.Uint64()
	for i := range uint64(race.Count(50, 5)) {
		var journals []*bytes.Buffer
		trial := newTrial(first + i)
		for _, m := range trial.machine {
			journal := &bytes.Buffer{}
			journals = append(journals, journal)
			m.config.Recorder = journal
			m.config.TargetUncertainty = time.Duration(i%3) * time.Millisecond
			m.Restart() // so that the journal has a beginning
		}
		require.NoError(t, trial.run(), "seed %d", first+i)
		for _, j := range journals {
			steps := 0
			for _, life := range lives(j.String()) {
				require.NoError(t, Replay(strings.NewReader(life), func(ReplayStep) error { steps++; return nil }), "seed %d", first+i)
			}
			require.Positive(t, steps)
		}
	}
}

// lives splits a machine's journals at its restarts.
func lives(journal string) (all []string) {
	const begin = "epsilon journal 6\n"
	for _, life := range strings.Split(journal, begin)[1:] {
		all = append(all, begin+life)
	}
	return all
}

func aJournal(t *testing.T) string {
	t.Helper()
	journal := &bytes.Buffer{}
	w := NewWorld(1)
	m := w.NewMachine("m", MachineConfig{Recorder: journal, Sources: []Link{{Server: w.NewServer(`a "server"`, Honest(1000)), Path: LAN()}}})
	w.Run(time.Minute)
	require.NoError(t, m.Check())
	return journal.String()
}

// aLateJournal is a journal of a minute that begins late.
func aLateJournal(t testing.TB, late time.Duration) string {
	w := NewWorld(1)
	m := w.NewMachine("m", MachineConfig{MaxWander: 100, Sources: []Link{{Server: w.NewServer("a", Honest(1000)), Path: LAN()}, {Server: w.NewServer("b", Honest(1000)), Path: LAN()}}})
	w.Run(late)
	var lines bytes.Buffer
	lines.Write(journal.BeginLate(m.setup, m.names(), m.engine))
	m.config.Recorder = &lines
	w.Run(time.Minute)
	require.NoError(t, Replay(bytes.NewReader(lines.Bytes()), nil))
	return lines.String()
}

func TestReplayNamesTheLineThatDiverges(t *testing.T) {
	lines := strings.Split(aJournal(t), "\n")
	for number, line := range lines {
		if strings.HasPrefix(line, "poll ") {
			fields := strings.Split(line, " ")
			fields[7] = fields[7][:len(fields[7])-4] + "0000" // Latest, some microseconds earlier
			lines[number] = strings.Join(fields, " ")
			err := Replay(strings.NewReader(strings.Join(lines, "\n")), nil)
			require.ErrorIs(t, err, ErrDiverged)
			require.ErrorContains(t, err, "journal: line")
			return
		}
	}
	t.Fatal("no poll in the journal")
}

func TestReplayShowsEveryStep(t *testing.T) {
	var last ReplayStep
	require.NoError(t, Replay(strings.NewReader(aJournal(t)), func(s ReplayStep) error { last = s; return nil }))
	require.Equal(t, truetime.Synchronized, last.State)
	require.EqualValues(t, 1, last.Epoch)
	require.True(t, last.Interval.Valid())
	require.NotZero(t, last.Counter)
	require.NotEmpty(t, last.Text)

	stop := errors.New("enough")
	require.ErrorIs(t, Replay(strings.NewReader(aJournal(t)), func(ReplayStep) error { return stop }), stop)
}

func TestReplayLeavesOutALineThatWasCutOff(t *testing.T) {
	journal := aJournal(t)
	for end := len(journal) - 200; end <= len(journal); end++ {
		require.NoError(t, Replay(strings.NewReader(journal[:end]), nil))
	}
}

func TestReplaySaysWhatItCannotUnderstand(t *testing.T) {
	journal := aJournal(t)
	head := journal[:strings.Index(journal, "look")]
	for text, want := range map[string]string{
		"":                             "it is empty",
		"hello\n":                      `line 1: "hello" is not how a journal begins`,
		"epsilon journal 1\n":          "line 1",
		"epsilon journal 6\nlook 1\n":  "line 2: the clock is not complete",
		"epsilon journal 6\nclock 1\n": "line 2",
		"epsilon journal 6\nleaps 1\n": "line 2",
		strings.Replace(head, ":10,", ":10,1:2,", 1):         "line 2: leap second table",
		strings.Replace(head, ":10,", ":10,ten:11,", 1):      "line 2: entry \"ten:11\"",
		strings.Replace(head, "leaps", "looks", 1):           "line 2",
		strings.Replace(head, "voter=0", "voter=7", 1):       "line 3: voters",
		strings.Replace(head, "faulty=0", "faulty=1", 1):     "line 3: no clock has such a configuration",
		strings.Replace(head, "source 0 0", "source 1 0", 1): "line 4: source 1 where source 0 was to come",
		strings.Replace(head, "source 0 0", "source 0 9", 1): "line 4",
		head + "poll 1 9 1 0 4 0 0 0 0 0 0 0 0 \"\" \"\"\n":  "there is no source 9",
		head + "poll 1\n":                               "line 5",
		head + "what is this\n":                         `line 5: "what is this" cannot be understood`,
		head + "look 1 1 1 1 \"\"\nlook 1 1 1 1 \"\"\n": "line 6: what the engine concluded is missing",
		head + strings.Repeat("x", 70_000) + "\n":       "line 5",
	} {
		require.ErrorContains(t, Replay(strings.NewReader(text), nil), want, "%.100q", text)
	}
}

// A clock that asked five servers by chronyd, one of which was 3 ms ahead, ten times a second: what it
// concluded then is what is concluded now. Where the discipline is meant to conclude something else, the
// recording has to be made again: EPSILON_RECORD=path go test -run Recording ./ntpsrc.
func TestReplayOfARecordingOfRealServers(t *testing.T) {
	f, err := os.Open("testdata/chronyd.journal")
	require.NoError(t, err)
	defer f.Close()
	steps, answers := 0, 0
	require.NoError(t, Replay(f, func(s ReplayStep) error {
		steps++
		if s.Interval.Valid() {
			answers++
		}
		return nil
	}))
	require.Greater(t, steps, 200)
	require.Greater(t, answers, 100)
}

// What is written after an engine's conclusion has to be that conclusion, which keeps a fuzzer out: FuzzPlay of package
// journal goes on from there. This one begins with what a real clock has recorded.
func FuzzReplay(f *testing.F) {
	recorded, err := os.ReadFile("testdata/chronyd.journal")
	require.NoError(f, err)
	lines := strings.SplitAfter(string(recorded), "\n")
	for _, n := range []int{1, 2, 8, 20, 60} {
		require.NoError(f, Replay(strings.NewReader(strings.Join(lines[:n], "")), nil))
		f.Add(strings.Join(lines[:n], ""))
	}
	for _, late := range []time.Duration{time.Millisecond, time.Minute} {
		f.Add(aLateJournal(f, late))
	}
	f.Fuzz(func(t *testing.T, journal string) {
		_ = Replay(strings.NewReader(journal), nil)
	})
}
