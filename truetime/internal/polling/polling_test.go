package polling

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func newSchedule(burst int) *Schedule {
	return New(Config{Min: 8 * time.Second, Max: 64 * time.Second, Burst: burst}, rand.NewPCG(1, 2))
}

// requireAbout checks a wait against an interval that jitter may only lengthen.
func requireAbout(t *testing.T, interval, wait time.Duration, why ...any) {
	t.Helper()
	require.GreaterOrEqual(t, wait, interval, why...)
	require.LessOrEqual(t, wait, interval+time.Duration(jitter*float64(interval)), why...)
}

func TestBurstComesFirstWhateverTheOutcome(t *testing.T) {
	s := newSchedule(4)
	requireAbout(t, burstSpacing, s.Answered(time.Millisecond))
	requireAbout(t, burstSpacing, s.TimedOut())
	requireAbout(t, burstSpacing, s.Answered(time.Millisecond))
	requireAbout(t, 8*time.Second, s.Answered(time.Millisecond))
}

func TestBurstIsNoSlowerThanTheOrdinaryPoll(t *testing.T) {
	s := New(Config{Min: 100 * time.Millisecond, Max: time.Second, Burst: 2}, rand.NewPCG(1, 2))
	requireAbout(t, 100*time.Millisecond, s.Answered(time.Millisecond))
}

func TestFailingSourceIsAskedLessAndLessAndFoundAgain(t *testing.T) {
	s := newSchedule(1)
	for _, seconds := range []int{8, 16, 32, 64, 64, 64} {
		requireAbout(t, time.Duration(seconds)*time.Second, s.Failed())
	}
	for range 1_000_000 {
		s.Failed()
	}
	requireAbout(t, 64*time.Second, s.Failed())
	requireAbout(t, 8*time.Second, s.Answered(time.Millisecond))
}

func TestFailingSourceIsAskedMoreOftenWhileThereIsNoAnswer(t *testing.T) {
	s := newSchedule(1)
	s.Urge(true)
	for _, seconds := range []int{8, 16, 32, 32, 32} {
		requireAbout(t, time.Duration(seconds)*time.Second, s.Failed())
	}
	s.Urge(false)
	requireAbout(t, 64*time.Second, s.Failed())
}

func TestRateLimitedSourceStaysSlow(t *testing.T) {
	s := newSchedule(4)
	requireAbout(t, 16*time.Second, s.SlowDown())
	requireAbout(t, 16*time.Second, s.Answered(time.Millisecond))
	requireAbout(t, 16*time.Second, s.Restart())
	requireAbout(t, 32*time.Second, s.SlowDown())
	requireAbout(t, 64*time.Second, s.SlowDown())
	requireAbout(t, 128*time.Second, s.SlowDown(), "beyond what the user set as the longest")
	for range 100 {
		s.SlowDown()
	}
	requireAbout(t, slowest, s.Answered(time.Millisecond))
	requireAbout(t, slowest, s.Failed())
	requireAbout(t, slowest, s.Failed())
}

// What a server asked for is halved after so many answers, so that all of it is gone after fewer than 2·patience times the
// slowest interval. One that complains again each time that it is asked more often is asked so ever less often.
func TestAComplaintIsForgivenByHalves(t *testing.T) {
	s := newSchedule(1)
	for range 20 {
		s.SlowDown()
	}
	require.True(t, s.HeldBack())
	waited := time.Duration(0)
	for want := slowest; want > 8*time.Second; want /= 2 {
		for range patience {
			require.Equal(t, want, s.Interval())
			waited += s.Interval()
			s.Answered(time.Millisecond)
		}
	}
	require.Equal(t, 8*time.Second, s.Interval())
	require.False(t, s.HeldBack())
	require.Less(t, waited, 2*patience*slowest)

	// It serves every 16 s and no more often.
	complaints, answers := 0, 0
	for range 10_000 {
		if s.Interval() < 16*time.Second {
			s.SlowDown()
			complaints++
			continue
		}
		s.Answered(time.Millisecond)
		answers++
	}
	require.Less(t, complaints, 20, "of %d answers", answers)

	for range 4 * patienceMax { // it changes its mind
		s.Answered(time.Millisecond)
	}
	require.Zero(t, s.patience, "and nothing is held against it any more")
	require.Equal(t, 8*time.Second, s.Interval())
}

