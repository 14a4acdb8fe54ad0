package ptpsrc

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/monotonic"
	"github.com/epsilontime/epsilon/truetime"
)

// FuzzFBClock reads arbitrary bytes as fbclock's shared memory. Whatever comes, nothing panics, and a sample that is
// accepted keeps every promise that a sample makes.
func FuzzFBClock(f *testing.F) {
	path := filepath.Join(f.TempDir(), "fbclock")
	encoded := func(change func(*fbclockData)) []byte {
		d := goodFBClock()
		change(&d)
		return append(encodeFBClock(f, 2, d), make([]byte, fbclockSize-fbclockSection)...)
	}
	good := encoded(func(*fbclockData) {})
	f.Add(good, int64(0), int64(100))
	f.Add(good, int64(time.Second), int64(-1))
	f.Add(good[:fbclockSection], int64(1000), int64(1000))
	f.Add(good[:100], int64(0), int64(0))
	f.Add(encoded(func(d *fbclockData) { d.RatePPB, d.Holdover = -1_000_000, 1<<32-2 }), int64(time.Millisecond), int64(100))
	f.Add(encoded(func(d *fbclockData) { d.SmearStart, d.OffsetBefore, d.OffsetAfter = uint64(d.PHC/1e9), 37, 38 }), int64(0), int64(100))
	f.Fuzz(func(t *testing.T, memory []byte, age, took int64) {
		require.NoError(t, os.WriteFile(path, memory, 0o600))
		d, err := readFBClock(path)
		if err != nil {
			return
		}
		source := FBClock(path).(*fbclock)
		s, err := source.judge(d, rawLook{1000, monotonic.Instant(1000 + took), d.Raw + age}, truetime.PollInfo{DriftPPM: 200})
		if err != nil {
			return
		}
		switch {
		case s.Error < time.Duration(d.ErrorBound) || s.Error > source.settings.maxError || s.Delay > source.settings.maxDelay:
			t.Fatalf("beyond the limits: %+v", s)
		case s.Received.Before(s.Sent) || s.Latest.Sub(s.Earliest) != 2*s.Error:
			t.Fatalf("%+v", s)
		case age < 0 || age > int64(time.Second):
			t.Fatalf("a reading that is %v old", time.Duration(age))
		case s.TAIOffset.Abs() > maxOffset:
			t.Fatalf("TAI−UTC is %v", s.TAIOffset)
		}
	})
}
