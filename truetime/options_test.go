package truetime

import (
	"bytes"
	"context"
	"errors"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/monotonic"
)

// brokenSource has a mistake in its configuration.
type brokenSource struct{ name, mistake string }

func (b brokenSource) Info() SourceInfo {
	return SourceInfo{Name: b.name, Err: errors.New(b.mistake)}
}

func (b brokenSource) Sample(context.Context, monotonic.Counter) (Sample, error) {
	return Sample{}, ErrUnusable
}

type misconfigured struct{ Source }

func (misconfigured) Info() SourceInfo {
	return SourceInfo{Name: "wrong", Err: errors.New("its address is empty")}
}

func TestEveryMistakeIsReportedAtOnceWithItsValue(t *testing.T) {
	_, err := New([]Source{newFake("a"), newFake("a"), nil, newFake(""), misconfigured{}},
		WithDrift(-5),
		WithFaulty(-1),
		WithPoll(2*time.Second, time.Second),
		WithBurst(0),
		WithMaxUncertainty(-time.Second),
		WithTargetUncertainty(0),
		WithMaxWander(-1),
		WithRateStability(math.Inf(1)),
		WithEvents(nil),
		WithCounter(nil),
		nil,
	)
	for _, want := range []string{
		"truetime: the clock was not started",
		"drift of -5 ppm",
		"-1 faulty sources",
		"poll interval of 2s to 1s",
		"burst of 0 polls",
		"maximum uncertainty of -1s",
		"target uncertainty of 0s",
		"maximum wander of -1 ppb/s",
		"rate stability of +Inf ppm",
		"the function is nil",
		"counter is nil",
		"an option is nil",
		`source "a" is given more than once`,
		"source 3 is nil",
		"source 4 has an empty name",
		`source 5, "wrong": its address is empty`,
	} {
		require.ErrorContains(t, err, want)
	}
}

func TestEachMistake(t *testing.T) {
	one, four := asSources(fakes(1)), asSources(fakes(4))
	for want, c := range map[string]struct {
		sources []Source
		option  Option
	}{
		"no sources":          {nil, WithDrift(1)},
		"drift of NaN ppm":    {one, WithDrift(math.NaN())},
		"drift of 0 ppm":      {one, WithDrift(0)},
		"drift of 100001 ppm": {one, WithDrift(100_001)},
		"drift of 5e-05 ppm: it is in parts per million and must be 0.01 to 100000, as in WithDrift(50) for 50 ppm": {one, WithDrift(50e-6)},
		"maximum wander of 0.1 ppb/s: it is in parts per billion per second and must be 1 to 100000":                {one, WithMaxWander(0.1)},
		"rate stability of 2e-05 ppm: it is in parts per million and must be 0.01 to 200":                           {one, WithRateStability(20e-6)},
		"rate stability of 20000 ppm: it is in parts per million and must be 0.01 to 200":                           {one, WithRateStability(20_000)},
		"1 faulty of 1 voters":                   {one, WithFaulty(1)},
		"2 faulty of 4 voters":                   {four, WithFaulty(2)},
		"2147483647 faulty of 4 voters":          {four, WithFaulty(math.MaxInt32)},
		"1 faulty of 2 voters":                   {append(Group("g", fakes(3)[0], fakes(3)[1]), fakes(3)[2]), WithFaulty(1)},
		"poll interval of 0s to 1s":              {one, WithPoll(0, time.Second)},
		"poll interval of 1s to 48h0m0s":         {one, WithPoll(time.Second, 48*time.Hour)},
		"maximum wander of NaN ppb/s":            {one, WithMaxWander(math.NaN())},
		"maximum wander of 100001 ppb/s":         {one, WithMaxWander(100_001)},
		"rate stability of 0 ppm":                {one, WithRateStability(0)},
		"target uncertainty of -1ns":             {one, WithTargetUncertainty(-1)},
		"burst of 17 polls":                      {one, WithBurst(17)},
		"the name of its group is empty":         {Group("", one...), WithDrift(1)},
		"source 1 is nil":                        {Group("g", nil), WithDrift(1)},
		"source 2 is nil":                        {append(asSources(fakes(1)), (*fake)(nil)), WithDrift(1)},
		"counter is nil":                         {one, WithCounter((*monotonic.Manual)(nil))},
		"the writer is nil":                      {one, WithRecorder((*bytes.Buffer)(nil))},
		"the reader is nil":                      {one, WithLeapSeconds((*bytes.Buffer)(nil))},
		`source "a" is given more than once`:     {append(Group("g", one...), one...), WithDrift(1)},
		`source 1, "wrong": its address is emp`:  {Group("g", misconfigured{}), WithDrift(1)},
		"maximum uncertainty of 0s: it must be":  {one, WithMaxUncertainty(0)},
		"unseen pause of 0s: it must be 1µs to":  {one, WithUnseenPause(0)},
		"unseen pause of 1h1m0s: it must be 1µs": {one, WithUnseenPause(61 * time.Minute)},
	} {
		_, err := New(c.sources, c.option)
		require.ErrorContains(t, err, want)
	}
}

