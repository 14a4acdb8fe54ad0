package wallclock_test

import (
	"slices"
	"sort"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/epsilontime/epsilon/internal/testing/wallclocktest"
	"github.com/epsilontime/epsilon/internal/wallclock"
	"github.com/epsilontime/epsilon/monotonic"
)

const second = int64(time.Second)

// steered is a bracket from 1 µs to 10 ms, of a kernel that says the same before it and after.
func steered(w wallclocktest.Scripted, tick int64) wallclock.Bracket {
	b := wallclock.Bracket{First: w.Reading(1000, 1100, 1150, 1200), Last: w.Reading(10_000_000, 10_000_150, 10_000_100, 10_000_200)}
	b.First.Steering = wallclock.Steering{Tick: tick, Begun: 17, Read: 17}
	b.Last.Steering = b.First.Steering
	return b
}

func TestKnownSteeringFindsAStampWithinAPercentOfItsDistance(t *testing.T) {
	for _, tick := range []int64{9_000, 10_000, 11_000} {
		w := wallclocktest.Scripted{Starts: []int64{0}, Rates: []float64{float64(tick) / 10_000}}
		b := steered(w, tick)
		for _, distance := range []int64{20_000, 200_000, 5_000_000} {
			at := 10_000_150 - distance
			found, ok := b.NotAfter(w.Wall(at))
			require.True(t, ok)
			require.GreaterOrEqual(t, found, monotonic.Instant(at))
			require.InDelta(t, at, int64(found), float64(distance)/100+500)
			at = 1100 + distance
			found, ok = b.NotBefore(w.Wall(at))
			require.True(t, ok)
			require.LessOrEqual(t, found, monotonic.Instant(at))
			require.InDelta(t, at, int64(found), float64(distance)/100+500)
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
		"another second":            func(b *wallclock.Bracket) { b.Last.Steering.Read++ },
		"a second that begins late": func(b *wallclock.Bracket) { b.First.Steering.Begun-- },
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

// A tick that was set and set back lowers or raises the average, but the rate is not taken to be
// below that of the tick.
func TestRateIsNotTakenToBeBelowThatOfTheTick(t *testing.T) {
	w := wallclocktest.Scripted{Starts: []int64{0, 2_000_000, 7_000_000}, Rates: []float64{1, 0.9, 1}}
	b := steered(w, 10_000)
	for _, at := range []int64{8_000_000, 9_900_000} {
		found, ok := b.NotAfter(w.Wall(at))
		require.True(t, ok)
		require.GreaterOrEqual(t, found, monotonic.Instant(at))
	}
	found, ok := b.NotBefore(w.Wall(1_500_000))
	require.True(t, ok)
	require.LessOrEqual(t, found, monotonic.Instant(1_500_000))
}

// kernel is a wall clock that a kernel steers, near the end of a second of it. It does not say that
// the frequency changes, as if it had been told before.
type kernel struct {
	wallclocktest.Scripted
	ticks    []int64 // for each span of the script
	overflow int64   // the moment of second_overflow
}

func (k kernel) steering(at int64) wallclock.Steering {
	s := wallclock.Steering{Begun: wallclocktest.Epoch / second, Read: k.Wall(at) / second}
	if at >= k.overflow {
		s.Begun++
	}
	for i, start := range k.Starts {
		if start <= at {
			s.Tick = k.ticks[i]
		}
	}
	return s
}

// drawKernel draws one, and a moment shortly before or after the end of the second.
func drawKernel(t *rapid.T, drift float64) (k kernel, begin int64) {
	host := wallclock.HostDriftPPM(drift)
	within := func(ppm float64, label string) float64 {
		return rapid.OneOf(rapid.SampledFrom([]float64{-ppm, 0, ppm}), rapid.Float64Range(-ppm, ppm)).Draw(t, label) / 1e6
	}
	tick := func() int64 {
		return rapid.OneOf(rapid.SampledFrom([]int64{9_000, 10_000, 11_000}), rapid.Int64Range(9_000, 11_000)).Draw(t, "tick")
	}
	span := func() (frequency, unslewed float64) {
		return within(500, "frequency"), (1 + within(host, "host")) / (1 + within(drift, "counter"))
	}
	offset := func() float64 { return within(125_500, "offset and adjtime") }
	before, after := offset(), offset()
	frequency, unslewed := span()
	ticks := []int64{tick()}
	rate := func(offset float64) float64 {
		return (float64(ticks[len(ticks)-1])/10_000 + frequency + offset) * unslewed
	}
	k.Starts, k.Rates = []int64{0}, []float64{rate(before)}
	rates := []float64{rate(after)} // from second_overflow on
	begin = int64(float64(second)/k.Rates[0]) - rapid.Int64Range(-1_000_000, 2_000_000).Draw(t, "before the end of the second")
	changed := rapid.IntRange(0, 4).Draw(t, "the tick is changed at")
	for i := range rapid.IntRange(0, 4).Draw(t, "changes") {
		k.Starts = append(k.Starts, max(begin, k.Starts[i])+rapid.Int64Range(0, 500_000).Draw(t, "at"))
		frequency, unslewed = span()
		if i == changed {
			ticks = append(ticks, tick())
		} else {
			ticks = append(ticks, ticks[i])
		}
		k.Rates, rates = append(k.Rates, rate(before)), append(rates, rate(after))
	}
	k.overflow = int64(sort.Search(int(2*second), func(at int) bool { return k.Wall(int64(at)) >= wallclocktest.Epoch+second }))
	k.overflow += rapid.Int64Range(0, 500_000).Draw(t, "late")
	// A span that it is in is split, and all after that has the other rates.
	i := sort.Search(len(k.Starts), func(i int) bool { return k.Starts[i] > k.overflow })
	k.Starts = slices.Insert(k.Starts, i, k.overflow)
	k.Rates = append(k.Rates[:i:i], rates[i-1:]...)
	k.ticks = slices.Insert(ticks, i, ticks[i-1])
	return k, begin
}

// However the kernel is steered, as long as nobody sets the tick and sets it back, what is said of a
// stamp is true.
func TestWhatAStampProvesWithKnownSteeringIsTrue(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		drift := rapid.SampledFrom([]float64{0, 200, 60_000}).Draw(t, "drift")
		k, begin := drawKernel(t, drift)
		at := [12]int64{begin}
		for i := 1; i < len(at); i++ {
			at[i] = at[i-1] + rapid.OneOf(rapid.Int64Range(0, 300), rapid.Int64Range(0, 300_000)).Draw(t, "later")
		}
		b := wallclock.Bracket{First: k.Reading(at[1], at[2], at[3], at[4]), Last: k.Reading(at[7], at[9], at[8], at[10]), DriftPPM: drift}
		b.First.Steering, b.Last.Steering = k.steering(at[0]), k.steering(at[11])
		sent, received := at[5], at[6]
		if from, ok := b.NotBefore(k.Wall(sent)); ok && int64(from) > sent {
			t.Fatalf("sent at %d, and said to be not before %d", sent, from)
		}
		if to, ok := b.NotAfter(k.Wall(received)); ok && int64(to) < received {
			t.Fatalf("received at %d, and said to be not after %d", received, to)
		}
	})
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
