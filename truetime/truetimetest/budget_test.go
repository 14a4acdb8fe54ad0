package truetimetest

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/internal/testing/race"
	"github.com/epsilontime/epsilon/truetime"
)

// checkBudget returns an error if the parts of ε do not add up to it to the nanosecond, if one is
// negative, or if it is not known which sources the ends follow from. The random worlds ask it
// again and again.
func checkBudget(s truetime.Status) error {
	b := s.Budget
	if !s.Interval.Valid() {
		if b != (truetime.Budget{}) {
			return fmt.Errorf("there is no answer, and %v", b)
		}
		return nil
	}
	if b.Uncertainty() != s.Uncertainty || min(b.Delay, b.Claim, b.Drift, b.Leap, b.Disagreement, b.EarliestAge, b.LatestAge) < 0 {
		return fmt.Errorf("ε is %v, and %+v", s.Uncertainty, b)
	}
	for _, from := range []string{b.EarliestFrom, b.LatestFrom} {
		if !slices.ContainsFunc(s.Sources, func(s truetime.SourceStatus) bool { return s.Name == from && !s.NoVote }) {
			return fmt.Errorf("an end follows from %q: %+v", from, b)
		}
	}
	return nil
}

// Where everything is known, so are the parts: of one server, of a constant delay and claim, and a
// perfect counter.
func TestBudgetOfOneServerIsItsDelayItsClaimAndTheDriftSince(t *testing.T) {
	t.Parallel()
	const claim, there, back, poll = 100 * time.Microsecond, 300 * time.Microsecond, 700 * time.Microsecond, 64 * time.Second
	w := NewWorld(1)
	s := w.NewServer("s", Steady(0, claim))
	m := w.NewMachine("m", MachineConfig{
		Sources: []Link{{Server: s, Path: Path{There: Leg{Base: there}, Back: Leg{Base: back}}}}, Oscillator: Constant(0), Poll: poll, MaxPoll: poll,
	})
	w.Run(10 * time.Minute)
	for range 100 {
		w.Run(time.Second)
		status := m.Status()
		require.NoError(t, checkBudget(status))
		b := status.Budget
		require.InDelta(t, claim, b.Claim, 10)
		require.InDelta(t, (there+back)/2, b.Delay, 10_000, "and what is uncertain of the rate")
		require.InDelta(t, 200e-6*float64(b.EarliestAge+b.LatestAge)/2, b.Drift, 10_000)
		require.Zero(t, b.Leap)
		require.Less(t, b.Disagreement, 10*time.Microsecond)
		require.Equal(t, "s", b.EarliestFrom)
		require.Equal(t, "s", b.LatestFrom)
		require.InDelta(t, there+back, b.LatestAge-b.EarliestAge, 100_000, "one fact is of when it was asked, the other of when it had answered")
		require.LessOrEqual(t, b.LatestAge, 80*time.Second)
	}
}

// Two servers are a millisecond apart and only one of them may be right, so that the answer has to
// cover both.
func TestBudgetShowsDisagreement(t *testing.T) {
	t.Parallel()
	const off = 5 * time.Millisecond
	w := NewWorld(2)
	var links []Link
	for name, offset := range map[string]time.Duration{"early": -off, "late": off} {
		links = append(links, Link{Server: w.NewServer(name, Offset(offset, time.Microsecond))})
	}
	slices.SortFunc(links, func(a, b Link) int { return len(a.Server.name) - len(b.Server.name) })
	links = append(links, Link{Server: w.NewServer("dead", Dead())})
	m := w.NewMachine("m", MachineConfig{Sources: links, Oscillator: Constant(0), Poll: time.Second})
	w.Run(time.Minute)
	s := m.Status()
	require.NoError(t, checkBudget(s))
	require.InDelta(t, off, s.Budget.Disagreement, float64(300*time.Microsecond), "%v", s.Budget)
	require.Equal(t, "early", s.Budget.EarliestFrom)
	require.Equal(t, "late", s.Budget.LatestFrom)
	require.Contains(t, s.Budget.String(), "disagreement")
}

// In the afternoon before a leap second that nobody confirms or excludes the answer holds for both.
func TestBudgetShowsALeapSecondThatIsPossible(t *testing.T) {
	race.Slow(t)
	t.Parallel()
	noon := truetime.FromStd(midnight.Add(-12 * time.Hour))
	unknown := 0
	quietDay(t, 0, false, func(w *World, m *Machine, _ []*Server) {
		s := m.Status()
		require.NoError(t, checkBudget(s))
		switch after := w.Now().Sub(noon); {
		case after < 0:
			require.Zero(t, s.Budget.Leap, "%v", s.Budget)
		case after > time.Hour && after < 11*time.Hour:
			unknown++
			possible := time.Duration(float64(after) * 11.57e-6 / 2) // half of what separates a smear from none
			require.Greater(t, s.Budget.Leap, possible*9/10, "%v", s.Budget)
			require.Less(t, s.Budget.Drift+s.Budget.Delay+s.Budget.Claim+s.Budget.Disagreement, ordinary, "%v", s.Budget)
		}
	}, nil, truetime.ScaleUTC)
	require.Positive(t, unknown)
}
