package view

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/cmd/epsilon/internal/api"
	"github.com/epsilontime/epsilon/truetime"
)

const now = truetime.Time(1_800_000_000_000_000_000)

func TestDurations(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0 ns", 999: "999 ns", 1000: "1.00 µs", 9994: "9.99 µs", 9996: "10.0 µs", 412_345: "412 µs", 999_499: "999 µs", 999_500: "1.00 ms",
		1_350_000: "1.35 ms", 250 * time.Millisecond: "250 ms", 999_600 * time.Microsecond: "1.00 s", 59 * time.Second: "59.0 s",
		61 * time.Second: "1m 1s", 2*time.Hour + 3*time.Minute: "2h 3m", 50 * time.Hour: "2d 2h", -1500: "-1.50 µs",
	} {
		require.Equal(t, want, Duration(d))
	}
	require.Equal(t, "+20.1 µs", Signed(20_100))
	require.Equal(t, "−20.1 µs", Signed(-20_100))
	require.NotPanics(t, func() { Duration(math.MinInt64); Signed(math.MinInt64); Duration(math.MaxInt64) })
}

func TestTextIsWrapped(t *testing.T) {
	require.Equal(t, "a bb\n  ccc\n  dddddd\n  e", Wrap("a bb ccc dddddd e", 4, "  "))
	require.Equal(t, "", Wrap(" \n ", 4, ""))
}

// random is a report with anything in it.
func random(r *rand.Rand) api.Report {
	duration := func() time.Duration { return time.Duration(r.Int64N(1 << r.UintN(50))) }
	interval := func() (i truetime.Interval) {
		if r.IntN(4) > 0 {
			i.Earliest = now.Add(duration() * time.Duration(1-2*r.IntN(2)))
			i.Latest = i.Earliest.Add(duration())
		}
		return i
	}
	s := truetime.Status{State: truetime.State(r.IntN(6)), Interval: interval(), Epoch: r.Uint64N(4), Voters: r.IntN(9), Faulty: r.IntN(4),
		Counter: strings.Repeat("counter ", r.IntN(30)), Disruption: strings.Repeat("x", r.IntN(100)), DisruptionAge: duration()}
	if s.Interval.Valid() {
		s.Uncertainty = s.Interval.Uncertainty()
		left := s.Uncertainty
		for _, p := range []*time.Duration{&s.Budget.Delay, &s.Budget.Claim, &s.Budget.Drift, &s.Budget.Leap} {
			*p = time.Duration(r.Int64N(int64(left) + 1))
			left -= *p
		}
		s.Budget.Disagreement = left
		s.Budget.EarliestFrom, s.Budget.LatestFrom = "a\x1b[2Jb", "c"
	}
	if r.IntN(3) == 0 {
		s.Err = errors.New("an error of\nseveral \x07 lines")
	}
	for i := range r.IntN(30) {
		source := truetime.SourceStatus{Name: fmt.Sprintf("server%d.\x1b]0;evil\x07%s", i, strings.Repeat("n", r.IntN(40))), Verdict: truetime.Verdict(r.IntN(7)),
			Interval: interval(), Delay: duration(), Claim: duration(), Age: duration(), Poll: duration(), Reach: uint8(r.Uint32()), Stamps: "kernel"}
		if r.IntN(4) == 0 {
			source.Err = errors.New(strings.Repeat("trouble ", r.IntN(40)))
		}
		s.Sources = append(s.Sources, source)
	}
	return api.Report{Daemon: api.Daemon{Version: "v1", Config: "/etc/epsilon/epsilon.toml", ReadyWithin: time.Millisecond, Ready: r.IntN(2) == 0}, Clock: s}
}

