package ntpsrc

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/internal/testing/race"
	"github.com/epsilontime/epsilon/monotonic"
	"github.com/epsilontime/epsilon/truetime"
)

// The exchanges below are worked by hand. The counter starts at 0 when true time is base, and both
// then run at the same rate; times are microseconds after that.
const base = truetime.Time(1_700_000_000_000_000_000)

func micro(n int64) truetime.Time { return base.Add(time.Duration(n) * time.Microsecond) }

func counterAt(n int64) monotonic.Instant { return monotonic.Instant(n * 1000) }

func worked(c1, t2, t3, c4 int64) exchange {
	return exchange{c1: counterAt(c1), t2: micro(t2), t3: micro(t3), c4: counterAt(c4), resolution: 1, driftPPM: 200}
}

func TestExchangeGivesTwoFactsAtTwoInstants(t *testing.T) {
	// 300 µs there, 100 µs in the server, 200 µs back, and a server that is 40 µs fast and claims
	// 50.
	s, err := worked(0, 340, 440, 600).facts(50 * time.Microsecond)
	require.NoError(t, err)
	require.Equal(t, truetime.Sample{
		Sent: counterAt(0), Latest: micro(390), // at 0 true time was 0: at most 390
		Received: counterAt(600), Earliest: micro(390), // at 600 true time was 600: at least 390
		Delay: 500 * time.Microsecond, Claim: 50 * time.Microsecond,
	}, s)
}

func TestOneSidedDelayPutsTheTruthOnAnEndAndNotBeyond(t *testing.T) {
	// All 1000 µs on the way there: the lower fact is exact. Half the delay would be 500 µs wrong.
	s, err := worked(0, 1000, 1000, 1000).facts(0)
	require.NoError(t, err)
	require.Equal(t, micro(1000), s.Earliest, "true time at c4, exactly")
	require.Equal(t, micro(1000), s.Latest, "1000 µs above true time at c1")

	// All of it on the way back: the upper fact is exact.
	s, err = worked(0, 0, 0, 1000).facts(0)
	require.NoError(t, err)
	require.Equal(t, micro(0), s.Latest, "true time at c1, exactly")
	require.Equal(t, micro(0), s.Earliest, "1000 µs below true time at c4")
}

func TestOverstatedProcessingTimeIsRejected(t *testing.T) {
	// The server says it kept the request for a second, in an exchange of 400 µs.
	_, err := worked(0, 200, 1_000_200, 400).facts(50 * time.Microsecond)
	require.ErrorIs(t, err, truetime.ErrUnusable)
	require.ErrorContains(t, err, "kept the request for 1s, but the exchange took 400µs and it claims an error of 50µs")
}

func TestNegativeDelayIsRejectedBeyondTwiceTheClaim(t *testing.T) {
	const e = 50 * time.Microsecond
	// 100 µs kept in an exchange of 0 µs: a server 50 µs slow at T2 and 50 µs fast at T3.
	s, err := worked(0, -50, 50, 0).facts(e)
	require.NoError(t, err)
	require.Equal(t, -100*time.Microsecond, s.Delay)
	require.Equal(t, s.Earliest, s.Latest, "only one moment is left")

	x := worked(0, -50, 50, 0)
	x.t3 += 2
	_, err = x.facts(e)
	require.NoError(t, err, "within the resolution of the counter, and rounding")
	x.t3 += 1
	_, err = x.facts(e)
	require.ErrorIs(t, err, truetime.ErrUnusable)

	x = worked(0, -50, 50, 0)
	x.t3, x.resolution = x.t3.Add(30*time.Microsecond), 30*time.Microsecond
	_, err = x.facts(e)
	require.NoError(t, err, "both readings are of one tick of a slow counter, 30 µs long")
}

// A true server keeps the request for a second, which a counter that is 200 ppm slow sees as
// 999.8 ms, and one that is as slow as a clock can be told, 100 000 ppm, as 900.
func TestServerThatKeepsARequestForLongIsNotALiar(t *testing.T) {
	_, err := worked(0, 10, 1_000_010, 999_820).facts(30 * time.Microsecond)
	require.NoError(t, err)
	_, err = worked(0, 10, 1_000_010, 900_020).facts(30 * time.Microsecond)
	require.ErrorIs(t, err, truetime.ErrUnusable)
	slow := worked(0, 10, 1_000_010, 900_020)
	slow.driftPPM = truetime.MaxDriftPPM
	_, err = slow.facts(30 * time.Microsecond)
	require.NoError(t, err)
}

