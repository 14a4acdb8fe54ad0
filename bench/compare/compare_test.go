package main

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/internal/testing/race"
)

// seeds is how many times everything is compared with every liar.
const seeds uint64 = 3

// Without A4, every answer rests on all that the sawtooth's rests on, and on more.
func TestNeverAboveTheSawtooth(t *testing.T) {
	race.Slow(t)
	t.Parallel()
	for seed := range seeds {
		for _, r := range results(t, brief(seed, false)) {
			f := r.figures(ours)
			require.NotZero(t, f.answers)
			require.Zero(t, f.above, "seed %d, %v, %v, %s: above by %v", seed, r.rtt, r.poll, r.liar.name, f.excess)
		}
	}
}

// Here each liar looks at the very machine that it lies to.
func TestOursIsNeverWrongUnderAnyLiar(t *testing.T) {
	race.Slow(t)
	t.Parallel()
	for seed := range seeds {
		for _, r := range results(t, brief(seed, true)) {
			for i, c := range contenders {
				if f := r.figures(i); c.fed == nil {
					require.NotZero(t, f.answers)
					require.Zero(t, f.wrong, "seed %d, %v, %v, %s: %s", seed, r.rtt, r.poll, r.liar.name, c.name)
					require.Zero(t, f.none, "seed %d, %v, %v, %s: %s refused", seed, r.rtt, r.poll, r.liar.name, c.name)
				}
			}
		}
	}
}

// TrueTime's daemons ask all their masters at the same moment. Here sources are asked in turns, of which the sawtooth that is fed the same samples
// profits as well. So ours is measured against what the drift alone makes of the other: half a poll at 200 ppm.
func TestTargets(t *testing.T) {
	race.Slow(t)
	t.Parallel()
	const poll, jitter = 30 * time.Second, 1.05
	published := time.Duration(200e-6 * jitter / 2 * float64(poll))
	for _, target := range []struct {
		rtt       time.Duration
		contender int
		ratio     float64
	}{
		{time.Millisecond, oursTenth, 0.25},
		{100 * time.Microsecond, oursTen, 0.06},
	} {
		for seed := range uint64(3) {
			e := experiment{rtt: target.rtt, poll: poll, liar: liars[0], seed: seed, span: time.Hour}
			r := results(t, []experiment{e})[0]
			f := r.figures(target.contender)
			ratio := float64(f.mean) / float64(published)
			t.Logf("seed %d, %v: %s has %.3f of the published sawtooth, and %.3f of the one that is fed", seed, e.rtt, contenders[target.contender].name, ratio, f.ratio)
			require.LessOrEqual(t, ratio, target.ratio, "seed %d", seed)
			require.Zero(t, f.wrong)
			require.Less(t, r.figures(theSawtooth).mean, 3*published/4, "it profits from turns")
		}
	}
}

// What is known of the distance is taken off the delay, and the rest is much as it was.
func TestDistanceIsTakenOffTheDelay(t *testing.T) {
	race.Slow(t)
	t.Parallel()
	for _, rtt := range roundTrips {
		e := experiment{rtt: rtt, poll: time.Second, liar: liars[0], seed: 1, span: 5 * time.Minute}
		r := results(t, []experiment{e})[0]
		m := time.Duration(shortest / refraction * float64(rtt))
		for far, near := range map[int]int{oursFar: ours, oursTenFar: oursTen} {
			with, without := r.figures(far), r.figures(near)
			t.Logf("%v: ε is %v with the distance and %v without, m is %v", rtt, with.mean, without.mean, m)
			require.Zero(t, with.wrong)
			require.InDelta(t, without.mean-m, with.mean, 0.25*float64(m), "facts that are nearer to each other show the rate better, too")
		}
	}
}

// A comparison in which nothing can be wrong would show nothing.
func TestLiarsMakeTheOthersWrong(t *testing.T) {
	race.Slow(t)
	t.Parallel()
	all := results(t, brief(1, false))
	for _, r := range all {
		for i, c := range contenders {
			if r.liar.name == "none" && c.name != "ntpd-rs" { // a standard deviation is exceeded now and then
				require.Zero(t, r.figures(i).wrong, "%s is wrong among honest servers", c.name)
			}
		}
	}
	believing := []string{"sawtooth, overlap", "ClockBound", "chrony", "ntpd-rs", "IM"}
	for i, c := range contenders {
		wrong, answers := wrongWithALiar(all, i)
		require.NotZero(t, answers)
		require.Equal(t, slices.Contains(believing, c.name), wrong > 0, "%s: %d of %d answers are wrong with a liar", c.name, wrong, answers)
	}
}

