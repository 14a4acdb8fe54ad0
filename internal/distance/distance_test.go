package distance

import (
	"errors"
	"math"
	"math/big"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/monotonic"
	"github.com/epsilontime/epsilon/truetime"
)

func claimOf(t *testing.T, kilometres float64, delay time.Duration) (c Claim) {
	t.Helper()
	if kilometres != 0 {
		require.NoError(t, c.SetDistance(kilometres))
	}
	if delay != 0 {
		require.NoError(t, c.SetMinDelay(delay))
	}
	return c
}

func TestLightTakesSoLong(t *testing.T) {
	for kilometres, want := range map[float64]time.Duration{
		299.792458: time.Millisecond,
		1:          3335,
		1000:       3_335_640,
		20_038:     66_839_573,
		0.0002:     0, // light goes 30 cm in a nanosecond
		0.0003:     1,
	} {
		require.Equal(t, want, claimOf(t, kilometres, 0).MinDelay(), "%v km", kilometres)
	}
}

// In exact arithmetic: light does not go farther than the distance within m, and does within m and a
// nanosecond.
func TestDelayOfADistanceIsRoundedDown(t *testing.T) {
	const seed = 7
	rng := rand.New(rand.NewPCG(seed, seed))
	way := func(m time.Duration) *big.Rat { // in km
		return new(big.Rat).Mul(big.NewRat(int64(m), 1e12), big.NewRat(lightSpeed, 1))
	}
	check := func(kilometres float64) {
		d, m := new(big.Rat).SetFloat64(kilometres), claimOf(t, kilometres, 0).MinDelay()
		require.LessOrEqual(t, way(m).Cmp(d), 0, "seed %d: %v km are less than light goes in %v", seed, kilometres, m)
		require.Greater(t, way(m+1).Cmp(d), 0, "seed %d: %v km are more than light goes in %v", seed, kilometres, m+1)
	}
	for range 1_000 {
		check(MaxKilometres * (1 - rng.Float64()))
		exact, _ := way(time.Duration(1 + rng.IntN(66_000_000))).Float64() // the nearest to a whole number of nanoseconds
		for _, d := range []float64{exact, math.Nextafter(exact, 0), math.Nextafter(exact, math.Inf(1))} {
			check(d)
		}
	}
}

func TestTheLargerClaimCounts(t *testing.T) {
	require.Equal(t, 5*time.Millisecond, claimOf(t, 1000, 5*time.Millisecond).MinDelay())
	require.Equal(t, "WithMinDelay(5ms)", claimOf(t, 1000, 5*time.Millisecond).String())
	require.EqualValues(t, 3_335_640, claimOf(t, 1000, time.Millisecond).MinDelay())
	require.Equal(t, "WithDistance(1000)", claimOf(t, 1000, time.Millisecond).String())
	require.Zero(t, Claim{}.MinDelay())
	require.Equal(t, "no distance", Claim{}.String())
}

func TestClaimsOutOfRangeAreRefusedAndChangeNothing(t *testing.T) {
	c := claimOf(t, 1000, time.Millisecond)
	was := c
	for _, d := range []float64{0, -1, 20_038.001, math.Inf(1), math.Inf(-1), math.NaN(), math.MaxFloat64, -math.SmallestNonzeroFloat64} {
		require.ErrorContains(t, c.SetDistance(d), "must be above 0 and at most 20038", "%v", d)
	}
	for _, d := range []time.Duration{0, -1, time.Second + 1, math.MaxInt64, math.MinInt64} {
		require.ErrorContains(t, c.SetMinDelay(d), "must be above 0 and at most 1s", "%v", d)
	}
	require.Equal(t, was, c)
	require.NoError(t, c.SetDistance(math.SmallestNonzeroFloat64))
	require.NoError(t, c.SetDistance(20_038))
	require.NoError(t, c.SetMinDelay(time.Second))
}

func TestClaimThatNoRoundTripWithinTheLimitCanMeetIsAMistake(t *testing.T) {
	c := claimOf(t, 0, 50*time.Millisecond)
	require.NoError(t, c.Within(100*time.Millisecond))
	require.ErrorContains(t, c.Within(100*time.Millisecond-1), "above the limit of 99.999999ms that WithMaxDelay sets")
	require.NoError(t, c.Within(0), "which is a mistake of its own")
	require.NoError(t, Claim{}.Within(1))
}

// exchange is one by which the counter starts at 0 at true time 0 and runs at the same rate.
type exchange struct {
	there, held, back time.Duration
	e                 time.Duration
	errT2, errT3      time.Duration // of the server's clock
}

const begun = truetime.Time(1_700_000_000_000_000_000)

func (x exchange) sample() truetime.Sample {
	return truetime.Sample{
		Sent: 0, Latest: begun.Add(x.there + x.errT2 + x.e),
		Received: monotonic.Instant(x.there + x.held + x.back), Earliest: begun.Add(x.there + x.held + x.errT3 - x.e),
		Claim: x.e,
	}
}

