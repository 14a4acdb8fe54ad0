package wallclock_test

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/internal/testing/wallclocktest"
	"github.com/epsilontime/epsilon/internal/wallclock"
)

// steeredKernel is a wall clock that a kernel steers, event by event: what it tells, and the rate that is in
// force, each from the moment when it changes. The rules are those of kernel/time/ntp.c and timekeeping.c.
type steeredKernel struct {
	wallclocktest.Scripted
	*rand.Rand
	drift  float64
	events []int64              // when something changes
	looks  []wallclock.Steering // what a look finds from then on, but for the second that it is read in

	frequency, offset, adjtime float64 // of the rate, as stored
	now                        wallclock.Steering
}

const (
	unsynchronized = 0x0040     // STA_UNSYNC
	mostError      = 16_000_000 // µs: NTP_PHASE_LIMIT
)

// within draws a number, often the one end or the other.
func (k *steeredKernel) within(ppm float64) float64 {
	return max(-1, min(1, 4*k.Float64()-2)) * ppm / 1e6
}

func (k *steeredKernel) often() bool { return k.IntN(2) == 0 }

func (k *steeredKernel) drawTick() { k.now.Tick = 10_000 + int64(k.within(1e9)) }

// stored is the rate that timekeeping_advance will put into force.
func (k *steeredKernel) stored() float64 {
	return float64(k.now.Tick)/10_000 + k.frequency + k.offset + k.adjtime
}

// run puts a rate into force, at which the oscillator and the counter have another error each time.
func (k *steeredKernel) run(at int64, rate float64) {
	host := wallclock.HostDriftPPM(k.drift)
	k.Starts = append(k.Starts, at)
	k.Rates = append(k.Rates, rate*(1+k.within(host))/(1+k.within(k.drift)))
}

// tells remembers what looks find from now on.
func (k *steeredKernel) tells(at int64) {
	k.events, k.looks = append(k.events, at), append(k.looks, k.now)
}

// interrupt is timekeeping_advance at a timer interrupt.
func (k *steeredKernel) interrupt(at int64, mayCarry bool) {
	wall := k.Wall(at)
	over := wall/second > k.now.Begun
	carried := over && mayCarry
	if over && !carried {
		k.overflow()
	}
	k.run(at, k.stored())
	k.now.Coarse = wall
	if carried { // by rounding, after the rate was put into force
		k.overflow()
		k.now.Coarse = min(wall, k.now.Begun*second+k.Int64N(3_000_000))
	}
	k.tells(at)
}

// overflow is second_overflow.
func (k *steeredKernel) overflow() {
	k.now.Begun++
	k.now.MaxError = min(k.now.MaxError+500, mostError)
	if k.now.Offset != 0 {
		k.offset = k.within(125_000)
		k.now.Offset++
	}
	k.adjtime = k.within(500)
}

// clear is ntp_clear.
func (k *steeredKernel) clear(at int64) {
	k.offset, k.adjtime = 0, 0
	k.now.Offset, k.now.MaxError, k.now.Status = 0, mostError, k.now.Status|unsynchronized
	k.now.Coarse = k.Wall(at) // timekeeping_forward_now
	k.tells(at)
}

// happens lets something happen that is not the kernel's own doing. No daemon says twice the same.
func (k *steeredKernel) happens(what string, at int64) {
	switch what {
	case "stored": // by adjtimex, and not in force
		k.drawTick()
		fallthrough
	case "looped":
		k.now.Frequency++
		k.frequency = k.within(500)
		k.tells(at)
	case "resumed": // by what is left of adjtimex
		k.run(at, k.stored())
	case "clocksource":
		k.clear(at)
		k.run(at, 1)
	}
}

// kernelCase is what may happen to a kernel besides.
type kernelCase struct {
	may      []string
	mayCarry bool
	cleared  bool // just before the first look
}

