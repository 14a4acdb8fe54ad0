package realtimeclock

import (
	"errors"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/monotonic"
)

// guest is a virtual machine whose real-time clock goes on while it is stopped.
type guest struct {
	counter int64   // ns
	clock   float64 // ns
	rate    float64 // of the clock by the counter, less 1
	failing bool
	reads   int
}

func (g *guest) run(d time.Duration)  { g.counter += int64(d); g.clock += float64(d) * (1 + g.rate) }
func (g *guest) stop(d time.Duration) { g.clock += float64(d) }
func (g *guest) watch() *Watch {
	return New(func() (int64, error) {
		g.reads++
		if g.run(50 * time.Microsecond); g.failing {
			return 0, errors.New("no")
		}
		return int64(g.clock / 1e9), nil
	}, func() monotonic.Instant { return monotonic.Instant(g.counter) })
}

const look = 1500 * time.Millisecond

func TestAStopShowsAtTheNextLook(t *testing.T) {
	brief, missed := 0, 0
	for seed := range uint64(300) {
		rng := rand.New(rand.NewPCG(seed, 1))
		g := &guest{counter: rng.Int64N(1 << 50), clock: 1.8e18 + 1e9*rng.Float64(), rate: 1e-3*2*rng.Float64() - 1e-3}
		w := g.watch()
		for range rng.IntN(1000) + 1 {
			require.Empty(t, w.Look(), "seed %d: nothing has happened", seed)
			g.run(time.Duration(rng.Int64N(int64(2 * look))))
		}
		require.Empty(t, w.Look())
		stopped := 2*time.Second + time.Duration(rng.Int64N(int64([]time.Duration{2 * time.Second, time.Hour}[seed%2])))
		g.stop(stopped)
		g.run(look)
		if shown := w.Look(); stopped < 3*time.Second+20*time.Millisecond {
			if brief++; shown == "" {
				missed++
			}
			continue
		} else {
			require.Contains(t, shown, "has gained", "seed %d", seed)
		}
		for range 100 {
			g.run(look)
			require.Empty(t, w.Look(), "seed %d: it is told once", seed)
		}
	}
	t.Logf("%d of %d stops of 2 to 3 s did not show", missed, brief)
	require.Less(t, missed, brief/2)
}

// What time daemons and people do to the clock, or what it cannot say, is no sign.
func TestWhatIsNoSign(t *testing.T) {
	for name, happen := range map[string]func(*guest){
		"set back":                 func(g *guest) { g.clock -= 3600e9 },
		"set on by half a second":  func(g *guest) { g.clock += 0.5e9 },
		"stopped for less":         func(g *guest) { g.stop(900 * time.Millisecond) },
		"not to be read for a day": func(g *guest) { g.failing = true; g.run(24 * time.Hour) },
		"a counter that went back": func(g *guest) { g.counter -= 1e12 },
	} {
		g := &guest{counter: 1 << 50, clock: 1.8e18}
		w := g.watch()
		for range 100 {
			require.Empty(t, w.Look())
			g.run(look)
		}
		happen(g)
		for range 100 {
			require.Empty(t, w.Look(), name)
			g.failing = false
			g.run(look)
		}
	}
}

func TestItIsReadOnceASecondAtMost(t *testing.T) {
	g := &guest{counter: 1 << 50, clock: 1.8e18}
	w := g.watch()
	for range 10_000 {
		w.Look()
		g.run(time.Millisecond)
	}
	require.InDelta(t, 10, g.reads, 1)
}
