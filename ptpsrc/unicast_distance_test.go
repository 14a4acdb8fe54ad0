package ptpsrc

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/facebook/time/ptp/protocol"
	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/internal/distance"
	"github.com/epsilontime/epsilon/monotonic"
	"github.com/epsilontime/epsilon/truetime"
)

func claimOf(t *testing.T, m time.Duration) (c distance.Claim) {
	t.Helper()
	require.NoError(t, c.SetMinDelay(m))
	return c
}

// narrowed is the sample of an exchange of which each way took m at least, and answered by is when
// the Delay_Resp had come.
func narrowed(t *testing.T, x exchange, e, m time.Duration, answered int64) (truetime.Sample, error) {
	t.Helper()
	s, err := x.facts(e)
	require.NoError(t, err)
	return x.narrow(s, nil, counterAt(answered), claimOf(t, m), new(distance.Record))
}

func TestDistanceImprovesBothFactsByM(t *testing.T) {
	// A Sync on its way from 0 to 300 µs, a Delay_Req from 400 to 600, which is answered at 800.
	const e, m = 50 * time.Microsecond, 200 * time.Microsecond
	x := worked(40, 300, 400, 640)
	plain, err := x.facts(e)
	require.NoError(t, err)
	s, err := narrowed(t, x, e, m, 800)
	require.NoError(t, err)
	require.Equal(t, plain.Latest.Add(-m), s.Latest)
	require.Equal(t, plain.Earliest.Add(m), s.Earliest)
	require.Equal(t, plain.Delay, s.Delay)
	require.Equal(t, m, s.MinDelay)
	require.Less(t, s.Latest.Sub(s.Earliest)/2, s.Delay/2)

	got, err := x.narrow(plain, nil, counterAt(800), distance.Claim{}, new(distance.Record))
	require.NoError(t, err)
	require.Equal(t, plain, got, "no claim changes nothing")
}

// The two facts of a server with a vague claim would leave room for a false distance. The round trip
// of the Delay_Req and its answer does not.
func TestDistanceIsDisprovedByTheFactsOrByTheAnswer(t *testing.T) {
	x := worked(0, 300, 400, 600) // 500 µs for both
	_, err := narrowed(t, x, 0, 250*time.Microsecond, 900)
	require.NoError(t, err)
	_, err = narrowed(t, x, 0, 251*time.Microsecond, 1000)
	require.ErrorIs(t, err, truetime.ErrRetracted)
	require.ErrorContains(t, err, "WithMinDelay(251µs) is disproved")

	_, err = narrowed(t, x, time.Second, 251*time.Microsecond, 1000)
	require.NoError(t, err, "the clock of the server may have gone wrong meanwhile")
	_, err = narrowed(t, x, time.Second, 251*time.Microsecond, 900)
	require.ErrorContains(t, err, "it took 500.503µs at most", "with 1000 ppm, resolution and rounding")
}

// A correction may count what the links take, as m does. The larger of the two counts for each
// message, and what is left is true whatever the correction was of.
func TestCorrectionsAndDistanceAreNotAddedUp(t *testing.T) {
	const m = 200 * time.Microsecond
	for _, c := range []struct {
		sync, delayReq           int64 // corrections, µs
		lowerBetter, upperBetter time.Duration
	}{
		{0, 0, m, m},
		{150, 200, m, m}, // peer to peer: the Sync is corrected by what its links take
		{300, 50, 300 * time.Microsecond, m},
		{50, 250, m, 250 * time.Microsecond},
	} {
		raw := worked(0, 300, 400, 700) // there is nothing in a switch: each took 300 µs on its links
		plain, err := raw.facts(0)
		require.NoError(t, err)
		x := worked(c.sync, 300, 400, 700-c.delayReq)
		x.syncOnTheWay, x.delayReqOnTheWay = time.Duration(c.sync)*time.Microsecond, time.Duration(c.delayReq)*time.Microsecond
		s, err := narrowed(t, x, 0, m, 1000)
		require.NoError(t, err)
		require.Equal(t, plain.Latest.Add(-c.upperBetter), s.Latest, "%+v", c)
		require.Equal(t, plain.Earliest.Add(c.lowerBetter), s.Earliest, "%+v", c)
		require.GreaterOrEqual(t, s.Latest, micro(400), "%+v: true time when the Delay_Req was sent", c)
		require.LessOrEqual(t, s.Earliest, micro(400), "%+v", c)
	}
	// 500 µs for both, of which the Sync is said to have taken 450 at least, and each 200.
	x := worked(450, 300, 400, 600)
	x.syncOnTheWay = 450 * time.Microsecond
	_, err := narrowed(t, x, 0, m, 1000)
	require.ErrorIs(t, err, truetime.ErrUnusable)
	require.ErrorContains(t, err, "exclude each other")
}

