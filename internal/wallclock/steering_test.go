package wallclock_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/internal/testing/wallclocktest"
	"github.com/epsilontime/epsilon/internal/wallclock"
	"github.com/epsilontime/epsilon/monotonic"
)

const second = int64(time.Second)

// steered is a bracket from 1 µs to 10 ms, of a kernel that says the same before it and after.
func steered(w wallclocktest.Scripted, tick int64) wallclock.Bracket {
	b := wallclock.Bracket{First: w.Reading(1000, 1100, 1150, 1200), Last: w.Reading(10_000_000, 10_000_150, 10_000_100, 10_000_200)}
	b.First.Steering = wallclock.Steering{Told: wallclock.Told{Tick: tick}, Begun: 17, Read: 17, Coarse: 17*second + 8_000_000, Since: 17*second + 4_000_000}
	b.Last.Steering = b.First.Steering
	return b
}

// A tick that is shorter than nominal is worth less: a new clocksource would have the nominal rate.
func TestKnownSteeringFindsAStampWithinAPercentOfItsDistance(t *testing.T) {
	for tick, percent := range map[int64]float64{9_000: 11, 10_000: 1, 11_000: 1} {
		w := wallclocktest.Scripted{Starts: []int64{0}, Rates: []float64{float64(tick) / 10_000}}
		b := steered(w, tick)
		for _, distance := range []int64{20_000, 200_000, 5_000_000} {
			at := 10_000_150 - distance
			found, ok := b.NotAfter(w.Wall(at))
			require.True(t, ok)
			require.GreaterOrEqual(t, found, monotonic.Instant(at))
			require.InDelta(t, at, int64(found), float64(distance)/100*percent+500)
			at = 1100 + distance
			found, ok = b.NotBefore(w.Wall(at))
			require.True(t, ok)
			require.LessOrEqual(t, found, monotonic.Instant(at))
			require.InDelta(t, at, int64(found), float64(distance)/100*percent+500)
		}
	}
}

func TestSteeringThatMayHaveChangedIsAsIfUnknown(t *testing.T) {
	w := wallclocktest.Steady()
	stamp := w.Wall(5_000_000)
	unknown := steered(w, 10_000)
	unknown.First.Steering, unknown.Last.Steering = wallclock.Steering{}, wallclock.Steering{}
	want, ok := unknown.NotAfter(stamp)
	require.True(t, ok)
	for name, change := range map[string]func(b *wallclock.Bracket){
		"unknown before":            func(b *wallclock.Bracket) { b.First.Steering = wallclock.Steering{} },
		"unknown after":             func(b *wallclock.Bracket) { b.Last.Steering = wallclock.Steering{} },
		"another tick":              func(b *wallclock.Bracket) { b.Last.Steering.Tick++ },
		"another frequency":         func(b *wallclock.Bracket) { b.Last.Steering.Frequency-- },
		"another offset":            func(b *wallclock.Bracket) { b.Last.Steering.Offset++ },
		"another status":            func(b *wallclock.Bracket) { b.Last.Steering.Status = 1 },
		"another error":             func(b *wallclock.Bracket) { b.Last.Steering.MaxError++ },
		"not in force before":       func(b *wallclock.Bracket) { b.First.Steering.Since = b.First.Steering.Coarse },
		"another second":            func(b *wallclock.Bracket) { b.Last.Steering.Read++ },
		"a second that begins late": func(b *wallclock.Bracket) { b.First.Steering.Begun-- },
		"a loop whose offset was replaced by none": func(b *wallclock.Bracket) {
			b.First.Steering.Told = wallclock.Told{Tick: 10_000, Status: 0x0041, MaxError: 16_000_000} // STA_PLL, STA_UNSYNC
			b.Last.Steering.Told = b.First.Steering.Told
		},
	} {
		b := steered(w, 10_000)
		narrow, ok := b.NotAfter(stamp)
		require.True(t, ok)
		require.Less(t, narrow, want)
		change(&b)
		got, ok := b.NotAfter(stamp)
		require.True(t, ok)
		require.Equal(t, want, got, name)
	}
}

func TestLooksThatFindTheSameInOneSecondCountFromTheFirst(t *testing.T) {
	look := func(coarse int64) wallclock.Steering {
		return wallclock.Steering{Told: wallclock.Told{Tick: 10_000}, Read: 17, Begun: 17, Coarse: coarse, Since: coarse}
	}
	first, second, third := look(4), look(8), look(8)
	second = second.After(first)
	require.EqualValues(t, 4, second.Since)
	require.EqualValues(t, 8, second.Coarse)
	require.EqualValues(t, 4, third.After(second).Since)
	for name, change := range map[string]func(*wallclock.Steering){
		"second":    func(s *wallclock.Steering) { s.Begun++ },
		"tick":      func(s *wallclock.Steering) { s.Tick++ },
		"frequency": func(s *wallclock.Steering) { s.Frequency++ },
		"offset":    func(s *wallclock.Steering) { s.Offset++ },
		"error":     func(s *wallclock.Steering) { s.MaxError++ },
		"status":    func(s *wallclock.Steering) { s.Status++ },
	} {
		other := look(8)
		change(&other)
		require.Equal(t, other, other.After(first), name)
	}
	require.Zero(t, wallclock.Steering{}.After(first))
}

