package journal

import (
	"bytes"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/internal/testing/race"
	"github.com/epsilontime/epsilon/monotonic"
)

func kept(t *testing.T, f *Flight) string {
	var b bytes.Buffer
	n, err := f.WriteTo(&b)
	require.NoError(t, err)
	require.EqualValues(t, b.Len(), n)
	return b.String()
}

// A flight of one record a second begins with a state, and goes on from there without a gap.
func TestFlightKeepsTheSpanAndNoMoreThanHalfAgain(t *testing.T) {
	var f Flight
	_, err := f.WriteTo(&bytes.Buffer{})
	require.ErrorIs(t, err, ErrNotBegun)
	now := 0
	f.Begin(10*time.Second, 0, func() []byte { return fmt.Appendf(nil, "state %d\n", now) })
	for now = 1; now < 100; now++ {
		f.Record(monotonic.Instant(now)*1e9, fmt.Appendf(nil, "%d\n", now))
		lines := strings.Split(strings.TrimSuffix(kept(t, &f), "\n"), "\n")
		var begun int
		_, err := fmt.Sscanf(lines[0], "state %d", &begun)
		require.NoError(t, err)
		require.LessOrEqual(t, begun, max(now-10, 0))
		require.GreaterOrEqual(t, begun, now-15)
		for i, line := range lines[1:] {
			require.Equal(t, fmt.Sprint(begun+1+i), line, "a state in the midst of it is left out")
		}
	}
}

// Where the counter goes back, what there was before is kept, and grows no older by that.
func TestFlightOfACounterThatGoesBack(t *testing.T) {
	var f Flight
	f.Begin(10*time.Second, 1e15, func() []byte { return []byte("state\n") })
	for now := range 40 {
		f.Record(monotonic.Instant(now)*1e9, []byte("line\n"))
	}
	require.LessOrEqual(t, len(kept(t, &f)), len("state\n")+16*len("line\n"))
	require.GreaterOrEqual(t, len(kept(t, &f)), len("state\n")+10*len("line\n"))
}

func TestFlightTakesNoMoreMemoryThanItMay(t *testing.T) {
	race.Slow(t)
	var f Flight
	f.Begin(1000*time.Hour, 0, func() []byte { return []byte("state\n") })
	record := bytes.Repeat([]byte("x"), 1<<20)
	for i := range 200 {
		f.Record(monotonic.Instant(i), record)
	}
	require.LessOrEqual(t, f.bytes, MaxFlight)
	require.Greater(t, f.bytes, MaxFlight/2)
	sum := 0
	for _, c := range f.chunks {
		sum += len(c.text)
	}
	require.Equal(t, sum, f.bytes)
}

func TestFlightIsWrittenWhileItRecords(t *testing.T) {
	var f Flight
	f.Begin(time.Microsecond, 0, func() []byte { return []byte("state\n") })
	var writers sync.WaitGroup
	for range 4 {
		writers.Go(func() {
			for range 200 {
				var b bytes.Buffer
				if _, err := f.WriteTo(&b); err != nil || !strings.HasPrefix(b.String(), "state\n") {
					t.Errorf("%v, %q", err, b.String())
				}
			}
		})
	}
	for i := range 2000 {
		f.Record(monotonic.Instant(10*i), []byte("line\n"))
	}
	writers.Wait()
}

// failing fails with the second write.
type failing struct{ writes int }

func (w *failing) Write(b []byte) (int, error) {
	if w.writes++; w.writes == 2 {
		return 3, fmt.Errorf("the disk is full")
	}
	return len(b), nil
}

func TestFlightSaysHowMuchItHasWritten(t *testing.T) {
	var f Flight
	f.Begin(time.Second, 0, func() []byte { return []byte("state\n") })
	f.Record(5e8, []byte("line\n"))
	f.Record(6e8, []byte("more\n"))
	n, err := f.WriteTo(&failing{})
	require.ErrorContains(t, err, "the disk is full")
	require.EqualValues(t, len("state\nline\n")+3, n)
}
