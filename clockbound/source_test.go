package clockbound

import (
	"context"
	"errors"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/internal/testing/countertest"
	"github.com/epsilontime/epsilon/internal/wallclock"
	"github.com/epsilontime/epsilon/monotonic"
	"github.com/epsilontime/epsilon/truetime"
)

func TestSampleIsTheGrownBoundAroundTheWallClock(t *testing.T) {
	h := newFakeHost()
	c := h.good()
	c.driftPPB = 400_000 // more than the clock assumes
	h.says(c)
	h.counter.Advance(2 * time.Second)
	at, now := h.counter.Now(), h.wall()
	s, err := h.sample(h.source(WithExtraError(3 * time.Millisecond)))
	require.NoError(t, err)
	e := 4*time.Millisecond + 900*time.Microsecond + 1 // 400 ppm of 2 s and an eighth, and a nanosecond that the kernel cut off
	require.InDelta(t, e, s.Claim, 1)
	require.GreaterOrEqual(t, s.Claim, e)
	require.Equal(t, truetime.Sample{
		Sent: at, Latest: now.Add(s.Claim), Received: at.Add(200), Earliest: now.Add(-s.Claim),
		Age: (2*time.Second+forgotten)*4/3 + 1, Peer: wallclock.Peer, Delay: 200, Claim: s.Claim,
	}, s)
}

// The machine is restored, and every clock of it stood still. A second later the daemon has asked chronyd, who need not
// have heard from a server since. A daemon that compares the marker waits for that.
func TestASegmentWrittenAfterADisruptionMayBeOfAMeasurementBeforeIt(t *testing.T) {
	h := newFakeHost()
	restored := h.counter.Now()
	h.counter.Advance(2 * time.Second)
	h.says(h.good())
	h.counter.Advance(time.Second)
	s, err := h.sample(h.source())
	require.NoError(t, err)
	require.Greater(t, s.Age, s.Sent.Sub(restored))

	c := h.good()
	c.marked = true
	s, err = sourceConfig{}.evaluate(c, wallclock.Reading{Slewed: c.asOf + int64(time.Second)}, truetime.MaxDriftPPM)
	require.NoError(t, err)
	require.Less(t, s.Age, 2*time.Second)
}

// A bound that grows by less than the oscillator may be off is none, whatever the daemon says.
func TestGrowthIsAtLeastTheDeclaredDriftAndRoundedUp(t *testing.T) {
	const eighth = 1.125
	for _, c := range []struct {
		age      time.Duration
		driftPPB uint32
		driftPPM float64
		exact    float64
	}{
		{0, 50_000, 200, 0},
		{1, 1, 1, eighth * 1e-6 / (1 - 1e-6)},
		{time.Second, 1000, 200, eighth * 200_000 / (1 - 200e-6)},
		{time.Second, 500_000, 200, eighth * 500_000},
		{1000 * time.Second, maxDriftPPB - 1, 200, eighth * (1e12 - 1e3)},
	} {
		got := float64(growth(c.age, c.driftPPB, c.driftPPM))
		require.GreaterOrEqual(t, got, c.exact)
		require.LessOrEqual(t, got, c.exact*(1+1e-11)+1)
	}
	require.Positive(t, growth(math.MaxInt64, maxDriftPPB-1, truetime.MaxDriftPPM), "nothing overflows")
}

func TestSegmentThatGivesNoBoundIsUnusableWithItsReason(t *testing.T) {
	for want, edit := range map[string]func(c *content){
		"its daemon says Unknown":                      func(c *content) { c.status = statusUnknown },
		"its daemon says Disrupted":                    func(c *content) { c.status = statusDisrupted },
		"it is from 1ns in the future":                 func(c *content) { c.asOf++ },
		"it is void since 0s":                          func(c *content) { c.voidAfter = c.asOf },
		"it is void since 5s":                          func(c *content) { c.voidAfter = c.asOf - int64(5*time.Second) },
		"a bound of 16.000000001s that has grown by 0": func(c *content) { c.bound = maxClaim + 1 },
		"a bound of 1ms that has grown by": func(c *content) {
			c.driftPPB, c.asOf = maxDriftPPB-1, c.asOf-int64(15*time.Second)
		},
	} {
		h := newFakeHost()
		c := h.good()
		edit(&c)
		h.says(c)
		_, err := h.sample(h.source())
		require.ErrorIs(t, err, truetime.ErrUnusable, want)
		require.ErrorContains(t, err, want)
		require.ErrorContains(t, err, "ClockBound's segment shm0: ")
	}
}

// The bound holds, and grows with what the daemon last knew.
func TestFreeRunningSegmentGivesABoundUntilItIsVoid(t *testing.T) {
	h := newFakeHost()
	c := h.good()
	c.status = statusFreeRunning
	h.says(c)
	source, last := h.source(), time.Duration(0)
	for range 999 {
		s, err := h.sample(source)
		require.NoError(t, err)
		require.Greater(t, s.Claim, last)
		last = s.Claim
		h.counter.Advance(time.Second)
		h.says(c)
	}
	require.GreaterOrEqual(t, last, time.Millisecond+998*200*time.Microsecond)
	h.counter.Advance(2 * time.Second)
	_, err := h.sample(source)
	require.ErrorContains(t, err, "it is void since")
}

