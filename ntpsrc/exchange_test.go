package ntpsrc

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/monotonic"
	"github.com/epsilontime/epsilon/truetime"
)

// The exchanges below are worked by hand. The counter starts at 0 when true time is base, and both
// then run at the same rate; times are microseconds after that.
const base = truetime.Time(1_700_000_000_000_000_000)

func micro(n int64) truetime.Time { return base.Add(time.Duration(n) * time.Microsecond) }

func counterAt(n int64) monotonic.Instant { return monotonic.Instant(n * 1000) }

func worked(c1, t2, t3, c4 int64) exchange {
	return exchange{c1: counterAt(c1), t2: micro(t2), t3: micro(t3), c4: counterAt(c4)}
}

func TestExchangeGivesTwoFactsAtTwoInstants(t *testing.T) {
	// 300 µs there, 100 µs in the server, 200 µs back, and a server that is 40 µs fast and claims 50.
	s, err := worked(0, 340, 440, 600).facts(50 * time.Microsecond)
	require.NoError(t, err)
	require.Equal(t, truetime.Sample{
		Sent: counterAt(0), Latest: micro(390), // at 0 true time was 0: at most 390
		Received: counterAt(600), Earliest: micro(390), // at 600 true time was 600: at least 390
		Delay: 500 * time.Microsecond, Error: 50 * time.Microsecond,
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
	x.t3 += 1
	_, err = x.facts(e)
	require.NoError(t, err, "within the resolution of the counter")
	x.t3 += 1
	_, err = x.facts(e)
	require.ErrorIs(t, err, truetime.ErrUnusable)
}

// A true server keeps the request for a second, which a counter that is 200 ppm slow sees as
// 999.8 ms.
func TestServerThatKeepsARequestForLongIsNotALiar(t *testing.T) {
	_, err := worked(0, 10, 1_000_010, 999_820).facts(30 * time.Microsecond)
	require.NoError(t, err)
}

func TestServerWhoseStampsRunBackwardsIsRejected(t *testing.T) {
	// The server's clock is stepped back by 10 ms between its two stamps.
	_, err := worked(0, 200, 250-10_000, 500).facts(time.Second)
	require.ErrorIs(t, err, truetime.ErrUnusable)
	require.ErrorContains(t, err, "9.95ms before the request was received")
}

func TestCounterThatGoesBackDuringTheExchangeIsRejected(t *testing.T) {
	_, err := worked(500, 200, 250, 0).facts(time.Second)
	require.ErrorIs(t, err, truetime.ErrUnusable)
	require.ErrorContains(t, err, "counter went back by 500µs")
}
