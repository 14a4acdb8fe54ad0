package rate

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/epsilontime/epsilon/monotonic"
	"github.com/epsilontime/epsilon/truetime"
	"github.com/epsilontime/epsilon/truetime/truetimetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// drifting goes by the time of a bubble, and runs fast.
type drifting struct {
	begun time.Time
	ppm   float64
}

func (c drifting) Now() monotonic.Instant {
	elapsed := time.Since(c.begun)
	return monotonic.Instant(elapsed) + monotonic.Instant(c.ppm*1e-6*float64(elapsed))
}

// watch measures with a real clock in a bubble, until the time is over.
func watch(t *testing.T, ppm float64, length time.Duration, sources []truetime.Source, told func(*Measurement)) Report {
	t.Helper()
	return watchAssuming(t, AssumedDriftPPM, ppm, length, sources, told, Machine{Counter: "a counter", DeclaredDriftPPM: 200})
}

func watchAssuming(t *testing.T, driftPPM, ppm float64, length time.Duration, sources []truetime.Source, told func(*Measurement), on Machine) Report {
	t.Helper()
	counter := drifting{time.Now(), ppm}
	options := append(truetimetest.BubbleOptions(0), truetime.WithCounter(counter), truetime.WithDrift(driftPPM),
		truetime.WithPoll(4*time.Second, 16*time.Second))
	clock, err := truetime.New(sources, options...)
	require.NoError(t, err)
	defer clock.Close()
	m := New(counter, driftPPM)
	ctx, cancel := context.WithTimeout(t.Context(), length)
	defer cancel()
	require.NoError(t, m.Watch(ctx, clock, told))
	return m.Report(on)
}

func threeSources() (sources []truetime.Source) {
	for _, name := range []string{"a", "b", "c"} {
		s := truetimetest.NewSource(name, 0, 50*time.Microsecond)
		s.Delay(200*time.Microsecond, 300*time.Microsecond)
		sources = append(sources, s)
	}
	return sources
}

func TestAClockIsWatchedForAsLongAsAsked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := watch(t, 37.5, 5*time.Hour, threeSources(), func(*Measurement) {})
		require.InDelta(t, 5*time.Hour, r.Elapsed, float64(time.Minute))
		require.Len(t, r.Windows, 6)
		for _, w := range append(r.Windows, *r.Whole) {
			require.True(t, w.LowPPM <= 37.5 && 37.5 <= w.HighPPM, "%+v", w)
		}
		require.InDelta(t, 37.5, r.ExceededPPM, 0.1)
		require.Equal(t, 3, r.Voters)
		require.InDelta(t, 90, *r.Recommended.DriftPPM, 5)
		if ppb := r.Recommended.WanderPPB; ppb != nil { // polls are spread at random, and may leave too much room
			require.GreaterOrEqual(t, *ppb, r.Wander[0].MostPPB, "what the shortest windows do not exclude")
		}
		text := r.Text(r.Findings(""))
		for line := range strings.Lines(text) {
			require.LessOrEqual(t, len([]rune(strings.TrimSuffix(line, "\n"))), 80, line)
		}
	})
}

// Where nobody answers there is nothing but what is the matter.
func TestWithoutAnAnswerThereIsAFinding(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sources := threeSources()
		for _, s := range sources {
			s.(*truetimetest.Source).Fail(errors.New("nothing listens there"))
		}
		var waited time.Duration
		var why string
		r := watch(t, 0, 10*time.Minute, sources, func(m *Measurement) { waited, why = m.Waiting() })
		require.Greater(t, waited, 9*time.Minute)
		found := r.Findings(why)
		require.Equal(t, "rate-no-answer", found[0].ID)
		require.Contains(t, strings.Join(strings.Fields(r.Text(found)), " "), "0 of 3 voters heard")
		require.NotContains(t, r.Text(found), "declare")
		require.Nil(t, r.Recommended.DriftPPM)
	})
}

// Minutes of evidence recommend nothing, unless they prove that what is declared is wrong.
func TestShortEvidenceRecommendsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := watch(t, 37.5, 20*time.Minute, threeSources(), func(*Measurement) {})
		require.Nil(t, r.Recommended.DriftPPM)
		require.Contains(t, r.Recommended.DriftWhy, "too short")
		require.Nil(t, r.Recommended.WanderPPB)
		require.Empty(t, r.Findings(""))

		r.Refused = "the voters agree"
		require.Equal(t, "rate-drift-exceeded", r.Findings("")[0].ID)
		require.Contains(t, r.Text(nil), "more than the default of 200 ppm")

		r = watch(t, -280, 20*time.Minute, threeSources(), func(*Measurement) {})
		require.InDelta(t, 330, *r.Recommended.DriftPPM, 10)
		require.Equal(t, "rate-drift-exceeded", r.Findings("")[0].ID)
	})
}

// A counter that is off by more than the clock assumes is no matter of opinion: the clock refuses. One that assumes
// more measures it then, and what it recommends admits what was refused.
func TestACounterBeyondWhatIsAssumedIsMeasuredByAClockThatAssumesMore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, ppm := range []float64{600, -600} {
			refused := watchBeyond(t, ppm)
			require.Empty(t, refused.Windows, "what was before is in doubt")
			require.InDelta(t, 600, refused.FaultPPM, 200)
			require.LessOrEqual(t, refused.FaultPPM, 600.0)
			require.Greater(t, refused.FaultPPM, float64(AssumedDriftPPM))
			found := refused.Findings("")
			require.Equal(t, "rate-clock-faulty", found[0].ID)
			require.Contains(t, found[0].Text, "WithDrift(")
			require.Nil(t, refused.Recommended.DriftPPM)
			require.NotContains(t, refused.Text(found), "keep the default", "which would be wrong")

			again := watchAssuming(t, WideDriftPPM, ppm, 3*time.Hour, threeSources(), func(*Measurement) {},
				Machine{DeclaredDriftPPM: 200, Refused: refused.Fault, RefusedPPM: refused.FaultPPM})
			require.NotNil(t, again.Recommended.DriftPPM, again.Recommended.DriftWhy)
			require.InDelta(t, 650, *again.Recommended.DriftPPM, 10)
			require.Nil(t, again.Recommended.WanderPPB)
			require.Equal(t, []string{"rate-drift-exceeded"}, ids(again.Findings("")))
		}
	})
}

// watchBeyond measures a counter that is off by more than the clock assumes, until the clock refuses.
func watchBeyond(t *testing.T, ppm float64) Report {
	t.Helper()
	counter := drifting{time.Now(), ppm}
	options := append(truetimetest.BubbleOptions(0), truetime.WithCounter(counter), truetime.WithDrift(AssumedDriftPPM))
	clock, err := truetime.New(threeSources(), options...)
	require.NoError(t, err)
	defer clock.Close()
	m := New(counter, AssumedDriftPPM)
	err = m.Watch(t.Context(), clock, func(*Measurement) {})
	require.ErrorIs(t, err, truetime.ErrClockFaulty)
	return m.Report(Machine{DeclaredDriftPPM: 200})
}