// Two experiments with a liar of four answers each, of which three are wrong, and one without.
func TestShareThatIsWrongWithALiar(t *testing.T) {
	answered := func(l liar, wrong int) (r result) {
		r.liar = l
		for i := range contenders {
			r.series[i] = series{eps: []time.Duration{1, 1, 0, 1, 1}, none: 1}
		}
		r.series[theChrony].wrong = wrong
		return r
	}
	all := []result{answered(liars[0], 4), answered(liars[2], 1), answered(liars[3], 2)}
	wrong, answers := wrongWithALiar(all, theChrony)
	require.Equal(t, 3, wrong)
	require.Equal(t, 8, answers)
	require.Equal(t, "37.5 %", percent(wrong, answers))
	require.Equal(t, "none", percent(wrongWithALiar(all[:1], theChrony)))
	var out bytes.Buffer
	require.NoError(t, writeLegend(&out, all))
	require.Contains(t, out.String(), "chrony             12 answers, 7 wrong, 37.5 % with a liar")
}

// A liar that pulls the clock after it tells every machine something else, so what it told the first
// one is told to the others too.
func TestDifferentSamplesAreNotCompared(t *testing.T) {
	chosen, err := choose("pull")
	require.NoError(t, err)
	e := experiment{rtt: time.Millisecond, poll: time.Second, liar: chosen[0], seed: 1, span: time.Minute}
	first := e.newWorld(contenders[ours], nil)
	first.Run(e.span)
	replayed := e.newWorld(contenders[oursTenth], first)
	replayed.Run(e.span)
	require.NoError(t, identical(first.heard, replayed.heard))
	require.Greater(t, len(first.heard), 100)

	e.adapt = true
	adapted := e.newWorld(contenders[oursTenth], first)
	adapted.Run(e.span)
	require.ErrorContains(t, identical(first.heard, adapted.heard), "not the same experiment")
	require.ErrorContains(t, identical(first.heard, first.heard[1:]), "not the same experiment")
	require.ErrorContains(t, identical(first.heard, first.heard[:100]), "100 samples")
}

func TestEqualSeedsPrintEqualTables(t *testing.T) {
	table := func(seed string) string {
		var out bytes.Buffer
		require.NoError(t, compare([]string{"-span", "30s", "-liars", "none,anywhere", "-seed", seed}, &out))
		return out.String()
	}
	first := table("7")
	require.Equal(t, first, table("7"))
	require.NotEqual(t, first, table("8"))
	require.Equal(t, 2*len(roundTrips)*len(polls)*len(contenders), strings.Count(first, " ms "), "a line for everything:\n%s", first)
}

func TestMistakesAreToldWithWhatWouldDo(t *testing.T) {
	require.ErrorContains(t, compare([]string{"-liars", "nobody"}, io.Discard), "there are none, silent")
	require.ErrorContains(t, compare([]string{"-span", "1s"}, io.Discard), "at least 10s")
}

func TestPictureIsWellFormed(t *testing.T) {
	drawn := picture(results(t, experiments(liars[:1], 1, time.Minute)))
	require.NotContains(t, string(drawn), "NaN")
	require.NotContains(t, string(drawn), "%!")
	curves := map[string]int{}
	for d := xml.NewDecoder(bytes.NewReader(drawn)); ; {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		require.NoError(t, err)
		if path, ok := token.(xml.StartElement); ok && path.Name.Local == "path" {
			for _, a := range path.Attr {
				if a.Name.Local == "stroke" {
					curves[a.Value]++
				}
			}
		}
	}
	for _, c := range contenders {
		if c.stroke.color != "" {
			require.Equal(t, 1+len(roundTrips)*len(polls), curves[c.stroke.color], "%s: one in the legend and one in each panel", c.name)
		}
	}
}

func results(t *testing.T, all []experiment) []result {
	t.Helper()
	r, err := runAll(all)
	require.NoError(t, err)
	return r
}

// brief is everything with every liar, for as long as it takes to hear each server some 50 times.
func brief(seed uint64, adapt bool) []experiment {
	all := experiments(liars, seed, 0)
	for i := range all {
		all[i].span, all[i].adapt = max(3*time.Minute, 50*all[i].poll), adapt
	}
	return all
}
