package wallclock_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/epsilontime/epsilon/internal/testing/testbed"
	"github.com/epsilontime/epsilon/internal/wallclock"
	"github.com/epsilontime/epsilon/monotonic"
)

// This kernel is steered by everything that it can be steered by. A stamp is a reading of CLOCK_REALTIME between two of
// the counter, so it is known to nanoseconds when it was made, and nothing that is said of it may contradict that.
func TestSteeredKernelFalsifiesNoStamp(t *testing.T) {
	testbed.MaySetTime(t)
	counter, err := monotonic.System()
	require.NoError(t, err)
	seed := rand.Uint64()
	rng := rand.New(rand.NewPCG(seed, 1))
	wait := func() {
		if rng.IntN(2) == 0 {
			time.Sleep(time.Duration(rng.IntN(2_000_000)))
		}
	}
	stop := testbed.SteerRealtime(t, seed)
	defer stop()
	sharp, blunt := 0, 0
	for range 4000 {
		if rng.IntN(2) == 0 {
			wallclock.Settle(t.Context(), counter, 10*time.Millisecond)
		}
		first, watch, err := wallclock.ReadSteered(counter)
		require.NoError(t, err)
		wait()
		before := counter.Now()
		var stamp unix.Timespec
		require.NoError(t, unix.ClockGettime(unix.CLOCK_REALTIME, &stamp))
		after := counter.Now()
		wait()
		last, err := wallclock.ReadLast(counter)
		require.NoError(t, err)
		bracket := wallclock.Bracket{First: first, Last: last, DriftPPM: 200}
		if watch.WasSet() {
			continue
		}
		if from, ok := bracket.NotBefore(stamp.Nano()); ok && from > after {
			t.Fatalf("seed %d: made at %v at the latest, and said to be not before %v (sharp: %v): %+v", seed, after, from, bracket.Sharp(), bracket)
		}
		if to, ok := bracket.NotAfter(stamp.Nano()); ok && to < before {
			t.Fatalf("seed %d: made at %v at the earliest, and said to be not after %v (sharp: %v): %+v", seed, before, to, bracket.Sharp(), bracket)
		}
		if bracket.Sharp() {
			sharp++
		} else {
			blunt++
		}
	}
	t.Logf("seed %d: %d sharp, %d not", seed, sharp, blunt)
	require.Positive(t, sharp, "how the kernel is steered was never known")
	require.Positive(t, blunt, "it never changed meanwhile")
}