// drawSteeredKernel draws one near the end of a second of it.
func drawSteeredKernel(random *rand.Rand, drift float64, c kernelCase) (k *steeredKernel, begin int64) {
	k = &steeredKernel{Rand: random, drift: drift}
	k.drawTick()
	k.now.Begun, k.now.Coarse = wallclocktest.Epoch/second, wallclocktest.Epoch
	k.now.Status, k.now.MaxError = unsynchronized, mostError
	k.frequency, k.adjtime = k.within(500), k.within(500)
	if k.often() {
		k.now.Offset = 1_000
		k.offset = k.within(125_000)
	}
	if k.often() {
		k.now.Status, k.now.MaxError = 0, 1_000
	}
	k.run(0, k.stored())
	k.tells(0)
	begin = int64(float64(second)/k.Rates[0]) - k.Int64N(8_000_000)
	at := begin
	if c.cleared {
		k.clear(at)
	}
	for range k.IntN(10) {
		at += 1 + k.Int64N(800_000)
		if i := k.IntN(len(c.may) + 2); i < len(c.may) {
			k.happens(c.may[i], at)
		} else {
			k.interrupt(at, c.mayCarry)
		}
	}
	return k, begin
}

// look is what adjtimex tells at a moment, and CLOCK_REALTIME_COARSE.
func (k *steeredKernel) look(at int64) wallclock.Steering {
	var s wallclock.Steering
	for i, from := range k.events {
		if from <= at {
			s = k.looks[i]
		}
	}
	s.Read, s.Since = k.Wall(at)/second, s.Coarse
	return s
}

// However the kernel is steered, and whether it does already what it says or not, as long as nobody sets the tick and sets
// it back, what is said of a stamp is true.
func TestWhatAStampProvesWithKnownSteeringIsTrue(t *testing.T) {
	for name, c := range map[string]kernelCase{
		"undisturbed":                 {},
		"stored and not in force yet": {may: []string{"stored", "resumed"}},
		"steered by the loop":         {may: []string{"looped"}},
		"set just before":             {cleared: true},
		"another clocksource":         {may: []string{"clocksource"}},
		"carried into a second":       {mayCarry: true},
		"all of it":                   {[]string{"stored", "resumed", "looped", "clocksource"}, true, true},
	} {
		t.Run(name, func(t *testing.T) {
			sharp := 0
			for seed := range uint64(40_000) {
				random := rand.New(rand.NewPCG(seed, 0))
				drift := []float64{0, 0, 200, 60_000}[random.IntN(4)]
				k, begin := drawSteeredKernel(random, drift, c)
				at := [14]int64{begin}
				for i := 1; i < len(at); i++ {
					most := int64(300)
					if i <= 2 || i == 7 || i == 9 || random.IntN(8) == 0 { // between looks, and on either side of a stamp
						most = 1_200_000
					}
					at[i] = at[i-1] + random.Int64N(most)
				}
				b := wallclock.Bracket{First: k.Reading(at[3], at[4], at[5], at[6]), Last: k.Reading(at[9], at[11], at[10], at[12]), DriftPPM: drift}
				blunt := b
				b.First.Steering = k.look(at[2]).After(k.look(at[1]).After(k.look(at[0])))
				b.Last.Steering = k.look(at[13])
				sent, received := at[7], at[8]
				from, ok := b.NotBefore(k.Wall(sent))
				if ok && int64(from) > sent {
					t.Fatalf("seed %d: sent at %d, and said to be not before %d", seed, sent, from)
				}
				if bluntly, _ := blunt.NotBefore(k.Wall(sent)); ok && bluntly < from {
					sharp++
				}
				if to, ok := b.NotAfter(k.Wall(received)); ok && int64(to) < received {
					t.Fatalf("seed %d: received at %d, and said to be not after %d", seed, received, to)
				}
			}
			require.Greater(t, sharp, 2000, "few stamps are worth more for it")
		})
	}
}
