package truetime

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/truetime/internal/journal"
)

// replayed returns how many steps a flight recorder's journal has, and for how long it goes on.
func replayed(t *testing.T, f *FlightRecorder) (steps int, lasts time.Duration) {
	var kept bytes.Buffer
	n, err := f.WriteTo(&kept)
	require.NoError(t, err)
	require.EqualValues(t, kept.Len(), n)
	var first, last journal.Step
	require.NoError(t, journal.Replay(&kept, func(s journal.Step) error {
		if last = s; steps == 0 {
			first = s
		}
		steps++
		return nil
	}))
	return steps, last.Now.Sub(first.Now)
}

func TestFlightRecorderKeepsTheEndThroughDisruptionsAndLies(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f, w := NewFlightRecorder(time.Minute), &writer{}
		sources := fakes(4)
		c := start(t, asSources(sources), WithFlightRecorder(f), WithRecorder(w), WithRateStability(20), WithTargetUncertainty(time.Millisecond))
		for minute := range 30 {
			pass(time.Minute)
			switch minute {
			case 5:
				sources[0].change(func() { sources[0].offset = time.Hour })
			case 10:
				(&fakeMachine{disruption: errors.New("suspended,\n\"or so\"")}).on(c)
			}
			steps, lasts := replayed(t, f)
			require.Greater(t, steps, 50)
			if minute > 0 {
				require.GreaterOrEqual(t, lasts, time.Minute-10*time.Second, "one poll or look may be just outside")
			}
			require.LessOrEqual(t, lasts, 2*time.Minute)
		}
		require.NoError(t, c.Close())
		require.NoError(t, journal.Replay(&w.text, nil), "both may record")

		var once, again bytes.Buffer
		_, err := f.WriteTo(&once)
		require.NoError(t, err)
		_, err = f.WriteTo(&again)
		require.NoError(t, err)
		require.Equal(t, once.String(), again.String(), "a closed clock records nothing more")
		require.Contains(t, once.String(), "\nstate engine ")
		require.Equal(t, 1, strings.Count(once.String(), "or so"), "the disruption of twenty minutes ago is of the state, and no other line")
	})
}

func TestFlightRecorderServesOneClock(t *testing.T) {
	f := NewFlightRecorder(time.Minute)
	_, err := New(nil, WithFlightRecorder(f))
	require.ErrorContains(t, err, "no sources")
	_, err = f.WriteTo(&bytes.Buffer{})
	require.ErrorIs(t, err, errNotRecorded, "a clock that was not made has not claimed it")

	synctest.Test(t, func(t *testing.T) {
		start(t, asSources(fakes(1)), WithFlightRecorder(f), WithFlightRecorder(f))
		_, err := New(asSources(fakes(1)), WithFlightRecorder(f), WithCounter(newBubbleCounter(0)))
		require.ErrorContains(t, err, "flight recorder: it is another clock's")
		full := errors.New("the disk is full")
		_, err = f.WriteTo(&writer{fail: full})
		require.ErrorIs(t, err, full)
	})
}

func TestFlightRecorderMistakes(t *testing.T) {
	for f, want := range map[*FlightRecorder]string{
		nil:                           "flight recorder is nil",
		{}:                            "flight recorder of 0s: it must keep more than 0",
		NewFlightRecorder(-time.Hour): "flight recorder of -1h0m0s",
	} {
		_, err := New(asSources(fakes(1)), WithFlightRecorder(f))
		require.ErrorContains(t, err, want)
		_, err = f.WriteTo(&bytes.Buffer{})
		require.ErrorIs(t, err, errNotRecorded)
	}
}