// A kernel that follows a pulse per second slews more than mostSlewed.
func TestStampOfAKernelThatFollowsAPulseIsOfNoUse(t *testing.T) {
	const pulsePhase = 0x0004 // STA_PPSTIME
	w := wallclocktest.Steady()
	for name, tell := range map[string]func(b *wallclock.Bracket){
		"first": func(b *wallclock.Bracket) { b.First.Steering.Status = 0x2000 | pulsePhase },
		"last":  func(b *wallclock.Bracket) { b.Last.Steering.Status = 0x2000 | pulsePhase },
	} {
		b := steered(w, 10_000)
		tell(&b)
		_, ok := b.Stepped()
		require.False(t, ok, name)
		_, ok = b.NotAfter(w.Wall(5_000_000))
		require.False(t, ok, name)
	}
}

// A tick that was set and set back lowers or raises the average, but the rate is not taken to be
// below that of the tick, and what may come to it: 500 ppm of frequency and of adjtime each, and an oscillator that is
// as fast beside the counter as it may be.
func TestRateIsNotTakenToBeBelowThatOfTheTick(t *testing.T) {
	const drift = 2000
	fast := (1 + 999e-6) * (1 + wallclock.HostDriftPPM(drift)/1e6) / (1 - drift/1e6)
	w := wallclocktest.Scripted{Starts: []int64{0, 2_000_000, 7_000_000}, Rates: []float64{fast, 0.9, fast}}
	b := steered(w, 10_000)
	b.DriftPPM = drift
	for _, at := range []int64{7_100_000, 8_000_000, 9_900_000} {
		found, ok := b.NotAfter(w.Wall(at))
		require.True(t, ok)
		require.GreaterOrEqual(t, found, monotonic.Instant(at))
	}
	for _, at := range []int64{100_000, 1_500_000, 1_990_000} {
		found, ok := b.NotBefore(w.Wall(at))
		require.True(t, ok)
		require.LessOrEqual(t, found, monotonic.Instant(at))
	}
}

// The average says little of the end of a bracket if the frequency, the host's oscillator and the
// counter are at the one end of what they may be at first, and then at the other.
func TestRateMayChangeByWhatIsNotSteered(t *testing.T) {
	const drift, length, change, distance = 2000, 500_000_000, 495_000_000, 4_900_000
	host, counter := wallclock.HostDriftPPM(drift)/1e6, drift/1e6
	const ahead = 1.05 // an offset is slewed, so that the tick says nothing of the rate
	slow, fast := (ahead-500e-6)*(1-host)/(1+counter), (ahead+500e-6)*(1+host)/(1-counter)
	bracket := func(w wallclocktest.Scripted) wallclock.Bracket {
		b := steered(w, 10_000)
		steering := b.Last.Steering
		b.Last, b.DriftPPM = w.Reading(length, length+150, length+100, length+200), drift
		b.Last.Steering = steering
		return b
	}
	w := wallclocktest.Scripted{Starts: []int64{0, change}, Rates: []float64{slow, fast}}
	at, ok := bracket(w).NotAfter(w.Wall(length - distance))
	require.True(t, ok)
	require.GreaterOrEqual(t, at, monotonic.Instant(length-distance))
	w = wallclocktest.Scripted{Starts: []int64{0, length - change}, Rates: []float64{fast, slow}}
	at, ok = bracket(w).NotBefore(w.Wall(distance))
	require.True(t, ok)
	require.LessOrEqual(t, at, monotonic.Instant(distance))
}

// A step forward may be as large as the time between the two clocks of a reading, if they were read
// in the order that is not the best. One backwards makes no stamp earlier.
func TestStepThatDoesNotShowIsAllowedFor(t *testing.T) {
	const at, before, after = 9_996_000, 9_000_000, 9_997_000
	forward := wallclocktest.Steady(wallclocktest.Set{At: after, By: 800})
	back := wallclocktest.Steady(wallclocktest.Set{At: before, By: -400})
	first, last := []int64{1_000, 1_100, 1_150, 1_200}, []int64{10_000_000, 10_000_150, 10_000_100, 10_000_200}
	for name, c := range map[string]struct {
		w           wallclocktest.Scripted
		first, last []int64
	}{
		"first":   {forward, []int64{1_000, 1_900, 1_100, 2_000}, last},
		"last":    {forward, first, []int64{10_000_000, 10_000_050, 10_000_900, 10_001_000}},
		"neither": {forward, []int64{1_000, 1_050, 1_500, 2_000}, []int64{10_000_000, 10_000_500, 10_000_050, 10_001_000}},
		"back":    {back, first, last},
	} {
		read := func(at []int64) wallclock.Reading { return c.w.Reading(at[0], at[1], at[2], at[3]) }
		b := steered(c.w, 10_000)
		steering := b.First.Steering
		b.First, b.Last = read(c.first), read(c.last)
		b.First.Steering, b.Last.Steering = steering, steering
		found, ok := b.NotAfter(c.w.Wall(at))
		require.True(t, ok, name)
		require.GreaterOrEqual(t, found, monotonic.Instant(at), name)
	}
}
