package truetime

import (
	"context"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/epsilontime/epsilon/monotonic"
)

// rawTruth is a source whose server is this machine's raw counter: that is true time in this test,
// and no one can set it.
type rawTruth struct{ raw monotonic.Counter }

const rawEpoch = 1_000_000_000_000_000_000

func (s rawTruth) now() Time { return Time(rawEpoch + int64(s.raw.Now())) }

func (rawTruth) Info() SourceInfo { return SourceInfo{Name: "raw"} }

func (s rawTruth) Sample(_ context.Context, counter monotonic.Counter) (Sample, error) {
	const claim = 10 // nanoseconds, for the rounding of the raw counter
	sample := Sample{Sent: counter.Now()}
	stamp := s.now()
	sample.Latest, sample.Earliest = stamp.Add(claim), stamp.Add(-claim)
	sample.Received = counter.Now()
	return sample, nil
}

// slewable is the counter that must not be used: CLOCK_MONOTONIC, which is what time.Now measures
// with.
type slewable struct{}

func (slewable) Now() monotonic.Instant {
	var ts unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts)
	return monotonic.Instant(ts.Nano())
}

// The wall clock is bumped and strobed by ±200 ms, as Jepsen's clock nemeses do, and CLOCK_MONOTONIC
// is slewed by 500 ppm, as ntpd may, while clocks run. Nobody notices. The same clock on
// CLOCK_MONOTONIC gets it wrong, so it is the choice of counter that does it.
//
// The test needs CAP_SYS_TIME and disturbs everything on the machine for three seconds, so it runs
// only on request. It puts both clocks back.
func TestWallClockDoesNotMatter(t *testing.T) {
	if os.Getenv("EPSILON_TEST_SETTIME") != "1" {
		t.Skip("sets the machine's clock; EPSILON_TEST_SETTIME=1 runs it")
	}
	raw, err := monotonic.Raw()
	require.NoError(t, err)
	system, err := monotonic.System()
	require.NoError(t, err)
	source := rawTruth{raw}

	type report struct {
		wrong   int
		epsilon time.Duration
		epoch   uint64
	}
	clocks := map[string]*Clock{}
	for name, counter := range map[string]monotonic.Counter{"system": system, "raw": raw, "slewable": slewable{}} {
		c, err := New([]Source{source}, WithCounter(counter), WithPlausibleSince(rawEpoch), WithPoll(500*time.Millisecond, 500*time.Millisecond))
		require.NoError(t, err)
		defer c.Close()
		require.NoError(t, c.WaitSynchronized(t.Context(), time.Second))
		clocks[name] = c
	}
	// watch reads every clock for a while between two readings of the truth.
	watch := func(d time.Duration, meanwhile func()) map[string]*report {
		reports := map[string]*report{}
		for name := range clocks {
			reports[name] = &report{}
		}
		for end := source.now().Add(d); source.now() < end; {
			meanwhile()
			for name, c := range clocks {
				r := reports[name]
				before := source.now()
				i, err := c.Now()
				after := source.now()
				if err != nil || i.Earliest > after || i.Latest < before {
					r.wrong++
				}
				r.epsilon = max(r.epsilon, i.Uncertainty())
				r.epoch = c.Status().Epoch
			}
		}
		return reports
	}

	quiet := watch(time.Second, func() {})
	restore := disturb(t)
	defer restore()
	strobe, next := 200*time.Millisecond, source.now()
	disturbed := watch(2*time.Second, func() {
		if source.now() > next {
			stepWallClock(t, strobe)
			strobe, next = -strobe, next.Add(10*time.Millisecond)
		}
	})
	restore()

	for _, name := range []string{"system", "raw"} {
		require.Zero(t, quiet[name].wrong)
		require.Zero(t, disturbed[name].wrong, name)
		require.EqualValues(t, 1, disturbed[name].epoch, name)
		require.Less(t, disturbed[name].epsilon, 2*quiet[name].epsilon+time.Millisecond, name)
		t.Logf("%-8s 0 wrong answers; largest ε %v in quiet, %v disturbed", name, quiet[name].epsilon, disturbed[name].epsilon)
	}
	require.Zero(t, quiet["slewable"].wrong, "it is right while nobody slews it")
	require.True(t, disturbed["slewable"].wrong > 0 || disturbed["slewable"].epoch > 1, "CLOCK_MONOTONIC should have failed: %+v", disturbed["slewable"])
	t.Logf("slewable %d wrong answers, epoch %d", disturbed["slewable"].wrong, disturbed["slewable"].epoch)
}

// disturb slews CLOCK_MONOTONIC by 500 ppm, the most that the kernel's frequency correction allows
// (MAXFREQ, include/linux/timex.h). What it returns puts the frequency and the wall clock back.
func disturb(t *testing.T) (restore func()) {
	t.Helper()
	var before unix.Timex
	_, err := unix.Adjtimex(&before)
	require.NoError(t, err)
	var wall, raw unix.Timespec
	require.NoError(t, unix.ClockGettime(unix.CLOCK_REALTIME, &wall))
	require.NoError(t, unix.ClockGettime(unix.CLOCK_MONOTONIC_RAW, &raw))

	fast := unix.Timex{Modes: unix.ADJ_FREQUENCY, Freq: 500 << 16}
	if _, err := unix.Adjtimex(&fast); err != nil {
		t.Skipf("the machine's clock cannot be set here: %v", err)
	}
	restored := false
	return func() {
		if restored {
			return
		}
		restored = true
		_, err := unix.Adjtimex(&unix.Timex{Modes: unix.ADJ_FREQUENCY, Freq: before.Freq})
		require.NoError(t, err)
		var now unix.Timespec
		require.NoError(t, unix.ClockGettime(unix.CLOCK_MONOTONIC_RAW, &now))
		back := unix.NsecToTimespec(wall.Nano() + now.Nano() - raw.Nano())
		require.NoError(t, unix.ClockSettime(unix.CLOCK_REALTIME, &back))
	}
}

func stepWallClock(t *testing.T, by time.Duration) {
	t.Helper()
	var now unix.Timespec
	require.NoError(t, unix.ClockGettime(unix.CLOCK_REALTIME, &now))
	stepped := unix.NsecToTimespec(now.Nano() + int64(by))
	require.NoError(t, unix.ClockSettime(unix.CLOCK_REALTIME, &stepped))
}
