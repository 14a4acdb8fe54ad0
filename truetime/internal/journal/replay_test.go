package journal

import (
	"bytes"
	"errors"
	"fmt"
	"regexp"
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
		Scale:      make([]leap.Scale, sources),
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

// A state of somebody else's making is one that a clock can be in, or is refused with the line that is not.
func TestReplayRefusesStatesThatNoClockIsIn(t *testing.T) {
	config := someConfig(3)
	config.Discipline.Stability = discipline.NewStability(100, 0)
	config.Discipline.Voter = []int{0, 1, discipline.NoVote}
	config.Discipline.Faulty = 0
	_, e := someEngine(config)
	good := string(BeginLate(config, []string{"a", "b", "c"}, e))
	require.NoError(t, Replay(strings.NewReader(good), nil))
	require.NoError(t, Replay(strings.NewReader(good[:len(good)-5]), nil), "cut off")

	number := func(begin string) int {
		require.Contains(t, good, "\n"+begin)
		return 1 + strings.Count(good[:strings.Index(good, "\n"+begin)+1], "\n")
	}
	for _, c := range []struct{ line, field, becomes, want string }{
		{"state engine", "looked=", "seen=", `"state engine": " seen=`},
		{"state engine", "interval=", "interval=-", "the interval between polls is -1s"},
		{"state engine", "interval=", "looked=5 interval=", "is not a field of it, or not in its place"},
		{"state source 1", "state source 1", "state source 2", `where "state source 1" was to come`},
		{"state source 1", "state source 1", "state source 10", `where "state source 1" was to come`},
		{"state source 1", "reach=", "reach=9999", `reach=99993: strconv.ParseUint`},
		{"state source 1", "peer=", "peer=x", `peer=x"b": invalid syntax`},
		{"state schedule 0", "burst=", "burst=9", "the schedule of source 0 is beyond its limits"},
		{"state schedule 0", "random=", "random=1,", "it has to be 2 numbers"},
		{"state discipline", "epoch=1", "epoch=18446744073709551615", "beyond their limits"},
		{"state discipline", "epoch=1 ", "", "beyond their limits"},
		{"state discipline", "slow=", "slow=99999", "out of range"},
		{"state discipline", "slow=", "slow=930", "beyond their limits"},
		{"state discipline", "answer=true", "answer=true began=0 fused=0,1,0,2", "not in its place"},
		{"state upper", "source=1", "source=7", "an end of the answer is of source 7"},
		{"state discipline", `samples=\d+`, "samples=9223372036854775807", "beyond their limits"},
		{"state discipline", `fused=`, "fused=9", "of the future"},
		{"state facts 0", "buckets=1", "buckets=5", "5 buckets"},
		{"state facts 0", "buckets=1", "buckets=-1", "-1 buckets"},
		{"state facts 0", "verdict=2", "verdict=2 convicted=true", "source 0 is convicted without a sample"},
		{"state facts 0", "verdict=2", "verdict=5", "source 0"},
		{"state identities 0", "state identities 0", "state identities 0 count=32", "source 0 has shown 32 identities"},
		{"state identities 2", "state identities 2", "state identities 2 overflow=true", "source 2 has shown 0 identities"},
		{"state rates", "buckets=", "buckets=9", "of which there are at most 64"},
		{"state rates", `high=\S+`, "high=NaN,1", "it is not a number"},
		{"state rates", `high=\S+`, "high=-Inf,1", "no rate is possible"},
		{"state rate 1", `opened=\S+`, "opened=1", "rates 0 and 1 are out of order"},
		{"state leap", "possible=", "possible=9", "the question about"},
		{"state leap", "question=", "question=1", "out of range"},
		{"state leap", "question=", "question=-", "the question about"},
	} {
		n := number(c.line)
		lines := strings.Split(good, "\n")
		field := regexp.MustCompile(c.field)
		require.Regexp(t, field, lines[n-1])
		lines[n-1] = field.ReplaceAllString(lines[n-1], c.becomes)
		err := Replay(strings.NewReader(strings.Join(lines, "\n")), nil)
		require.ErrorContains(t, err, c.want, "%s", lines[n-1])
		require.ErrorContains(t, err, fmt.Sprintf("journal: line %d: ", n), "%s", lines[n-1])
	}

	// Links, and what the voters have decided about leap seconds, have lines of their own.
	at := strings.Index(good, "\nstate disruption")
	linked := func(count int, line string) string {
		return fmt.Sprintf("%s links=%d%s", good[:at], count, strings.Replace(good[at:], "\nstate rates", line+"\nstate rates", 1))
	}
	require.NoError(t, Replay(strings.NewReader(linked(1, "\nstate link 0 b=1")), nil))
	decided := strings.Replace(good, "\nstate heard 0", " decided=1\nstate decided 0 at=%d delta=%d\nstate heard 0", 1)
	const newYear, july int64 = 1830297600000000000, 1909094400000000000 // 2028, and 2030: the question is about April
	require.NoError(t, Replay(strings.NewReader(fmt.Sprintf(decided, newYear, 1)), nil))
	for bad, want := range map[string]string{
		linked(0, "\nstate link 0 b=1"):                       `"state link 0 b=1", where "state rates" was to come`,
		linked(1, "\nstate link 0 a=1 b=1"):                   "a link between sources 1 and 1",
		linked(1, "\nstate link 0 b=2"):                       "a link between sources 0 and 2",
		linked(1, "\nstate link 0 a=-1 b=1"):                  "a link between sources -1 and 1",
		linked(1, "\nstate link 0 a=1 b=3"):                   "a link between sources 1 and 3",
		linked(3000, ""):                                      "3000 of something of which there are at most 2016",
		linked(-1, ""):                                        "-1 of something",
		fmt.Sprintf(decided, newYear, 2):                      "a leap second at",
		fmt.Sprintf(decided, newYear+1, 1):                    "a leap second at",
		fmt.Sprintf(decided, july, 1):                         "a leap second at",
		strings.Replace(good, "anchored=true ", "", 1):        "the question about",
		good + "state engine\n":                               "cannot be understood",
		good + "look 4 1 1 1 \"\"\n= 2 0 - -\nstate engine\n": "cannot be understood",
	} {
		require.ErrorContains(t, Replay(strings.NewReader(bad), nil), want, bad)
	}
}
