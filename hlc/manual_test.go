package hlc_test

import (
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/epsilontime/epsilon/hlc"
	"github.com/epsilontime/epsilon/truetime"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// start is true time where a test has no reason for another: 2026-01-01.
const start truetime.Time = 1_767_225_600_000_000_000

// oldest is the first remote timestamp that is merged: 1990-01-01.
const oldest hlc.Timestamp = 631_152_000_000_000_000

// manual is an interval clock that stands still until it is set. Without an answer it fails.
type manual struct {
	answer atomic.Pointer[truetime.Interval]
	err    error
}

// at returns a manual clock whose interval is true time ± ε.
func at(t truetime.Time, epsilon time.Duration) *manual {
	m := &manual{}
	m.set(t.Add(-epsilon), t.Add(epsilon))
	return m
}

func (m *manual) set(earliest, latest truetime.Time) {
	m.answer.Store(&truetime.Interval{Earliest: earliest, Latest: latest})
}

func (m *manual) Now() (truetime.Interval, error) {
	if answer := m.answer.Load(); answer != nil {
		return *answer, nil
	}
	return truetime.Interval{}, m.err
}

func newClock(t testing.TB, source truetime.Reader, options ...hlc.Option) *hlc.Clock {
	t.Helper()
	clock, err := hlc.New(source, options...)
	require.NoError(t, err)
	return clock
}

func now(t testing.TB, clock *hlc.Clock) hlc.Timestamp {
	t.Helper()
	timestamp, err := clock.Now()
	require.NoError(t, err)
	return timestamp
}

// bubble is an interval clock around the time of a synctest bubble, ± ε.
type bubble struct{ epsilon time.Duration }

func (b bubble) Now() (truetime.Interval, error) {
	t := truetime.FromStd(time.Now())
	return truetime.Interval{Earliest: t.Add(-b.epsilon), Latest: t.Add(b.epsilon)}, nil
}
