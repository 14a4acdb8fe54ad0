package ntpserver

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

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
	told, narrow := 0, 0
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
		a := newArrivals(new(monotonic.Manual), drift)
		a.bracket.First = w.Reading(0, 100, 200, 300)
		a.bracket.Last = w.Reading(looked, looked+50, looked+100, looked+150)
		a.steady = true
		passed, ok := a.passed(w.Wall(arrived))
		if !ok {
			continue
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
}

func TestStampsFromOutsideTheReadingsSayNothing(t *testing.T) {
	w := wallclocktest.Steady()
	a := newArrivals(new(monotonic.Manual), 200)
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
	a := newArrivals(counter, 200)
	began := a.first
	a.look()
	require.Equal(t, began, a.first)
	if !a.steady {
		t.Skip("somebody sets the clock of this host")
	}
	a.next.Before, a.first.Before = a.next.Before-monotonic.Instant(anchorAge), a.first.Before-monotonic.Instant(anchorAge)
	anchor := a.next
	a.look()
	require.Equal(t, anchor, a.first, "the one from a second ago")
	require.Greater(t, a.next.Before, anchor.Before)
	require.LessOrEqual(t, a.first.Before, a.bracket.Last.Before-monotonic.Instant(time.Second))
}

// The limit goes by the counter, also where nothing can be known of arrivals.
func TestTimePassesForTheLimitWithoutAWatch(t *testing.T) {
	counter := new(monotonic.Manual)
	counter.Advance(time.Hour)
	w := &worker{server: &Server{config: Config{Counter: counter}}, arrivals: newArrivals(counter, 200)}
	w.arrivals.usable = false // no timerfd could be had
	require.Equal(t, counter.Now(), w.look())
}