// A true server, a counter within its drift, corrections of every kind: the truth is in what
// follows, and a claim that is true is not disproved.
func TestFactsOfAFarServerWithinItsClaimHold(t *testing.T) {
	const seed = 16
	rng := rand.New(rand.NewPCG(seed, seed))
	upTo := func(d time.Duration) time.Duration { return time.Duration(rng.Int64N(int64(d) + 1)) }
	for i := range 50_000 {
		e, m := upTo(time.Microsecond<<rng.IntN(12)), 1+upTo(time.Microsecond<<rng.IntN(16))
		var way, corrected [2]time.Duration // of the Sync and of the Delay_Req
		for j := range way {
			links, kept := m, time.Duration(0)
			if rng.IntN(2) == 0 {
				links += upTo(m)
			}
			if rng.IntN(2) == 0 {
				kept = upTo(2 * m)
			}
			way[j] = links + kept
			corrected[j] = []time.Duration{0, kept, upTo(links + kept), links + kept}[rng.IntN(4)]
		}
		gap := upTo(time.Millisecond)
		rate := 0.9 + 0.2*rng.Float64()
		resolution := 1 + upTo(100*time.Nanosecond)
		read := func(true time.Duration) monotonic.Instant {
			return monotonic.Instant(time.Duration(float64(true)*rate) / resolution * resolution)
		}
		err := func() time.Duration { return []time.Duration{-e, e, 2*upTo(e) - e}[rng.IntN(3)] }
		x := exchange{
			received: read(way[0]), origin: fakeUTC.Add(err() + corrected[0]),
			sent: read(way[0] + gap), arrival: fakeUTC.Add(way[0] + gap + way[1] + err() - corrected[1]),
			ruler:        ruler{resolution, truetime.PollInfo{DriftPPM: truetime.MaxDriftPPM}},
			syncOnTheWay: corrected[0], delayReqOnTheWay: corrected[1],
		}
		s, failed := x.facts(e)
		require.NoError(t, failed)
		s, failed = x.narrow(s, nil, read(way[0]+gap+way[1]+m), claimOf(t, m), new(distance.Record))
		if failed != nil {
			t.Fatalf("seed %d, exchange %d: %v: %+v", seed, i, failed, x)
		}
		if now := fakeUTC.Add(way[0] + gap); s.Latest < now || s.Earliest > now {
			t.Fatalf("seed %d, exchange %d: at most %d, at least %d of the truth: %+v", seed, i, s.Latest-now, s.Earliest-now, x)
		}
	}
}

// A grandmaster of which each way takes 5 ms or more: its Syncs leave that much before they are
// sent here, a Delay_Req arrives that much later, and its answer takes as long again.
func TestDistanceIsTrueOverRealSockets(t *testing.T) {
	const way = 5 * time.Millisecond
	b := newBed(t, func(g *fakeGM) {
		g.every = 60 * time.Millisecond
		g.onFollowUp = func(f *protocol.FollowUp) bool { shift(&f.PreciseOriginTimestamp, -way); return true }
		g.onAnswer = func(r *protocol.DelayResp) bool {
			shift(&r.ReceiveTimestamp, way)
			time.Sleep(2 * way)
			return true
		}
	})
	source := b.source(WithMinDelay(way))
	for range 10 {
		s, err := source.Sample(t.Context(), b.counter)
		require.NoError(t, err)
		requireTrue(t, s)
		require.Equal(t, way, s.MinDelay)
		require.Less(t, s.Latest.Sub(s.Earliest)/2, s.Delay/2, "below half of both ways")
	}
}

func TestServerNextDoorIsNotFarAway(t *testing.T) {
	b := newBed(t, nil)
	source := b.source(WithMinDelay(time.Second), WithMaxDelay(time.Minute))
	var err error
	for range 20 {
		if _, err = source.Sample(t.Context(), b.counter); err != nil {
			break
		}
	}
	require.ErrorIs(t, err, truetime.ErrUnusable)
	require.ErrorContains(t, err, "WithMinDelay(1s) is disproved: by it the round trip takes 2s at least")
	require.ErrorContains(t, b.source(WithMinDelay(time.Second)).Info().Err, "above the limit of 1s that WithMaxDelay sets")
}