func TestBothFactsAreBetterByM(t *testing.T) {
	c := claimOf(t, 0, 2*time.Millisecond)
	x := exchange{there: 3 * time.Millisecond, held: time.Millisecond, back: 4 * time.Millisecond, e: 100 * time.Microsecond}
	var r Record
	s, err := r.Narrow(c, nil, x.sample(), truetime.ScaleUTC, 0)
	require.NoError(t, err)
	require.Equal(t, begun.Add(3*time.Millisecond-2*time.Millisecond+100*time.Microsecond), s.Latest, "T2 − m + E")
	require.Equal(t, begun.Add(4*time.Millisecond+2*time.Millisecond-100*time.Microsecond), s.Earliest, "T3 + m − E")
	require.Equal(t, 2*time.Millisecond, s.MinDelay)
	width := s.Latest.Sub(s.Earliest) + s.Received.Sub(s.Sent)
	require.Equal(t, 2*(7*time.Millisecond/2-2*time.Millisecond+100*time.Microsecond), width, "twice δ/2 − m + E")

	s, err = r.Narrow(Claim{}, nil, x.sample(), truetime.ScaleUTC, 0)
	require.NoError(t, err)
	require.Equal(t, x.sample(), s, "no claim changes nothing")
}

// Neither way takes less than m, and one of them exactly that. The truth is on an end and not beyond.
func TestPathsAsShortAsDeclaredPutTheTruthOnAnEnd(t *testing.T) {
	const m = 2 * time.Millisecond
	var r Record
	s, err := r.Narrow(claimOf(t, 0, m), nil, exchange{there: m, back: m}.sample(), truetime.ScaleUTC, 0)
	require.NoError(t, err)
	require.Equal(t, begun, s.Latest, "true time at c1, exactly")
	require.Equal(t, begun.Add(2*m), s.Earliest, "true time at c4, exactly")
}

// The server's stamps may be anywhere within E, of which the turn-around looks longer, or shorter
// than none at all. None of that disproves a claim that is true, to the nanosecond.
func TestTrueClaimIsNeverDisprovedAndFactsHold(t *testing.T) {
	const seed = 3
	rng := rand.New(rand.NewPCG(seed, seed))
	upTo := func(d time.Duration) time.Duration { return time.Duration(rng.Int64N(int64(d) + 1)) }
	for i := range 50_000 {
		c := claimOf(t, 0, 1+upTo(time.Microsecond<<rng.IntN(20)-1))
		m := c.MinDelay()
		x := exchange{there: m, held: upTo(time.Microsecond << rng.IntN(20)), back: m, e: upTo(time.Microsecond << rng.IntN(18))}
		if rng.IntN(2) == 0 {
			x.there += upTo(m)
		}
		if rng.IntN(2) == 0 {
			x.back += upTo(m)
		}
		edge := func() time.Duration { return []time.Duration{-x.e, x.e, 2*upTo(x.e) - x.e}[rng.IntN(3)] }
		x.errT2, x.errT3 = edge(), edge()
		var r Record
		s, err := r.Narrow(c, nil, x.sample(), truetime.ScaleUTC, 0)
		switch over := begun.Add(x.there + x.held + x.back); {
		case err != nil:
			t.Fatalf("seed %d, exchange %d: %v: %+v, m %v", seed, i, err, x, m)
		case s.Latest < begun || s.Earliest > over:
			t.Fatalf("seed %d, exchange %d: Latest is %v, Earliest %v of the truth: %+v, m %v", seed, i, s.Latest.Sub(begun), s.Earliest.Sub(over), x, m)
		case s.Latest.Add(s.Received.Sub(s.Sent)) < s.Earliest:
			t.Fatalf("seed %d, exchange %d: the facts contradict each other: %+v, m %v", seed, i, x, m)
		}
	}
}

func TestRoundTripThatIsTooShortDisproves(t *testing.T) {
	c := claimOf(t, 1000, 0)
	m := c.MinDelay()
	for name, x := range map[string]exchange{
		"by a nanosecond":                    {there: m, back: m - 1},
		"though the server took long":        {there: m, held: time.Second, back: m - 1},
		"though the server took long, and E": {there: m, held: time.Second, back: m - 1, e: 5, errT2: -5, errT3: 5},
		"though its stamps are turned round": {there: m, held: 0, back: m - 1, e: time.Second, errT2: time.Second, errT3: -time.Second},
		"next door":                          {there: 10 * time.Microsecond, back: 20 * time.Microsecond},
	} {
		var r Record
		s, err := r.Narrow(c, nil, x.sample(), truetime.ScaleUTC, 0)
		require.ErrorIs(t, err, truetime.ErrRetracted, name)
		require.ErrorContains(t, err, "WithDistance(1000) is disproved", name)
		require.Zero(t, s, name)
		require.NoError(t, new(Record).Check(c, nil, 2*m), name)
	}
	err := new(Record).Check(c, nil, 1_200_000)
	require.ErrorContains(t, err, "the round trip takes 6.67128ms at least, and it took 1.2ms at most, which WithDistance(179.8) or WithMinDelay(600µs) would fit")
	err = new(Record).Check(claimOf(t, 1000, 5*time.Millisecond), nil, 6_680_000)
	require.ErrorContains(t, err, "WithMinDelay(5ms) is disproved")
	require.NotContains(t, new(Record).Check(c, nil, -time.Second).Error(), "-", "of a counter that went wrong")
	require.Less(t, len(err.Error()), 400)
	require.False(t, strings.Contains(err.Error(), "\n"))
}

