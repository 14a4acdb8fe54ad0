package ntpsrc_test

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/internal/testing/testbed"
	"github.com/epsilontime/epsilon/monotonic"
	"github.com/epsilontime/epsilon/ntpsrc"
	"github.com/epsilontime/epsilon/truetime"
)

// The servers in these tests are chronyd, on loopback, serving this host's clock. So the truth is
// known: it is CLOCK_REALTIME, read before and after each answer.

// skewed is a counter that runs ppm fast. Truth and the raw counter share one oscillator on this
// machine, so drift has to be put in.
type skewed struct {
	monotonic.Counter
	start monotonic.Instant
	ppm   int64
}

func newSkewed(t *testing.T, ppm int64) skewed {
	t.Helper()
	c, err := monotonic.System()
	require.NoError(t, err)
	return skewed{c, c.Now(), ppm}
}

func (s skewed) Now() monotonic.Instant {
	now := s.Counter.Now()
	return now.Add(now.Sub(s.start) * time.Duration(s.ppm) / 1_000_000)
}

func startClock(t *testing.T, ppm int64, servers ...*testbed.Chronyd) *truetime.Clock {
	t.Helper()
	var sources []truetime.Source
	for _, s := range servers {
		sources = append(sources, ntpsrc.Server(s.Address(), ntpsrc.WithLocalReference()))
	}
	clock, err := truetime.New(sources,
		truetime.WithCounter(newSkewed(t, ppm)),
		truetime.WithPoll(50*time.Millisecond, 200*time.Millisecond))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, clock.Close()) })
	return clock
}

func TestHostClockIsInEveryIntervalWithRealDaemons(t *testing.T) {
	testbed.RequireBinary(t, "chronyd", "faketime")
	honest := func(n int) func(*testing.T) []*testbed.Chronyd {
		return func(t *testing.T) (all []*testbed.Chronyd) {
			for range n {
				all = append(all, testbed.StartChronyd(t))
			}
			return all
		}
	}
	faketimed := func(t *testing.T) *testbed.Chronyd { return testbed.StartFaketimedChronyd(t, 3500*time.Millisecond) }
	slightly := func(t *testing.T) *testbed.Chronyd {
		return testbed.StartLyingChronyd(t, 300*time.Microsecond)
	}
	for name, c := range map[string]struct {
		honest func(*testing.T) []*testbed.Chronyd
		liars  []func(*testing.T) *testbed.Chronyd
	}{
		"4 honest":                           {honest(4), nil},
		"1 liar of 4, off by 3.5 s":          {honest(3), []func(*testing.T) *testbed.Chronyd{faketimed}},
		"1 liar of 4, off by 0.3 ms":         {honest(3), []func(*testing.T) *testbed.Chronyd{slightly}},
		"2 liars of 5 that agree on 3.5 s":   {honest(3), []func(*testing.T) *testbed.Chronyd{faketimed, faketimed}},
		"2 liars of 5, off by 0.3 ms, 3.5 s": {honest(3), []func(*testing.T) *testbed.Chronyd{slightly, faketimed}},
	} {
		for _, ppm := range []int64{0, 150, -150} {
			t.Run(name+", counter at "+time.Duration(ppm*1000).String()+"/s", func(t *testing.T) {
				t.Parallel()
				servers := c.honest(t)
				var want []truetime.Verdict
				for range servers {
					want = append(want, truetime.Truechimer)
				}
				for _, start := range c.liars {
					servers, want = append(servers, start(t)), append(want, truetime.Falseticker)
				}
				clock := startClock(t, ppm, servers...)
				require.NoError(t, clock.WaitSynchronized(t.Context(), 100*time.Millisecond))

				var epsilon []time.Duration
				verdicts := func() (v []truetime.Verdict) {
					for _, s := range clock.Status().Sources {
						v = append(v, s.Verdict)
					}
					return v
				}
				deadline := time.Now().Add(2 * time.Minute)
				for len(epsilon) < 4000 || !slices.Equal(want, verdicts()) {
					require.True(t, time.Now().Before(deadline), "verdicts are %v, not %v: %+v", verdicts(), want, clock.Status())
					epsilon = append(epsilon, testbed.RequireTruth(t, clock).Uncertainty())
					time.Sleep(100 * time.Microsecond)
				}
				require.EqualValues(t, 1, clock.Status().Epoch)
				slices.Sort(epsilon)
				t.Logf("%d answers, ε median %v, largest %v", len(epsilon), epsilon[len(epsilon)/2], epsilon[len(epsilon)-1])
			})
		}
	}
}

// readUntil reads the clock, and has the truth in it, until its status is as wanted.
func readUntil(t *testing.T, clock *truetime.Clock, what string, condition func(truetime.Status) bool) {
	t.Helper()
	deadline := time.Now().Add(2 * time.Minute)
	for !condition(clock.Status()) {
		require.True(t, time.Now().Before(deadline), "waiting for %s: %+v", what, clock.Status())
		for range 20 {
			testbed.RequireTruth(t, clock)
		}
		time.Sleep(time.Millisecond)
	}
}

// Daemons go and come back under a clock that is read all the time.
func TestDaemonsStopAndRestartUnderARunningClock(t *testing.T) {
	testbed.RequireBinary(t, "chronyd")
	t.Parallel()
	var servers []*testbed.Chronyd
	for range 4 {
		servers = append(servers, testbed.StartChronyd(t))
	}
	clock := startClock(t, 150, servers...)
	require.NoError(t, clock.WaitSynchronized(t.Context(), 100*time.Millisecond))

	silent := func(n int) func(truetime.Status) bool {
		return func(s truetime.Status) bool {
			count := 0
			for _, source := range s.Sources {
				if source.Verdict == truetime.Silent {
					count++
				}
			}
			return count == n
		}
	}
	inState := func(want truetime.State) func(truetime.Status) bool {
		return func(s truetime.Status) bool { return s.State == want }
	}

	servers[0].Stop()
	readUntil(t, clock, "one silent source", silent(1))
	readUntil(t, clock, "an answer from the others", inState(truetime.Synchronized))
	for _, s := range servers[1:] {
		s.Stop()
	}
	readUntil(t, clock, "holdover", inState(truetime.Holdover))
	readUntil(t, clock, "four silent sources", silent(4))
	narrow := testbed.RequireTruth(t, clock).Uncertainty()
	readUntil(t, clock, "a wider interval", func(s truetime.Status) bool { return s.Uncertainty > narrow+100*time.Microsecond })

	for _, s := range servers {
		s.Restart()
	}
	readUntil(t, clock, "synchronization", inState(truetime.Synchronized))
	readUntil(t, clock, "no silent source", silent(0))
	for _, s := range servers {
		s.Restart()
		for range 100 {
			testbed.RequireTruth(t, clock)
		}
	}
	require.EqualValues(t, 1, clock.Status().Epoch)
}
