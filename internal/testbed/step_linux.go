package testbed

import (
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// MaySetTime skips a test that sets the machine's clock, which disturbs everything on it, unless that
// was asked for.
func MaySetTime(t testing.TB) {
	t.Helper()
	if os.Getenv("EPSILON_TEST_SETTIME") != "1" {
		t.Skip("sets the machine's clock; EPSILON_TEST_SETTIME=1 runs it")
	}
}

// StepRealtime moves CLOCK_REALTIME by an exact amount.
func StepRealtime(t testing.TB, by time.Duration) {
	t.Helper()
	step := unix.Timex{Modes: unix.ADJ_SETOFFSET | unix.ADJ_NANO, Time: unix.Timeval{Sec: int64(by / time.Second), Usec: int64(by % time.Second)}}
	if step.Time.Usec < 0 {
		step.Time.Sec, step.Time.Usec = step.Time.Sec-1, step.Time.Usec+int64(time.Second)
	}
	_, err := unix.Adjtimex(&step)
	require.NoError(t, err)
}
