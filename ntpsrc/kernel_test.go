package ntpsrc

import (
	"context"
	"io/fs"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/internal/wallclock"
	"github.com/epsilontime/epsilon/monotonic"
	"github.com/epsilontime/epsilon/truetime"
)

func scriptedKernel(counter *monotonic.Manual, took time.Duration, clock kernelClock, err error, options ...Option) *kernelSource {
	return &kernelSource{config: configure(options), read: func() (kernelClock, error) { counter.Advance(took); return clock, err }}
}

func TestKernelSampleIsMaxErrorAroundTheSystemClock(t *testing.T) {
	var counter monotonic.Manual
	counter.Set(1000)
	clock := kernelClock{time: wallStart, resolution: time.Microsecond, maxError: 40 * time.Millisecond, leap: truetime.LeapDelete}
	s, err := scriptedKernel(&counter, 700, clock, nil, WithExtraError(2*time.Millisecond)).Sample(assuming(t.Context(), 200), &counter)
	require.NoError(t, err)
	e := 42*time.Millisecond + 502*time.Microsecond // a second of 500 ppm, and two roundings
	require.Equal(t, truetime.Sample{
		Sent: 1000, Latest: wallStart.Add(e), Age: s.Age, Received: 1700, Earliest: wallStart.Add(-e),
		Peer: wallclock.Peer, Delay: 700, Claim: e, Leap: truetime.LeapDelete,
	}, s)
}

func TestKernelThatCannotBeUsedIsRejectedWithItsReason(t *testing.T) {
	good := kernelClock{time: wallStart, maxError: time.Millisecond}
	for want, edit := range map[string]func(*kernelClock){
		"STA_UNSYNC":         func(c *kernelClock) { c.unsynchronized = true },
		"TIME_OOP":           func(c *kernelClock) { c.inLeapSecond = true },
		"maxerror of -1":     func(c *kernelClock) { c.maxError = -1 },
		"maxerror of 16.000": func(c *kernelClock) { c.maxError = 16*time.Second + time.Microsecond },
		"root distance of":   func(c *kernelClock) { c.maxError = 1500 * time.Millisecond },
	} {
		clock := good
		edit(&clock)
		var counter monotonic.Manual
		_, err := scriptedKernel(&counter, 1, clock, nil).Sample(assuming(t.Context(), 200), &counter)
		require.ErrorIs(t, err, truetime.ErrUnusable, want)
		require.ErrorContains(t, err, want)
	}
	var counter monotonic.Manual
	counter.Set(5)
	_, err := scriptedKernel(&counter, -3, good, nil).Sample(assuming(t.Context(), 200), &counter)
	require.ErrorContains(t, err, "counter went back by 3ns")
	_, err = scriptedKernel(&counter, 1, good, fs.ErrPermission).Sample(assuming(t.Context(), 200), &counter)
	require.ErrorContains(t, err, "adjtimex(2) is forbidden to this process")
	require.NotErrorIs(t, err, truetime.ErrUnusable)

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = scriptedKernel(&counter, 1, good, nil).Sample(ctx, &counter)
	require.ErrorIs(t, err, context.Canceled)
}

func TestMistakesInKernelAreReported(t *testing.T) {
	_, err := truetime.New([]truetime.Source{Kernel(WithExtraError(-1), WithMaxDelay(0))})
	require.ErrorContains(t, err, "extra error of -1ns")
	require.ErrorContains(t, err, "maximum delay of 0s")
	_, err = Kernel(WithExtraError(-1)).Sample(assuming(t.Context(), 200), new(monotonic.Manual))
	require.ErrorContains(t, err, "extra error of -1ns")
}

// Both look at one clock.
func TestKernelAndChronyAreOneVote(t *testing.T) {
	m := &machine{took: time.Microsecond}
	m.says(synchronized())
	ofChrony, err := m.source().Sample(assuming(t.Context(), 200), &m.counter)
	require.NoError(t, err)
	ofKernel, err := scriptedKernel(&m.counter, 1, kernelClock{time: wallStart}, nil).Sample(assuming(t.Context(), 200), &m.counter)
	require.NoError(t, err)
	require.Equal(t, ofChrony.Peer, ofKernel.Peer)
	require.NotEmpty(t, ofKernel.Peer)
}

// After a suspend the kernel may set its clock from the RTC, and leaves maxerror and STA_UNSYNC as they were. A clock that has
// noticed the suspend must not believe it until the daemon has set it anew: maxerror says how long ago that was at most.
func TestKernelSaysHowLongAgoItsClockWasSet(t *testing.T) {
	var counter monotonic.Manual
	for maxError, want := range map[time.Duration]time.Duration{
		0:                      time.Second,
		20 * time.Millisecond:  41 * time.Second,
		500 * time.Millisecond: 1001 * time.Second,
	} {
		k := &kernelSource{config: configure([]Option{}), read: func() (kernelClock, error) {
			counter.Advance(1000)
			return kernelClock{time: wallStart, resolution: 1, maxError: maxError}, nil
		}}
		s, err := k.Sample(assuming(t.Context(), 200), &counter)
		require.NoError(t, err)
		require.GreaterOrEqual(t, s.Age, want, "the kernel adds 500 ppm")
		require.LessOrEqual(t, s.Age, want*4/3+10*time.Millisecond)
	}
}
