package rate

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/monotonic"
	"github.com/epsilontime/epsilon/truetime"
)

// scripted is a clock that says what it is told to, of a counter that is right.
type scripted struct {
	monotonic.Manual
	begun  truetime.Time
	noTAI  bool
	status truetime.Status
}

func (s *scripted) NowTAI() (truetime.TAIInterval, error) {
	if s.noTAI {
		return truetime.TAIInterval{}, truetime.ErrTAIUnknown
	}
	t := truetime.TAI(s.begun).Add(37*time.Second + time.Duration(s.Manual.Now()))
	return truetime.TAIInterval{Earliest: t - 1000, Latest: t + 1000}, nil
}

func (s *scripted) Now() (truetime.Interval, error) {
	t := s.begun.Add(time.Duration(s.Manual.Now()))
	return truetime.Interval{Earliest: t - 1000, Latest: t + 1000}, nil
}

func (s *scripted) Status() truetime.Status { return s.status }

// counter is what a script's clock reads; its own Now is the clock's.
type counter struct{ *monotonic.Manual }

func script(begun string) (*scripted, *Measurement) {
	at, err := time.Parse(time.DateTime, begun)
	if err != nil {
		panic(err)
	}
	s := &scripted{begun: truetime.FromStd(at)}
	s.status.Epoch = 1
	return s, New(counter{&s.Manual}, AssumedDriftPPM)
}

func (s *scripted) run(m *Measurement, d time.Duration) {
	for range int(d / (10 * time.Second)) {
		s.Advance(10 * time.Second)
		m.Take(s)
	}
}

// UTC and TAI are 37 s apart, and a clock may lose TAI when its table expires.
func TestNoWindowReachesFromOneScaleIntoTheOther(t *testing.T) {
	s, m := script("2027-03-10 00:00:00")
	s.run(m, time.Hour)
	s.noTAI = true
	s.run(m, time.Hour)
	r := m.Report(Machine{})
	require.Equal(t, 2*time.Hour, r.Counted.Round(time.Minute))
	for _, w := range r.Windows {
		require.Less(t, w.notExcluded(), 1.0, "%+v", w)
	}
}

// Smeared UTC runs at another rate around a leap second. In TAI it does not.
func TestWhereUTCMayBeSmearedNothingCounts(t *testing.T) {
	s, m := script("2027-06-30 00:00:00")
	s.noTAI = true
	s.run(m, 48*time.Hour)
	require.Equal(t, 22*time.Hour, m.Report(Machine{}).Counted.Round(time.Minute), "but for 11:00 to 13:00 the next day")
	s, m = script("2027-06-30 00:00:00")
	s.run(m, 48*time.Hour)
	require.Equal(t, 48*time.Hour, m.Report(Machine{}).Counted.Round(time.Minute))
}

func TestHowMuchIsInDoubtBeforeADisruption(t *testing.T) {
	for name, c := range map[string]struct {
		disrupt func(*truetime.Status)
		counts  time.Duration
	}{
		"a suspend":      {func(s *truetime.Status) { s.Disruptions.Counter++ }, 160 * time.Minute},
		"one machine":    {func(s *truetime.Status) { s.Disruptions.Identity++ }, time.Hour},
		"a leap second":  {func(s *truetime.Status) { s.Disruptions.LeapSeconds++ }, time.Hour},
		"polls are rare": {func(s *truetime.Status) { s.Sources = []truetime.SourceStatus{{Reach: 1, Poll: 10 * time.Minute}} }, 140 * time.Minute},
		"a silent one":   {func(s *truetime.Status) { s.Sources = []truetime.SourceStatus{{Poll: 10 * time.Minute}} }, 160 * time.Minute},
	} {
		s, m := script("2027-03-10 00:00:00")
		s.run(m, 2*time.Hour)
		s.status.Epoch, s.status.Disruption = 2, name
		c.disrupt(&s.status)
		s.run(m, time.Hour)
		r := m.Report(Machine{})
		require.Equal(t, c.counts, r.Counted.Round(time.Minute), name)
		require.Equal(t, []string{name}, r.Reasons)
	}
}

// A disruption within minutes of a change of scale puts the stretch before that in doubt, too.
func TestADisruptionReachesBackAcrossAChangeOfScale(t *testing.T) {
	for name, c := range map[string]struct {
		disrupt func(*truetime.Status)
		counts  time.Duration
	}{
		"a suspend":   {func(s *truetime.Status) { s.Disruptions.Counter++ }, 105 * time.Minute},
		"one machine": {func(s *truetime.Status) { s.Disruptions.Identity++ }, time.Hour},
	} {
		s, m := script("2027-03-10 00:00:00")
		s.run(m, time.Hour)
		s.noTAI = true
		s.run(m, 5*time.Minute)
		s.status.Epoch, s.status.Disruption = 2, name
		c.disrupt(&s.status)
		s.run(m, time.Hour)
		require.Equal(t, c.counts, m.Report(Machine{}).Counted.Round(time.Minute), name)
	}
}

// What lies between two windows is no evidence: only what they cover counts.
func TestAGapDoesNotCount(t *testing.T) {
	s, m := script("2027-03-10 00:00:00")
	s.run(m, 10*time.Minute)
	s.Advance(3 * time.Hour)
	s.run(m, 10*time.Minute)
	r := m.Report(Machine{DeclaredDriftPPM: 200})
	require.Equal(t, 20*time.Minute, r.Counted.Round(time.Minute))
	requireNoAdvice(t, r, "20 minutes")
	require.Contains(t, r.Recommended.DriftWhy, "too short")
}

// All that is in pairs of windows is covered by them, from the beginning of the first to the end of the second.
func TestPairsOfWindowsCoverBoth(t *testing.T) {
	s, m := script("2027-03-10 00:00:00")
	s.run(m, 2*time.Minute+20*time.Second)
	r := m.Report(Machine{})
	require.Equal(t, 2*time.Minute, r.Wander[0].Covered.Truncate(time.Minute))
}

// A clock may refuse although its voters agree on no rate beyond the drift: nothing is known of how much it takes.
func TestARefusalWithoutARateNamesNone(t *testing.T) {
	s, m := script("2027-03-10 00:00:00")
	s.run(m, time.Minute)
	m.fault = "epochs end as soon as they have begun"
	for low, off := range map[float64]float64{-20: 0, -299: 0, -500: 500.25} {
		m.status.RateLowPPM, m.status.RateHighPPM = low, low
		require.InDelta(t, off, m.Report(Machine{}).FaultPPM, 0.1, low)
	}
	m.fault = ""
	require.Zero(t, m.Report(Machine{}).FaultPPM)
}
