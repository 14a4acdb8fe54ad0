package wallclock

import (
	"errors"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/epsilontime/epsilon/monotonic"
)

func TestKernelSaysHowItIsSteered(t *testing.T) {
	if !steersAtOnce() {
		t.Skip("this kernel is older than Linux 4.19")
	}
	counter, err := monotonic.System()
	require.NoError(t, err)
	first, err := ReadFirst(counter)
	require.NoError(t, err)
	last, err := ReadLast(counter)
	require.NoError(t, err)
	if first.Steering == (Steering{}) {
		t.Skip("adjtimex(2) is forbidden here")
	}
	for _, s := range []Steering{first.Steering, last.Steering} {
		require.InDelta(t, nominalTick, s.Tick, nominalTick/10)
		require.LessOrEqual(t, s.Begun, s.Read)
	}
	require.False(t, first.WallLast)
	require.True(t, last.WallLast)
	require.LessOrEqual(t, first.After, last.Before)

	// A timer interrupt is never far away.
	looks, steering := 1, first.Steering
	for ; !steering.inForce(); looks++ {
		next, err := ReadFirst(counter)
		require.NoError(t, err)
		require.NotZero(t, next.Steering)
		steering = next.Steering.After(steering)
	}
	require.Greater(t, looks, 1, "one look proves nothing")
	t.Logf("in force after %d looks", looks)
}

func TestLookTakesNoMemory(t *testing.T) {
	counter, err := monotonic.System()
	require.NoError(t, err)
	require.Zero(t, testing.AllocsPerRun(100, func() { _, err = ReadFirst(counter) }))
	require.NoError(t, err)
	require.Zero(t, testing.AllocsPerRun(100, func() { _, err = ReadLast(counter) }))
	require.NoError(t, err)
}

// scriptedKernel writes down what is asked, of it and of the counter, and answers as it is told.
type scriptedKernel struct {
	asked  []string
	refuse string // a question
}

var errRefused = errors.New("refused")

func (k *scriptedKernel) ask(what string) error {
	k.asked = append(k.asked, what)
	if what == k.refuse {
		return errRefused
	}
	return nil
}

// Now is the counter.
func (k *scriptedKernel) Now() monotonic.Instant {
	_ = k.ask("counter")
	return monotonic.Instant(len(k.asked))
}

func (k *scriptedKernel) clock(id uintptr) (unix.Timespec, error) {
	names := map[uintptr]string{unix.CLOCK_REALTIME: "wall", unix.CLOCK_MONOTONIC: "slewed", unix.CLOCK_REALTIME_COARSE: "coarse"}
	return unix.Timespec{Sec: 16, Nsec: 999_000_000}, k.ask(names[id])
}

func (k *scriptedKernel) steered() (unix.Timex, error) {
	t := unix.Timex{Tick: 10_833, Freq: -65_536, Offset: 5, Maxerror: 6, Status: 7}
	t.Time.Sec = 17
	return t, k.ask("adjtimex")
}

// The kernel is asked how it steers before the clocks are read for the first time, and after they have been for the
// last; for which second it has overflown after it was asked what it does.
func TestReadingsAskInTheOrderThatTheBracketStandsOn(t *testing.T) {
	steering := Steering{
		Told: Told{Tick: 10_833, Frequency: -65_536, Offset: 5, MaxError: 6, Status: 7},
		Read: 17, Begun: 16, Coarse: 16_999_000_000, Since: 16_999_000_000,
	}
	if !steersAtOnce() {
		steering = Steering{}
	}
	for name, c := range map[string]struct {
		read func(kernel, monotonic.Counter) (Reading, error)
		last bool
		want []string
	}{
		"first":          {readFirst, false, []string{"adjtimex", "coarse", "counter", "wall", "slewed", "counter"}},
		"last":           {readLast, true, []string{"counter", "slewed", "wall", "counter", "adjtimex"}},
		"first, unasked": {read, false, []string{"counter", "wall", "slewed", "counter"}},
		"last, unasked":  {readWallLast, true, []string{"counter", "slewed", "wall", "counter"}},
	} {
		k := &scriptedKernel{}
		r, err := c.read(k, k)
		require.NoError(t, err, name)
		require.Equal(t, c.last, r.WallLast, name)
		asks := slices.Contains(c.want, "adjtimex")
		if asks && steersAtOnce() {
			want := steering
			if c.last {
				want.Begun, want.Coarse, want.Since = 0, 0, 0
			}
			require.Equal(t, want, r.Steering, name)
		}
		if !asks || steersAtOnce() {
			require.Equal(t, c.want, k.asked, name)
		}
		for _, refuse := range c.want {
			k := &scriptedKernel{refuse: refuse}
			r, err := c.read(k, k)
			switch refuse {
			case "wall", "slewed":
				require.ErrorIs(t, err, errRefused, name)
			case "adjtimex", "coarse":
				require.NoError(t, err, name)
				require.Zero(t, r.Steering, name)
			}
		}
	}
}

func TestReleaseOfTheKernelIsUnderstood(t *testing.T) {
	for release, want := range map[string]bool{
		"6.18.44-fc-v782": true, "4.19.0-27-amd64": true, "5.4": true, "10.0.1": true,
		"4.18.0-553.el8": false, "4.4.0": false, "3.10.0": false, "": false, "rolling": false, "6": false,
	} {
		require.Equal(t, want, releasedSince419(release), release)
	}
}
