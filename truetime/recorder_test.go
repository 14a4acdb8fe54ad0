package truetime

import (
	"bytes"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/truetime/internal/journal"
)

// writer is a recorder's writer that fails or stops when it is told to.
type writer struct {
	mu   sync.Mutex
	text bytes.Buffer
	fail error
	hold chan struct{}
}

func (w *writer) Write(b []byte) (int, error) {
	if w.hold != nil {
		<-w.hold
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.fail != nil {
		return 0, w.fail
	}
	return w.text.Write(b)
}

func TestRecordingReplaysThroughDisruptionsAndLies(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &writer{}
		sources := fakes(4)
		c := start(t, asSources(sources), WithRecorder(w), WithRateStability(20), WithTargetUncertainty(time.Millisecond))
		pass(time.Minute)
		sources[0].change(func() { sources[0].offset = time.Hour })
		pass(time.Minute)
		(&fakeMachine{disruption: errors.New("suspended,\n\"or so\"")}).on(c)
		pass(time.Minute)
		require.NoError(t, c.Close())
		steps := 0
		require.NoError(t, journal.Replay(&w.text, func(journal.Step) error { steps++; return nil }))
		require.Greater(t, steps, 100)
	})
}

func TestRecordingEndsWhenItsWriterFailsAndTheClockGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &writer{}
		var events []Event
		c := start(t, asSources(fakes(1)), WithRecorder(w), WithEvents(func(e Event) {
			if e.Kind == EventRecorder {
				events = append(events, e)
			}
		}))
		pass(time.Minute)
		full := errors.New("the disk is full")
		w.mu.Lock()
		w.fail = full
		w.mu.Unlock()
		pass(time.Hour)
		requireTruth(t, c)
		require.Len(t, events, 1)
		require.ErrorIs(t, events[0].Err, full)
		require.Equal(t, "recording ended: the disk is full", events[0].String())
		require.NoError(t, journal.Replay(&w.text, nil), "what was written is whole")
	})
}

func TestRecordingEndsWhenItsWriterIsTooSlowAndTheClockGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &writer{hold: make(chan struct{})}
		slow := 0
		c := start(t, asSources(fakes(1)), WithRecorder(w), WithEvents(func(e Event) {
			if e.Kind == EventRecorder {
				slow++
				require.ErrorContains(t, e.Err, "its writer is too slow")
			}
		}))
		pass(3 * time.Hour)
		requireTruth(t, c)
		require.Equal(t, 1, slow)
		close(w.hold)
		pass(time.Minute)
		require.NoError(t, journal.Replay(&w.text, nil), "what was written is whole")
	})
}

func TestRecorderWithoutAWriterIsAMistake(t *testing.T) {
	_, err := New(asSources(fakes(1)), WithRecorder(nil))
	require.ErrorContains(t, err, "recorder: the writer is nil")
}