func TestFailuresToReadAreNoAnswers(t *testing.T) {
	h := newFakeHost()
	h.openErr = fs.ErrNotExist
	_, err := h.sample(h.source())
	require.ErrorIs(t, err, fs.ErrNotExist)
	require.ErrorContains(t, err, "ClockBound's daemon does not run, or keeps it elsewhere")
	require.NotErrorIs(t, err, truetime.ErrUnusable)

	h = newFakeHost()
	h.openErr = fs.ErrPermission
	_, err = h.sample(h.source())
	require.ErrorIs(t, err, fs.ErrPermission)

	h = newFakeHost()
	h.clock = errors.New("no clock")
	_, err = h.sample(h.source())
	require.ErrorIs(t, err, h.clock)

	h = newFakeHost()
	h.noWatch = errors.New("no timer")
	_, err = h.sample(h.source())
	require.ErrorIs(t, err, h.noWatch)
	require.ErrorContains(t, err, "cannot tell whether CLOCK_REALTIME is set")

	h = newFakeHost()
	h.took = -3
	_, err = h.sample(h.source())
	require.ErrorContains(t, err, "the local counter went back by 3ns")

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = newFakeHost().source().Sample(ctx, &h.counter)
	require.ErrorIs(t, err, context.Canceled)
}

// By a step, however small, whoever made it: the bound is of the clock before it.
func TestBoundFromBeforeTheClockWasSetIsNotUsed(t *testing.T) {
	for _, by := range []time.Duration{time.Microsecond, -time.Hour} {
		for _, when := range []string{"before the segment is read", "before the clocks are read"} {
			h := newFakeHost()
			source := h.source()
			_, err := h.sample(source)
			require.NoError(t, err)
			h.counter.Advance(100 * time.Millisecond)
			if when == "before the segment is read" {
				h.set(by)
			} else {
				h.during = func() { h.set(by); h.during = nil }
			}
			for range 3 {
				_, err = h.sample(source)
				require.ErrorContains(t, err, "CLOCK_REALTIME was set, and the bound is from before that", "%v %s", by, when)
				h.counter.Advance(100 * time.Millisecond)
			}
			h.moved -= by // the daemon has made up for it
			h.says(h.good())
			_, err = h.sample(source)
			require.NoError(t, err)
		}
	}
	h := newFakeHost()
	h.counter.Advance(time.Millisecond)
	h.during = func() { h.set(time.Second) }
	_, err := h.sample(h.source())
	require.ErrorContains(t, err, "was set", "at the first poll, too")
}

// In a suspend the kernel moves CLOCK_REALTIME on by what another clock of the machine says, to the second. A
// daemon that has slept for a few seconds only need not notice, and goes on to claim a millisecond, as of
// now.
func TestSuspendIsNamedAndTheDaemonGetsTimeToNotice(t *testing.T) {
	h := newFakeHost()
	source := h.source()
	_, err := h.sample(source)
	require.NoError(t, err)
	h.set(8*time.Second + 300*time.Millisecond)
	h.counter.Advance(time.Second)
	_, err = h.sample(source)
	require.ErrorContains(t, err, "CLOCK_REALTIME was set")
	h.counter.Advance(time.Second)
	h.says(h.good())
	_, err = h.sample(source)
	require.ErrorIs(t, err, truetime.ErrUnusable)
	require.ErrorContains(t, err, "CLOCK_REALTIME has moved by about 8.3s against the local counter")
	require.ErrorContains(t, err, "the machine slept")
	require.ErrorContains(t, err, "in 34m6s")
	h.counter.Advance(forgotten)
	h.says(h.good())
	_, err = h.sample(source)
	require.NoError(t, err)
}

// A daemon that does not know of a step goes on to claim a millisecond.
func TestStepThatTheDaemonDoesNotKnowOfIsRefusedUntilItIsUndone(t *testing.T) {
	h := newFakeHost()
	source := h.source()
	poll := func() error {
		h.counter.Advance(10 * time.Second)
		h.says(h.good())
		_, err := h.sample(source)
		return err
	}
	for range 5 {
		require.NoError(t, poll())
	}
	h.moved += time.Second // unseen by the watch
	for range 20 {
		require.ErrorContains(t, poll(), "CLOCK_REALTIME has moved by about 1s")
	}
	h.moved = 0
	require.NoError(t, poll())

	h.moved -= time.Minute
	refused := 0
	for poll() != nil {
		refused++
	}
	require.InDelta(t, forgotten/(10*time.Second), refused, 1, "not for ever")
	h.moved += 2*time.Millisecond + 200*time.Microsecond
	require.NoError(t, poll(), "two claims explain it")
}