func TestWhoDeniesServiceIsAskedAgainAfterDays(t *testing.T) {
	s := newSchedule(1)
	for _, days := range []time.Duration{1, 2, 4, 8, 8} {
		requireAbout(t, days*24*time.Hour, s.Denied())
		require.Equal(t, days*24*time.Hour, s.Interval())
	}
	requireAbout(t, 8*time.Second, s.Answered(time.Millisecond))
	requireAbout(t, 24*time.Hour, s.Denied())
}

func TestRestartAndSlowDownForgiveFailures(t *testing.T) {
	s := newSchedule(1)
	for range 5 {
		s.Failed()
	}
	s.Restart()
	require.Equal(t, 8*time.Second, s.Interval())
	for range 5 {
		s.Failed()
	}
	requireAbout(t, 16*time.Second, s.SlowDown())
}

func TestWaitsDiffer(t *testing.T) {
	waits := map[time.Duration]bool{}
	s := newSchedule(1)
	for range 100 {
		waits[s.Answered(time.Millisecond)] = true
	}
	require.Greater(t, len(waits), 90)
}

func TestRestartBeginsANewBurst(t *testing.T) {
	s := newSchedule(2)
	s.Answered(time.Millisecond)
	requireAbout(t, 8*time.Second, s.Answered(time.Millisecond))
	requireAbout(t, burstSpacing, s.Restart())
	requireAbout(t, burstSpacing, s.Answered(time.Millisecond))
	requireAbout(t, 8*time.Second, s.Answered(time.Millisecond))
}

// RFC 6298 section 2: RTO = SRTT + 4·RTTVAR, with SRTT = R and RTTVAR = R/2 after the first one.
func TestTimeoutFollowsTheRoundTrips(t *testing.T) {
	s := newSchedule(1)
	require.Equal(t, timeoutFirst, s.Timeout())
	s.Answered(400 * time.Millisecond)
	require.Equal(t, 1200*time.Millisecond, s.Timeout())
	s.Answered(480 * time.Millisecond)
	require.Equal(t, 410*time.Millisecond+4*170*time.Millisecond, s.Timeout())
	for range 100 {
		s.Answered(time.Millisecond)
	}
	require.Equal(t, timeoutMin, s.Timeout())
}

func TestTimeoutDoublesUpToItsLimitAndFallsBack(t *testing.T) {
	s := newSchedule(1)
	for _, want := range []time.Duration{2 * time.Second, 4 * time.Second, timeoutMax, timeoutMax} {
		s.TimedOut()
		require.Equal(t, want, s.Timeout())
	}
	s.Answered(time.Second)
	require.Equal(t, 3*time.Second, s.Timeout())
	s.Answered(time.Hour)
	require.Equal(t, timeoutMax, s.Timeout())
}

// What the user has decided goes down to 4 s for a server that wishes for as much, in a burst and after one.
func TestServerThatWishesForItIsNeverAskedMoreOftenThanIsPolite(t *testing.T) {
	for _, adaptive := range []bool{false, true} {
		s := New(Config{Min: 10 * time.Millisecond, Max: 64 * time.Second, Burst: 4, Adaptive: adaptive}, rand.NewPCG(1, 2))
		s.Wish(16 * time.Second)
		for range 4 {
			for _, wait := range []time.Duration{s.Answered(time.Millisecond), s.TimedOut(), s.Failed(), s.Answered(time.Millisecond), s.Restart()} {
				require.GreaterOrEqual(t, wait, politeSpacing)
			}
		}
		for range 4 {
			s.Answered(time.Millisecond)
		}
		require.Equal(t, map[bool]time.Duration{false: politeSpacing, true: 16 * time.Second}[adaptive], s.Interval())
		s.Wish(0)
		require.Equal(t, 10*time.Millisecond, s.Interval(), "another server, which does not mind")
		s.Wish(-time.Second)
		require.Equal(t, 10*time.Millisecond, s.Interval())
	}
	s := New(Config{Min: 10 * time.Millisecond, Max: time.Second, Burst: 4}, rand.NewPCG(1, 2))
	s.Wish(time.Second)
	requireAbout(t, 10*time.Millisecond, s.Answered(time.Millisecond), "one of one's own, which the user has decided about")
}
