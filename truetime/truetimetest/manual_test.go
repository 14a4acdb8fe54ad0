package truetimetest

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/truetime"
)

func TestManualClockDoesWhatItIsTold(t *testing.T) {
	var m Manual
	_, err := m.Now()
	require.ErrorIs(t, err, truetime.ErrNotSynchronized, "the zero value")
	require.False(t, m.After(1))
	require.False(t, m.Before(1))

	told := truetime.Interval{Earliest: 100, Latest: 300}
	m.Set(told)
	i, err := m.Now()
	require.NoError(t, err)
	require.Equal(t, told, i)
	require.True(t, m.After(99))
	require.False(t, m.After(100))
	require.True(t, m.Before(301))
	require.False(t, m.Before(300))

	m.Disrupt()
	_, err = m.Now()
	require.ErrorIs(t, err, truetime.ErrNotSynchronized)
	require.False(t, m.After(0))
	m.Advance(50)
	m.Widen(10)
	m.Resume()
	i, err = m.Now()
	require.NoError(t, err)
	require.Equal(t, truetime.Interval{Earliest: 140, Latest: 360}, i)

	mine := errors.New("mine")
	m.Refuse(mine)
	_, err = m.Now()
	require.ErrorIs(t, err, mine)
	m.Set(told)
	_, err = m.Now()
	require.NoError(t, err, "to be set ends a refusal")
}

// Code that gets an interval which is upside down, or an answer in place of a refusal, would be tested
// for something else than the test says.
func TestMistakesWithAManualClockArePanicsThatSayWhat(t *testing.T) {
	require.PanicsWithValue(t, "truetimetest: uncertainty of -5ms: it must not be below 0", func() {
		NewManual(DefaultStart, -5*time.Millisecond)
	})
	m := NewManual(DefaultStart, time.Millisecond)
	before, err := m.Now()
	require.NoError(t, err)
	require.PanicsWithValue(t, "truetimetest: Widen by -5ms: it must not be below 0, use Set to make the interval narrower", func() {
		m.Widen(-5 * time.Millisecond)
	})
	m.Widen(0)
	after, err := m.Now()
	require.NoError(t, err)
	require.Equal(t, before, after)
	m.Disrupt()
	require.PanicsWithValue(t, "truetimetest: Refuse needs an error: use Resume to end a refusal", func() { m.Refuse(nil) })
	_, err = m.Now()
	require.ErrorIs(t, err, truetime.ErrNotSynchronized, "it still refuses")
}

func TestManualClockTellsOfEveryChange(t *testing.T) {
	m := NewManual(DefaultStart, time.Millisecond)
	for name, change := range map[string]func(){
		"Set": func() { m.Set(truetime.Interval{Earliest: 1, Latest: 2}) }, "Advance": func() { m.Advance(1) }, "Widen": func() { m.Widen(1) },
		"Refuse": func() { m.Refuse(truetime.ErrClosed) }, "Disrupt": m.Disrupt, "Resume": m.Resume,
	} {
		changed := m.Changed()
		require.Equal(t, changed, m.Changed(), name)
		select {
		case <-changed:
			t.Fatal(name, "has not happened yet")
		default:
		}
		change()
		select {
		case <-changed:
		default:
			t.Fatal(name, "told nobody")
		}
	}
}