// What the counter may not have seen is no disproof.
func TestSlackIsAllowedFor(t *testing.T) {
	c := claimOf(t, 0, time.Millisecond)
	x := exchange{there: time.Millisecond, back: time.Millisecond - 500}
	_, err := new(Record).Narrow(c, nil, x.sample(), truetime.ScaleUTC, 499)
	require.Error(t, err)
	_, err = new(Record).Narrow(c, nil, x.sample(), truetime.ScaleUTC, 500)
	require.NoError(t, err)
}

// While a second is inserted smeared UTC counts 86 400 where 86 401 pass, and while one is removed
// 86 400 where 86 399 do. No claim that is true is wrong or disproved by either, and without the
// allowance both happen.
func TestSmearedSecondsAreNotSecondsOfLight(t *testing.T) {
	const m = 800 * time.Millisecond
	c := claimOf(t, 0, m)
	shown := func(si time.Duration, seconds int64) time.Duration { // rounded down
		d := new(big.Int).Mul(big.NewInt(int64(si)), big.NewInt(86_400))
		return time.Duration(d.Quo(d, big.NewInt(seconds)).Int64())
	}
	for _, seconds := range []int64{86_401, 86_400, 86_399} {
		const held = 3 * time.Second
		arrived, left, back := shown(m, seconds), shown(m+held, seconds), shown(m+held+m, seconds)
		s := truetime.Sample{Sent: 0, Latest: begun.Add(arrived + 1), Received: monotonic.Instant(m + held + m), Earliest: begun.Add(left)}
		got, err := new(Record).Narrow(c, nil, s, truetime.ScaleUTCSmeared, 0)
		require.NoError(t, err, "%d", seconds)
		require.GreaterOrEqual(t, got.Latest, begun, "%d", seconds)
		require.LessOrEqual(t, got.Earliest, begun.Add(back), "%d", seconds)
		require.Less(t, m-got.MinDelay, 10*time.Microsecond, "%d: no more than that is lost", seconds)

		stepped, err := new(Record).Narrow(c, nil, s, truetime.ScaleUTC, 0)
		switch seconds {
		case 86_401:
			require.Less(t, stepped.Latest, begun, "and is wrong by %v", begun.Sub(stepped.Latest))
		case 86_399:
			require.Error(t, err)
		}
	}
}

// A claim that was disproved does not become true when the network is congested.
func TestClaimThatWasDisprovedHasToRequalify(t *testing.T) {
	c := claimOf(t, 1000, 0)
	const short, long = time.Millisecond, time.Second
	var r Record
	fits := func(n int) {
		t.Helper()
		for range n {
			require.NoError(t, r.Check(c, nil, long))
		}
	}
	disproves := func() {
		t.Helper()
		require.ErrorContains(t, r.Check(c, nil, short), "is disproved")
	}
	refused := func(n int) {
		t.Helper()
		for range n {
			err := r.Check(c, nil, long)
			require.ErrorIs(t, err, truetime.ErrUnusable)
			require.ErrorContains(t, err, "is disproved")
			require.ErrorContains(t, err, "in an earlier exchange")
		}
	}
	fits(3)
	disproves()
	refused(requalify)
	fits(100) // it may have been the machine that was suspended
	disproves()
	refused(requalify - 1)
	disproves() // and counting begins anew
	refused(requalify)
	fits(1)
	disproves()
	refused(1)
	require.NoError(t, r.Check(Claim{}, nil, 0), "no claim is never disproved")
}

// One clock has a counter that stands still, so that no round trip takes any time.
func TestCounterThatStandsStillDisprovesForNobodyElse(t *testing.T) {
	c := claimOf(t, 1000, 0)
	var r Record
	var stopped, running monotonic.Manual
	for range 10 {
		require.Error(t, r.Check(c, &stopped, 0))
		require.NoError(t, r.Check(c, &running, time.Second))
	}
	require.Error(t, r.Check(c, &stopped, time.Second))
}

func TestRecordServesSeveralClocks(t *testing.T) {
	c := claimOf(t, 1000, 0)
	var r Record
	var all sync.WaitGroup
	var disproved [8]int
	for i := range disproved {
		all.Go(func() {
			for n := range 500 {
				if err := r.Check(c, nil, time.Duration(1+n%2*1e9)); errors.Is(err, truetime.ErrUnusable) {
					disproved[i]++
				}
			}
		})
	}
	all.Wait()
	for _, n := range disproved {
		require.GreaterOrEqual(t, n, 250)
	}
}
