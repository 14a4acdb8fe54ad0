package wallclock

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/epsilontime/epsilon/monotonic"
)

// tickingKernel is a kernel whose CLOCK_REALTIME_COARSE moves by ticks, and whose second begins at one of them.
type tickingKernel struct {
	now     int64 // CLOCK_REALTIME, in nanoseconds
	tick    time.Duration
	timex   unix.Timex
	refuses bool
}

func newTickingKernel(at time.Duration, tick time.Duration) *tickingKernel {
	return &tickingKernel{now: int64(1_700_000_000*time.Second + at), tick: tick, timex: unix.Timex{Tick: nominalTick, Maxerror: 1000}}
}

func (k *tickingKernel) coarse() int64 { return k.now - k.now%int64(k.tick) - int64(k.tick)/2 }

func (k *tickingKernel) clock(id uintptr) (unix.Timespec, error) {
	at := k.now
	if id == unix.CLOCK_REALTIME_COARSE {
		at = k.coarse()
	}
	return unix.NsecToTimespec(at), nil
}

func (k *tickingKernel) steered() (unix.Timex, error) {
	t := k.timex
	t.Time.Sec = unix.NsecToTimespec(k.now).Sec
	if k.refuses {
		return t, errors.New("refused")
	}
	return t, nil
}

// Now is the counter.
func (k *tickingKernel) Now() monotonic.Instant { return monotonic.Instant(k.now) }

// look returns how the kernel is steered, by what the looker has seen.
func (k *tickingKernel) look(t *testing.T, l *looker) Steering {
	t.Helper()
	if !steersAtOnce() {
		t.Skip("this kernel is older than Linux 4.19")
	}
	r, watch, err := l.read(k, k)
	require.NoError(t, err)
	require.False(t, watch.WasSet())
	require.False(t, r.WallLast)
	return r.Steering
}

// set is what every watch of the process notices when somebody sets the clock.
func set() {
	setting.Lock()
	setting.count++
	setting.Unlock()
}

func TestALookCountsIfAnEarlierOneHasFoundTheSame(t *testing.T) {
	const tick = 4 * time.Millisecond
	for name, c := range map[string]struct {
		between func(k *tickingKernel)
		inForce bool
	}{
		"a tick":                  {func(k *tickingKernel) { k.now += int64(tick) }, true},
		"half a second":           {func(k *tickingKernel) { k.now += int64(time.Second / 2) }, true},
		"nothing":                 {func(*tickingKernel) {}, false},
		"another second":          {func(k *tickingKernel) { k.now += int64(time.Second) }, false},
		"another frequency":       {func(k *tickingKernel) { k.now += int64(tick); k.timex.Freq++ }, false},
		"the clock was set":       {func(k *tickingKernel) { k.now += int64(tick); set() }, false},
		"a look that was refused": {func(k *tickingKernel) { k.now += int64(tick); k.refuses = true }, false},
	} {
		k, l := newTickingKernel(time.Second/4, tick), new(looker)
		require.False(t, k.look(t, l).inForce(), "the first one, %s", name)
		c.between(k)
		require.Equal(t, c.inForce, k.look(t, l).inForce(), name)
	}
}

// The watch that comes with a reading has been there since the first of the looks that it rests on.
func TestTheWatchIsAsOldAsTheLooks(t *testing.T) {
	k, l := newTickingKernel(time.Second/4, time.Millisecond), new(looker)
	k.look(t, l)
	began := l.watch
	k.now += int64(time.Millisecond)
	_, watch, err := l.read(k, k)
	require.NoError(t, err)
	require.Equal(t, began, watch)
	set()
	require.True(t, watch.WasSet())
	k.look(t, l)
	require.NotEqual(t, began, l.watch)
}

func TestSettlingTakesAFewMilliseconds(t *testing.T) {
	if !steersAtOnce() {
		t.Skip("this kernel is older than Linux 4.19")
	}
	const lasting = 20 * time.Millisecond
	for name, c := range map[string]struct {
		at, tick time.Duration
		change   func(k *tickingKernel)
		waits    []time.Duration
		settled  bool
	}{
		"250 Hz":                   {time.Second / 4, 4 * time.Millisecond, nil, []time.Duration{lookSpacing}, true},
		"100 Hz":                   {time.Second/4 + time.Millisecond, 10 * time.Millisecond, nil, []time.Duration{lookSpacing, lookSpacing}, true},
		"near the end of a second": {time.Second - 5*time.Millisecond, 4 * time.Millisecond, nil, []time.Duration{6 * time.Millisecond, lookSpacing, lookSpacing}, true},
		"at the turn of a second":  {time.Millisecond, 4 * time.Millisecond, nil, []time.Duration{lookSpacing, lookSpacing}, true},
		"no interrupt":             {time.Second / 4, time.Hour, nil, []time.Duration{lookSpacing, lookSpacing, lookSpacing, lookSpacing, lookSpacing}, false},
		"refused":                  {time.Second / 4, time.Millisecond, func(k *tickingKernel) { k.refuses = true }, nil, false},
		"a pulse per second":       {time.Second / 4, time.Millisecond, func(k *tickingKernel) { k.timex.Status = pulsePhase }, nil, false},
		"what may hide an offset": {time.Second / 4, time.Millisecond, func(k *tickingKernel) {
			k.timex.Status, k.timex.Maxerror = loop|unsynchronized, largestMaxError
		}, nil, false},
	} {
		t.Run(name, func(t *testing.T) {
			k, l := newTickingKernel(c.at, c.tick), new(looker)
			if c.change != nil {
				c.change(k)
			}
			var waits []time.Duration
			sleep := func(_ context.Context, wait time.Duration) error {
				waits = append(waits, wait)
				k.now += int64(wait)
				return nil
			}
			require.Equal(t, c.settled, l.settle(t.Context(), k, k, lasting, sleep))
			require.Equal(t, c.waits, waits)
			if !c.settled {
				return
			}
			r, _, err := l.read(k, k)
			require.NoError(t, err)
			require.True(t, r.Steering.inForce())
			require.Equal(t, r.Wall/int64(time.Second), r.Steering.Begun)
			waits = nil
			require.True(t, l.settle(t.Context(), k, k, lasting, sleep))
			require.Empty(t, waits, "it is settled already")
		})
	}
	k, l := newTickingKernel(time.Second/4, 4*time.Millisecond), new(looker)
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	require.False(t, l.settle(ended, k, k, lasting, sleep))
}

// Another counter than this machine's own takes nothing from the others.
func TestAForeignCounterIsNotLookedFor(t *testing.T) {
	counter, err := monotonic.System()
	require.NoError(t, err)
	_, _, err = ReadSteered(counter)
	require.NoError(t, err)
	before := looks.told
	var foreign monotonic.Manual
	r, watch, err := ReadSteered(&foreign)
	require.NoError(t, err)
	require.Zero(t, r.Steering)
	require.False(t, watch.WasSet())
	require.Equal(t, before, looks.told)
	require.False(t, Settle(t.Context(), &foreign, time.Millisecond))
}