func TestEverythingFitsIntoATerminalAndCommandsItNothing(t *testing.T) {
	seed := rand.Uint64()
	r := rand.New(rand.NewPCG(seed, 1))
	for range 60 {
		report := random(r)
		h := api.History{Every: time.Second}
		for range r.IntN(200) {
			h.Uncertainty = append(h.Uncertainty, time.Duration(r.Int64N(1<<r.UintN(60))))
		}
		top := Top(report, h, 80, 24)
		require.LessOrEqual(t, strings.Count(top, "\n"), 24, "seed %d:\n%s", seed, top)
		for name, text := range map[string]string{"status": Status(report), "sources": Sources(report), "why": Why(report), "top": top,
			"odd": Top(report, h, r.IntN(300), r.IntN(100))} {
			require.True(t, utf8.ValidString(text), "seed %d: %s", seed, name)
			for line := range strings.Lines(text) {
				line = strings.TrimSuffix(line, "\n")
				require.False(t, strings.ContainsFunc(line, func(r rune) bool { return r < ' ' || r == 0x7f }), "seed %d: %s: %q", seed, name, line)
				if name != "odd" && !strings.Contains(line, "xxxxxxxx") { // one word that is too long for any line
					require.LessOrEqual(t, utf8.RuneCountInString(line), 80, "seed %d: %s: %s", seed, name, line)
				}
			}
		}
	}
}

func TestPartsOfWhyAddUpToEpsilon(t *testing.T) {
	seed := rand.Uint64()
	r := rand.New(rand.NewPCG(seed, 2))
	number := regexp.MustCompile(`^ +(\d+)\.(\d+) (µs|ms|s) +(\d+) %`)
	for range 300 {
		report := random(r)
		if !report.Clock.Interval.Valid() || report.Clock.Uncertainty == 0 {
			continue
		}
		var sums []int64
		for line := range strings.Lines(Why(report)) {
			if m := number.FindStringSubmatch(line); m != nil {
				n, err := strconv.ParseInt(m[1]+m[2], 10, 64)
				require.NoError(t, err)
				sums = append(sums, n)
			}
		}
		total := sums[len(sums)-1]
		var sum int64
		for _, n := range sums[:len(sums)-1] {
			sum += n
		}
		require.Equal(t, total, sum, "seed %d:\n%s", seed, Why(report))
		require.EqualValues(t, report.Clock.Uncertainty, total)
	}
}

func TestIntervalsAreDrawnToScale(t *testing.T) {
	at := func(from, to time.Duration) truetime.Interval {
		return truetime.Interval{Earliest: now.Add(from), Latest: now.Add(to)}
	}
	s := truetime.Status{Interval: at(-100, 100), Uncertainty: 100, Sources: []truetime.SourceStatus{
		{Name: "same", Verdict: truetime.Truechimer, Interval: at(-100, 100)},
		{Name: "right half", Verdict: truetime.Truechimer, Interval: at(0, 200)},
		{Name: "point", Verdict: truetime.Truechimer, Interval: at(0, 0)},
		{Name: "ahead", Verdict: truetime.Falseticker, Interval: at(10_000, 20_000)},
		{Name: "behind", Verdict: truetime.Falseticker, Interval: at(-20_000, -10_000)},
	}}
	const width = 21 + nameColumns + sizeColumns + 3
	lines := intervals(s, width, 10)
	picture := func(i int) string { return string([]rune(lines[i])[nameColumns+2 : nameColumns+2+21]) }
	require.Equal(t, "-200", strings.ReplaceAll(strings.Fields(picture(0))[0], "−", "-"))
	require.Equal(t, "     ╞════╪════╡     ", picture(1))
	require.Equal(t, "     ├────┼────┤     ", picture(2))
	require.Equal(t, "     ┊    ├────┼────┤", picture(3))
	require.Equal(t, "     ┊    │    ┊     ", picture(4))
	require.Equal(t, "           +10.0 µs ▶", picture(5))
	require.Equal(t, "◀ −10.0 µs           ", picture(6))
}

func TestSawtoothShowsThePeak(t *testing.T) {
	h := api.History{Every: time.Second, Uncertainty: []time.Duration{0, 500, 1000, 250}}
	lines := sawtooth(h, 20, 4)
	last := func(line string) string { r := []rune(line); return string(r[len(r)-4:]) }
	require.Equal(t, []string{"  █ ", "  █ ", " ██ ", " ███"}, []string{last(lines[0]), last(lines[1]), last(lines[2]), last(lines[3])})
	require.Contains(t, lines[0], "1.00 µs ┤")
}