func TestLeapSecondIsNoStepOfAnybody(t *testing.T) {
	end := truetime.FromStd(time.Date(2027, 7, 1, 0, 0, 0, 0, time.UTC))
	for _, c := range []struct {
		scale   truetime.Scale
		at      truetime.Time
		by      time.Duration
		refused bool
	}{
		{truetime.ScaleUTC, end, -time.Second, false},
		{truetime.ScaleUTC, end, time.Second, false},
		{truetime.ScaleUTC, end, 2 * time.Second, true},
		{truetime.ScaleUTC, end, 100 * time.Millisecond, true},
		{truetime.ScaleUTC, end.Add(24 * time.Hour), -time.Second, true},
		{truetime.ScaleUTCSmeared, end, -time.Second, true},
	} {
		h := newFakeHost()
		h.moved = c.at.Sub(h.wall()) - 10*time.Second
		source := h.source(WithScale(c.scale))
		_, err := h.sample(source)
		require.NoError(t, err)
		h.counter.Advance(20 * time.Second)
		h.moved += c.by
		h.says(h.good())
		_, err = h.sample(source)
		require.Equal(t, c.refused, err != nil, "%+v: %v", c, err)
	}
}

func TestFileThatMayHaveOutlivedARebootIsUsedOnceItHasChanged(t *testing.T) {
	h := newFakeHost()
	h.kept = true
	source := h.source()
	for range 3 {
		_, err := h.sample(source)
		require.ErrorContains(t, err, "it may be from before a reboot")
	}
	h.says(h.good())
	for range 3 {
		_, err := h.sample(source)
		require.NoError(t, err)
	}
}

// What two counters say has nothing to do with each other.
func TestSourceServesSeveralClocksAtOnce(t *testing.T) {
	h := newFakeHost()
	h.took = 0
	source := h.source()
	var all sync.WaitGroup
	for i := range 4 {
		all.Go(func() {
			counter := countertest.Ahead{Of: &h.counter, By: time.Duration(i) * time.Hour}
			for range 100 {
				s, err := source.Sample(t.Context(), counter)
				if assert.NoError(t, err) {
					assert.Equal(t, counter.Now(), s.Received)
				}
			}
		})
	}
	all.Wait()
}

func TestMistakesAreReportedByTheClockAllAtOnce(t *testing.T) {
	_, err := truetime.New([]truetime.Source{
		Source("", WithExtraError(-1), nil, WithScale(truetime.ScaleTAI), WithVMClock("\x00")),
	})
	for _, want := range []string{"path of the segment is empty", "extra error of -1ns", "an option is nil", "scale TAI", "NUL"} {
		require.ErrorContains(t, err, want)
	}
	source := Source(DefaultPath, WithScale(truetime.ScaleUTCSmeared))
	require.Equal(t, "clockbound /var/run/clockbound/shm0", source.Info().Name)
	require.Equal(t, truetime.ScaleUTCSmeared, source.Info().Scale)
	_, err = Source("", WithExtraError(17*time.Second)).Sample(t.Context(), new(monotonic.Manual))
	require.ErrorContains(t, err, "extra error of 17s")
}

func TestMarkerIsComparedAfterTheClocksWereRead(t *testing.T) {
	vmClock := filepath.Join(t.TempDir(), "vmclock0")
	h := newFakeHost()
	c := h.good()
	c.marked, c.marker = true, 7
	h.says(c)
	source := h.source(WithVMClock(vmClock))
	_, err := h.sample(source)
	require.ErrorIs(t, err, fs.ErrNotExist)
	require.ErrorContains(t, err, "WithVMClock")

	if unsupported(t, vmClock) {
		return
	}
	_, err = h.sample(source)
	require.NoError(t, err)
	h.during = func() { setMarker(t, vmClock, 8) } // a migration after the segment was read
	_, err = h.sample(source)
	require.ErrorIs(t, err, truetime.ErrUnusable)
	require.ErrorContains(t, err, "the VMClock's marker is 8, and the segment's is still 7")
	c.marked = false
	h.says(c)
	_, err = h.sample(source)
	require.NoError(t, err, "nobody maintains it")
}

// unsupported makes a VMClock whose marker is 7, and reports whether this machine cannot have one.
func unsupported(t *testing.T, path string) bool {
	t.Helper()
	setMarker(t, path, 7)
	h := newFakeHost()
	c := h.good()
	c.marked, c.marker = true, 7
	h.says(c)
	_, err := h.sample(h.source(WithVMClock(path)))
	return errors.Is(err, errors.ErrUnsupported)
}

// setMarker writes a VMClock page in place, so that who has mapped it sees the marker.
func setMarker(t *testing.T, path string, marker byte) {
	t.Helper()
	page := make([]byte, 1<<16) // as long as a page of any machine
	copy(page, "VCLK\x00\x10\x00\x00\x01\x00")
	page[16] = marker // little-endian everywhere
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE, 0o644)
	require.NoError(t, err)
	_, err = f.Write(page)
	require.NoError(t, err)
	require.NoError(t, f.Close())
}