// Requests are stamped by a network card and replies by the system clock, which is 3 µs behind it.
func TestStampsThatAreReversedWithinTheClaimAreUsed(t *testing.T) {
	const e = 2 * time.Microsecond
	s, err := worked(0, 20, 17, 50).facts(e)
	require.NoError(t, err)
	require.Equal(t, truetime.Sample{
		Sent: counterAt(0), Latest: micro(22),
		Received: counterAt(50), Earliest: micro(15),
		Delay: 53 * time.Microsecond, Claim: e,
	}, s)
	x := worked(0, 20, 16, 50)
	_, err = x.facts(e)
	require.NoError(t, err, "one moment is left")
	x.t3--
	_, err = x.facts(e)
	require.ErrorIs(t, err, truetime.ErrUnusable)
	require.ErrorContains(t, err, "WithExtraError")
}

// The oracle tries every pair of moments at which the server may have received and sent, in
// nanoseconds.
func TestExchangeIsRefusedIfAndOnlyIfNoTrueServerCanHaveHadIt(t *testing.T) {
	possible := func(t2, t3, e, longest int) bool {
		for received := t2 - e; received <= t2+e; received++ {
			for sent := max(received, t3-e); sent <= t3+e; sent++ {
				if sent-received <= longest {
					return true
				}
			}
		}
		return false
	}
	exchanges := 0
	for _, resolution := range []int{1, 4} {
		for lasted := range 24 {
			// The counter shows at least 9/10 of what passes, less a resolution and a rounding.
			longest := (lasted + resolution + 1) * 10 / 9
			if lasted%2 == 0 { // or, with a drift of 0, all of it
				longest = lasted + resolution + 1
			}
			for e := range 6 {
				for t3 := -20; t3 <= 45; t3++ {
					x := exchange{c1: 0, t2: base, t3: base.Add(time.Duration(t3)), c4: monotonic.Instant(lasted), resolution: time.Duration(resolution), driftPPM: float64(lasted%2) * truetime.MaxDriftPPM}
					_, err := x.facts(time.Duration(e))
					require.Equal(t, possible(0, t3, e, longest), err == nil, "T3 − T2 %d, E %d, lasted %d, resolution %d: %v", t3, e, lasted, resolution, err)
					exchanges++
				}
			}
		}
	}
	t.Logf("%d exchanges", exchanges)
}

// Any server within its claim on any admissible counter is believed, and the truth is in what
// follows.
func TestFactsOfAServerWithinItsClaimHold(t *testing.T) {
	t.Parallel()
	const seed = 15
	rng := rand.New(rand.NewPCG(seed, seed))
	upTo := func(d time.Duration) time.Duration { return time.Duration(rng.Int64N(int64(d) + 1)) }
	for i := range race.Count(200_000, 50_000) {
		e := upTo(time.Microsecond << rng.IntN(12))
		there, kept, back := upTo(time.Microsecond<<rng.IntN(20)), upTo(time.Microsecond<<rng.IntN(20)), upTo(time.Microsecond<<rng.IntN(20))
		rate := 0.9 + 0.2*rng.Float64() // of the counter: 100 000 ppm
		resolution := 1 + upTo(30*time.Microsecond)
		offset := upTo(resolution)
		read := func(true time.Duration) monotonic.Instant { // whole ticks
			return monotonic.Instant((time.Duration(float64(true)*rate) + offset) / resolution * resolution)
		}
		x := exchange{
			c1: read(0), c4: read(there + kept + back), resolution: resolution, driftPPM: truetime.MaxDriftPPM,
			t2: base.Add(there + 2*upTo(e) - e),
			t3: base.Add(there + kept + 2*upTo(e) - e),
		}
		s, err := x.facts(e)
		require.NoError(t, err, "seed %d, exchange %d: %+v, E %v", seed, i, x, e)
		require.GreaterOrEqual(t, s.Latest, base, "seed %d, exchange %d", seed, i)
		require.LessOrEqual(t, s.Earliest, base.Add(there+kept+back), "seed %d, exchange %d", seed, i)
	}
}

func TestServerWhoseStampsRunBackwardsIsRejected(t *testing.T) {
	// The server's clock is stepped back by 10 ms between its two stamps.
	_, err := worked(0, 200, 250-10_000, 500).facts(time.Millisecond)
	require.ErrorIs(t, err, truetime.ErrUnusable)
	require.ErrorContains(t, err, "9.95ms before the request was received, more than twice the claimed error of 1ms")
}

func TestCounterThatGoesBackDuringTheExchangeIsRejected(t *testing.T) {
	_, err := worked(500, 200, 250, 0).facts(time.Second)
	require.ErrorIs(t, err, truetime.ErrUnusable)
	require.ErrorContains(t, err, "counter went back by 500µs")
}