func TestOptionsThatContradictEachOtherAreMistakes(t *testing.T) {
	for want, options := range map[string][]Option{
		"target uncertainty of 2ms (WithTargetUncertainty) is above the maximum of 1ms (WithMaxUncertainty)": {
			WithTargetUncertainty(2 * time.Millisecond), WithMaxUncertainty(time.Millisecond),
		},
		"rate stability of 20 ppm (WithRateStability) says nothing beside a drift of 10 ppm (WithDrift), which lets the rate change by no more than 20 ppm": {
			WithRateStability(20), WithDrift(10),
		},
		"target uncertainty of 50ms (WithTargetUncertainty) cannot be kept beside an unseen pause of 100ms (WithUnseenPause), by which alone the uncertainty is 50ms": {
			WithTargetUncertainty(50 * time.Millisecond), WithUnseenPause(100 * time.Millisecond),
		},
		"maximum uncertainty of 10ms (WithMaxUncertainty) cannot be kept beside an unseen pause of 1s (WithUnseenPause)": {
			WithMaxUncertainty(10 * time.Millisecond), WithUnseenPause(time.Second),
		},
		"WithPlausibleSince is given the zero Time": {WithPlausibleSince(0)},
	} {
		_, err := New(asSources(fakes(1)), options...)
		require.ErrorContains(t, err, want)
	}
	for _, options := range [][]Option{
		{WithTargetUncertainty(time.Millisecond), WithMaxUncertainty(time.Millisecond)},
		{WithRateStability(19), WithDrift(10)}, // a rate at one end of the drift may be 20 ppm from a mean at the other
	} {
		c, err := New([]Source{&answersAtOnce{}}, options...)
		require.NoError(t, err)
		require.NoError(t, c.Close())
	}
}

// A pool reports its mistake with each of its sources.
func TestAMistakeThatSeveralSourcesShareIsToldOnce(t *testing.T) {
	bad, worse := brokenSource{"a", "no port"}, brokenSource{"w", "no name"}
	_, err := New([]Source{bad, brokenSource{"b", "no port"}, brokenSource{"c", "no port"}, worse, bad}, nil, nil)
	require.EqualError(t, err, "truetime: the clock was not started: an option is nil; "+
		`sources 1 to 3, "a" to "c": no port; source 4, "w": no name; source 5, "a": no port`)
}

func TestSmallestAndLargestAreAccepted(t *testing.T) {
	for _, option := range []Option{
		WithDrift(0.01), WithDrift(15), WithDrift(100_000),
		WithMaxWander(1), WithMaxWander(100_000),
		WithRateStability(0.01), WithRateStability(200),
	} {
		c, err := New([]Source{&answersAtOnce{}}, option)
		require.NoError(t, err)
		require.NoError(t, c.Close())
	}
}
