package ntpsrc_test

import (
	"bytes"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/internal/testing/testbed"
	"github.com/epsilontime/epsilon/ntpsrc"
	"github.com/epsilontime/epsilon/truetime"
	"github.com/epsilontime/epsilon/truetime/truetimetest"
)

// recording is a journal in memory that says when it has become long enough.
type recording struct {
	mu    sync.Mutex
	text  bytes.Buffer
	lines int
	want  int
	long  chan struct{}
}

func (r *recording) Write(b []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	before := r.lines
	r.lines += bytes.Count(b, []byte("\n"))
	if before < r.want && r.lines >= r.want {
		close(r.long)
	}
	return r.text.Write(b)
}

// What a clock concludes from real servers on a real counter, calibration and all, replays to the
// nanosecond. With EPSILON_RECORD=path the journal is kept there: that is how
// truetime/truetimetest/testdata/chronyd.journal was made.
func TestRecordingOfRealServersReplays(t *testing.T) {
	t.Parallel()
	testbed.RequireBinary(t, "chronyd")
	var sources []truetime.Source
	for range 4 {
		sources = append(sources, ntpsrc.Server(testbed.StartChronyd(t).Address(), ntpsrc.WithLocalReference()))
	}
	sources = append(sources, ntpsrc.Server(testbed.StartLyingChronyd(t, 3*time.Millisecond).Address()))
	r := &recording{want: 500, long: make(chan struct{})}
	clock, err := truetime.New(sources, truetime.WithPoll(100*time.Millisecond, time.Second), truetime.WithMaxWander(1000), truetime.WithRecorder(r))
	require.NoError(t, err)
	defer clock.Close()
	select {
	case <-r.long:
	case <-time.After(time.Minute):
		t.Fatal("nothing was recorded for a minute")
	}
	require.NoError(t, clock.Close())

	journal := r.text.Bytes()
	if path := os.Getenv("EPSILON_RECORD"); path != "" {
		require.NoError(t, os.WriteFile(path, journal, 0o644))
	}
	answers := 0
	require.NoError(t, truetimetest.Replay(bytes.NewReader(journal), func(s truetimetest.ReplayStep) error {
		if s.State == truetime.Synchronized {
			answers++
		}
		return nil
	}))
	require.Greater(t, answers, 100)
}
