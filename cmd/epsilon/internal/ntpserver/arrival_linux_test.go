package ntpserver

import (
	"math/rand/v2"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/internal/testing/testbed"
	"github.com/epsilontime/epsilon/internal/testing/wallclocktest"
	"github.com/epsilontime/epsilon/internal/wallclock"
	"github.com/epsilontime/epsilon/monotonic"
)

// However the wall clock is slewed, and the counter is off, no more is said to have passed since an
// arrival than has passed.
func TestNoMoreIsSaidToHavePassedThanHas(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	between := func(lo, hi float64) float64 { return lo + (hi-lo)*random.Float64() }
	told, narrow, sharp, sharper := 0, 0, 0, 0
	for range 20_000 {
		drift := []float64{0.01, 200, 50_000}[random.IntN(3)]
		rho := drift / 1e6
		// Of the counter against true time, and of the wall clock against the counter.
		counterRate := 1 + between(-rho, rho)
		host := wallclock.HostDriftPPM(drift) / 1e6
		wallRate := (1 + between(-host, host)) * between(0.774, 1.226) / counterRate
		w := wallclocktest.Scripted{Starts: []int64{0}, Rates: []float64{wallRate}}
		if random.IntN(4) == 0 {
			w.Sets = []wallclocktest.Set{{At: random.Int64N(3_000_000), By: random.Int64N(4000) - 2000}}
		}
		arrived := 1000 + random.Int64N(2_000_000)
		looked := arrived + random.Int64N(1_000_000)
		a := newArrivals(new(monotonic.Manual), drift, new(atomic.Pointer[steered]))
		a.bracket.First = w.Reading(0, 100, 200, 300)
		a.bracket.Last = w.Reading(looked, looked+50, looked+100, looked+150)
		a.steady = true
		if random.IntN(2) == 0 { // the kernel has told how it steers
			tick, frequency := 9000+random.Int64N(2001), between(-500e-6, 500e-6)
			w.Rates = []float64{(float64(tick)/10_000 + frequency) * (1 + between(-host, host)) / counterRate}
			a.sharp = wallclock.Bracket{First: w.Reading(0, 100, 200, 300), Last: w.Reading(looked, looked+100, looked+50, looked+150), DriftPPM: drift}
			a.bracket.First, a.bracket.Last = a.sharp.First, a.sharp.Last
			told := wallclock.Told{Tick: tick}
			a.sharp.First.Steering = wallclock.Steering{Told: told, Begun: 7, Coarse: 2, Since: 1}
			a.sharp.Last.Steering = wallclock.Steering{Told: told, Read: 7}
			require.True(t, a.sharp.Sharp())
			sharp++
		}
		passed, ok := a.passed(w.Wall(arrived))
		if !ok {
			continue
		}
		if a.sharp.Sharp() && float64(passed) > 0.9*float64(looked+150-arrived)/counterRate {
			sharper++
		}
		told++
		// To the end of the look, after which the served clock is read, in true time.
		if has := float64(looked+150-arrived) / counterRate; float64(passed) > has {
			t.Fatalf("drift %v, counter %v, wall clock %v: %v passed, and %v are said to have", drift, counterRate, wallRate, has, passed)
		} else if float64(passed) > has/2 {
			narrow++
		}
	}
	require.Greater(t, told, 10_000)
	require.Greater(t, narrow, 8_000, "what is said is of use")
	require.Greater(t, sharper, sharp/2, "and more so where it is known how the kernel steers")
}

func TestStampsFromOutsideTheReadingsSayNothing(t *testing.T) {
	w := wallclocktest.Steady()
	a := newArrivals(new(monotonic.Manual), 200, new(atomic.Pointer[steered]))
	a.bracket.First, a.bracket.Last = w.Reading(1000, 1100, 1200, 1300), w.Reading(9000, 9100, 9200, 9300)
	a.steady = true
	for _, at := range []int64{0, 1_099, 9_101, 1 << 40} {
		_, ok := a.passed(w.Wall(at))
		require.False(t, ok, at)
	}
	_, ok := a.passed(0)
	require.False(t, ok, "no stamp")
	_, ok = a.passed(w.Wall(5000))
	require.True(t, ok)
	a.steady = false
	_, ok = a.passed(w.Wall(5000))
	require.False(t, ok, "somebody has set the clock")
}

// The first reading is kept for so long that a request which has waited is younger.
func TestTheFirstReadingIsOldEnoughForRequestsThatWait(t *testing.T) {
	counter, err := monotonic.System()
	require.NoError(t, err)
	a := newArrivals(counter, 200, new(atomic.Pointer[steered]))
	began := a.first
	a.read()
	a.look(true)
	require.Equal(t, began, a.first)
	if !a.steady {
		t.Skip("somebody sets the clock of this host")
	}
	a.next.Before, a.first.Before = a.next.Before-monotonic.Instant(anchorAge), a.first.Before-monotonic.Instant(anchorAge)
	anchor := a.next
	for range 10_000 { // a reading that was interrupted is none for that
		a.read()
		if a.look(true); a.next != anchor {
			break
		}
	}
	if a.next == anchor {
		t.Skip("two system calls take longer here than a first reading may")
	}
	require.Equal(t, anchor, a.first, "the one from a second ago")
	require.Greater(t, a.next.Before, anchor.Before)
	require.LessOrEqual(t, a.first.Before, a.bracket.Last.Before-monotonic.Instant(time.Second))
}

// On this machine, by its own kernel and clocks.
func TestAStampIsWorthMoreWhereTheSteeringIsKnown(t *testing.T) {
	counter, err := monotonic.System()
	require.NoError(t, err)
	known := new(atomic.Pointer[steered])
	a := newArrivals(counter, 200, known)
	for range 20 {
		if !wallclock.Settle(t.Context(), counter, 20*time.Millisecond) {
			t.Skip("the kernel does not tell how it is steered, or is not told to look")
		}
		reading, watch, err := wallclock.ReadSteered(counter)
		require.NoError(t, err)
		known.Store(&steered{reading, watch})
		before := counter.Now()
		stamp := testbed.Realtime()
		time.Sleep(2 * time.Millisecond)
		a.read()
		a.look(true)
		if !a.sharp.Sharp() || a.bracket.Last.After.Sub(a.bracket.Last.Before) > anchorWidth || reading.After.Sub(reading.Before) > anchorWidth {
			continue // the second has ended, or somebody steers, or a reading was interrupted
		}
		passed, ok := a.passed(stamp)
		require.True(t, ok)
		require.LessOrEqual(t, passed, a.bracket.Last.After.Sub(before))
		a.look(false)
		blunt, ok := a.passed(stamp)
		require.True(t, ok)
		require.Less(t, blunt, passed*9/10)

		known.Store(&steered{reading: reading}) // a watch that says that the clock may have been set
		a.look(true)
		require.False(t, a.sharp.Sharp())
		return
	}
	if wallclock.Settle(t.Context(), counter, 20*time.Millisecond) {
		t.Skip("each reading was interrupted, or somebody steers the clock all the time")
	}
}
