package ptpsrc_test

import (
	"context"
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/internal/testing/testbed"
	"github.com/epsilontime/epsilon/monotonic"
	"github.com/epsilontime/epsilon/ntpsrc"
	"github.com/epsilontime/epsilon/ptpsrc"
	"github.com/epsilontime/epsilon/truetime"
)

// The servers in these tests are ptp4l, in network namespaces of their own, serving this host's
// clock. With software stamps ptp4l can serve nothing else, and what it serves it calls TAI. So in
// these tests true TAI is CLOCK_REALTIME, read before and after each answer, and UTC is as far
// behind that as in the rest of the world: the NTP servers are chronyds which are made to be so
// much behind this host.
const taiMinusUTC = 37 * time.Second

func startUTC(t *testing.T) truetime.Source {
	t.Helper()
	return ntpsrc.Server(testbed.StartLyingChronyd(t, -taiMinusUTC).Address())
}

// requireTruth is testbed.RequireTruth for these tests, in both scales.
func requireTruth(t *testing.T, clock *truetime.Clock) truetime.TAIInterval {
	t.Helper()
	before := testbed.Realtime()
	tai, errTAI := clock.NowTAI()
	utc, errUTC := clock.Now()
	after := testbed.Realtime()
	require.NoError(t, errTAI, "%+v", clock.Status())
	require.NoError(t, errUTC, "%+v", clock.Status())
	require.False(t, tai.After(truetime.TAI(after)) || tai.Before(truetime.TAI(before)), "true TAI from %d to %d is not in %v: %+v", before, after, tai, clock.Status())
	first, last := truetime.Time(before).Add(-taiMinusUTC), truetime.Time(after).Add(-taiMinusUTC)
	require.True(t, utc.Earliest <= last && utc.Latest >= first, "true UTC from %v to %v is not in %v: %+v", first, last, utc, clock.Status())
	return tai
}

// span is for how long a clock is read: 3 s, or as EPSILON_PTP_SPAN says.
func span(t *testing.T) time.Duration {
	t.Helper()
	text := os.Getenv("EPSILON_PTP_SPAN")
	if text == "" {
		return 3 * time.Second
	}
	d, err := time.ParseDuration(text)
	require.NoError(t, err)
	return d
}

func openPort(t *testing.T, p *testbed.PTP) *ptpsrc.Port {
	t.Helper()
	port, err := ptpsrc.NewPort(ptpsrc.WithLocalAddress(netip.MustParseAddr(p.LocalAddress())))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, port.Close()) })
	return port
}

func startClock(t *testing.T, sources ...truetime.Source) *truetime.Clock {
	t.Helper()
	clock, err := truetime.New(sources, truetime.WithPoll(50*time.Millisecond, 125*time.Millisecond))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, clock.Close()) })
	return clock
}

// readFor reads the clock until so many polls' worth of time has passed and returns the
// uncertainties.
func readFor(t *testing.T, clock *truetime.Clock, span time.Duration) []time.Duration {
	t.Helper()
	var epsilon []time.Duration
	for end := time.Now().Add(span); time.Now().Before(end); time.Sleep(200 * time.Microsecond) {
		epsilon = append(epsilon, requireTruth(t, clock).Uncertainty())
	}
	slices.Sort(epsilon)
	return epsilon
}

func TestHostClockIsInEveryIntervalWithRealDaemons(t *testing.T) {
	t.Parallel()
	p := testbed.StartPTP(t, 0, 3, testbed.GoodPTPTime())
	port := openPort(t, p)
	for name, sources := range map[string]func() []truetime.Source{
		"unicast": func() []truetime.Source { return []truetime.Source{port.Unicast(p.Address())} },
		"ptp4l":   func() []truetime.Source { return []truetime.Source{ptpsrc.PTP4L(p.Socket())} },
		"both": func() []truetime.Source {
			return []truetime.Source{port.Unicast(p.Address()), ptpsrc.PTP4L(p.Socket())}
		},
	} {
		t.Run(name, func(t *testing.T) {
			clock := startClock(t, sources()...)
			require.NoError(t, clock.WaitSynchronized(t.Context(), 10*time.Millisecond))
			epsilon := readFor(t, clock, span(t))
			t.Logf("%d answers, ε least %v, median %v, largest %v", len(epsilon), epsilon[0], epsilon[len(epsilon)/2], epsilon[len(epsilon)-1])
			for _, s := range clock.Status().Sources {
				t.Logf("%s: delay %v, E %v", s.Name, s.Delay, s.Claim)
			}
			require.EqualValues(t, 1, clock.Status().Epoch)
		})
	}
}

// ptp4l takes the middle of an exchange for the truth, which is wrong by half of what one way takes
// longer. The bound covers that.
func TestHostClockIsInEveryIntervalThoughOneWayIsLonger(t *testing.T) {
	t.Parallel()
	const longer = 2 * time.Millisecond
	p := testbed.StartPTPOver(t, 0, 3, testbed.GoodPTPTime(), longer)
	clock := startClock(t, ptpsrc.PTP4L(p.Socket()))
	require.NoError(t, clock.WaitSynchronized(t.Context(), 100*time.Millisecond))
	epsilon := readFor(t, clock, span(t))
	require.Greater(t, epsilon[0], longer/2)
}

// sampleUntil asks a source until the condition holds for what comes of it. Every sample has to be
// true.
func sampleUntil(t *testing.T, source truetime.Source, what string, condition func(truetime.Sample, error) bool) {
	t.Helper()
	counter, err := monotonic.System()
	require.NoError(t, err)
	var sample truetime.Sample
	for deadline := time.Now().Add(2 * time.Minute); ; time.Sleep(10 * time.Millisecond) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		before := truetime.Time(testbed.Realtime())
		sample, err = source.Sample(ctx, counter)
		after := truetime.Time(testbed.Realtime())
		cancel()
		if err == nil {
			require.GreaterOrEqual(t, sample.Latest, before, "%s: %+v", source.Info().Name, sample)
			require.LessOrEqual(t, sample.Earliest, after, "%s: %+v", source.Info().Name, sample)
		}
		if condition(sample, err) {
			return
		}
		require.True(t, time.Now().Before(deadline), "waiting for %s: %+v, %v", what, sample, err)
	}
}

func answers(_ truetime.Sample, err error) bool { return err == nil }

func TestKernelStampsWhatIsExchangedWithARealServer(t *testing.T) {
	t.Parallel()
	p := testbed.StartPTP(t, 0, 3, testbed.GoodPTPTime())
	sampleUntil(t, openPort(t, p).Unicast(p.Address()), "a stamp", func(s truetime.Sample, err error) bool {
		return err == nil && s.Stamps == "kernel"
	})
}

// heardOfLeap is what becomes of an announced leap second. From midnight to 6:00 PTP4L refuses.
func heardOfLeap(byPTP4L bool) func(truetime.Sample, error) bool {
	return func(s truetime.Sample, err error) bool {
		return err == nil && s.Leap == truetime.LeapInsert || byPTP4L && refuses("announces a leap second after midnight")(s, err)
	}
}

func refuses(text string) func(truetime.Sample, error) bool {
	return func(_ truetime.Sample, err error) bool { return err != nil && strings.Contains(err.Error(), text) }
}

func TestWhatTheGrandmasterAnnouncesDecidesWhetherItIsUsed(t *testing.T) {
	t.Parallel()
	for name, of := range map[string]func(*testing.T, *testbed.PTP) func(...ptpsrc.PTP4LOption) truetime.Source{
		"unicast": func(t *testing.T, p *testbed.PTP) func(...ptpsrc.PTP4LOption) truetime.Source {
			port := openPort(t, p)
			return func(o ...ptpsrc.PTP4LOption) truetime.Source {
				var all []ptpsrc.UnicastOption
				for _, each := range o {
					all = append(all, each)
				}
				return port.Unicast(p.Address(), all...)
			}
		},
		"ptp4l": func(_ *testing.T, p *testbed.PTP) func(...ptpsrc.PTP4LOption) truetime.Source {
			return func(o ...ptpsrc.PTP4LOption) truetime.Source { return ptpsrc.PTP4L(p.Socket(), o...) }
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := testbed.StartPTP(t, 0, 3, testbed.GoodPTPTime())
			make := of(t, p)
			announce := func(change func(*testbed.PTPTime)) {
				a := testbed.GoodPTPTime()
				change(&a)
				p.Announce(a)
			}
			source := make()
			sampleUntil(t, source, "an answer", answers)
			announce(func(a *testbed.PTPTime) { a.Accuracy = 0xFE })
			sampleUntil(t, source, "unknown accuracy", refuses("WithAccuracy"))
			sampleUntil(t, make(ptpsrc.WithAccuracy(time.Microsecond)), "an answer by an accuracy of our own", answers)
			announce(func(a *testbed.PTPTime) { a.Class = 248 })
			sampleUntil(t, source, "class 248", refuses("clock class 248"))
			announce(func(a *testbed.PTPTime) { a.TAI = false })
			sampleUntil(t, source, "no TAI", refuses("say so by WithTAI, or give its offset from UTC by WithUTCOffset"))
			sampleUntil(t, make(ptpsrc.WithTAI()), "an answer by our own word", answers)
			sampleUntil(t, make(ptpsrc.WithUTCOffset(0)), "an answer by a UTC offset of our own", answers)
			announce(func(a *testbed.PTPTime) { a.Valid = false })
			sampleUntil(t, source, "an answer without a UTC offset", func(s truetime.Sample, err error) bool { return err == nil && s.Leap == truetime.LeapUnknown })
			announce(func(a *testbed.PTPTime) { a.UTCOffset = 36 })
			if name == "unicast" {
				sampleUntil(t, source, "a UTC offset", func(s truetime.Sample, err error) bool { return err == nil && s.TAIOffset == 36*time.Second })
			} else {
				sampleUntil(t, source, "two UTC offsets", refuses("ptp4l counts with a UTC offset of 0 s, and the grandmaster"))
			}
			announce(func(*testbed.PTPTime) {})
			sampleUntil(t, source, "an answer", answers)

			p.StopGrandmaster()
			sampleUntil(t, source, "silence", func(_ truetime.Sample, err error) bool { return err != nil })
			p.StartGrandmaster(testbed.GoodPTPTime())
			sampleUntil(t, source, "an answer after the restart", answers)
			announce(func(a *testbed.PTPTime) { a.Leap61 = true })
			sampleUntil(t, source, "a leap second", heardOfLeap(name == "ptp4l"))
		})
	}
}

func TestDomainThatNobodyServesIsExplained(t *testing.T) {
	t.Parallel()
	p := testbed.StartPTP(t, 3, 3, testbed.GoodPTPTime())
	port := openPort(t, p)
	sampleUntil(t, port.Unicast(p.Address()), "the reason", refuses("not in domain 0"))
	sampleUntil(t, ptpsrc.PTP4L(p.Socket()), "the reason", refuses("not in domain 0"))
	sampleUntil(t, port.Unicast(p.Address(), ptpsrc.WithDomain(3)), "an answer", answers)
	sampleUntil(t, ptpsrc.PTP4L(p.Socket(), ptpsrc.WithDomain(3)), "an answer", answers)
}

func TestUnicastWithoutAPortOpensOneForEachSample(t *testing.T) {
	p := testbed.StartPTP(t, 0, 3, testbed.GoodPTPTime())
	source := ptpsrc.Unicast(p.Address())
	for range 3 {
		sampleUntil(t, source, "an answer", answers)
	}
	port, err := ptpsrc.NewPort()
	require.NoError(t, err, "the ports are free again")
	sampleUntil(t, source, "the reason", refuses("UDP port 319 is in use by another program, such as ptp4l, or by another Port"))
	require.NoError(t, port.Close())
}

// A grandmaster that serves UTC and calls it TAI is 37 s off: that is found out, and why.
func TestGrandmasterThatServesUTCAndCallsItTAIIsFoundOut(t *testing.T) {
	t.Parallel()
	testbed.RequireBinary(t, "chronyd")
	p := testbed.StartPTP(t, 0, 3, testbed.GoodPTPTime())
	clock := startClock(t, openPort(t, p).Unicast(p.Address()), ntpsrc.Server(testbed.StartChronyd(t).Address(), ntpsrc.WithLocalReference()), ntpsrc.Server(testbed.StartChronyd(t).Address(), ntpsrc.WithLocalReference()))
	require.NoError(t, clock.WaitSynchronized(t.Context(), 10*time.Millisecond))
	for deadline := time.Now().Add(2 * time.Minute); ; time.Sleep(time.Millisecond) {
		testbed.RequireTruth(t, clock) // here the host counts UTC
		s := clock.Status().Sources[0]
		if s.Verdict == truetime.Falseticker && s.Err != nil && strings.Contains(s.Err.Error(), "UTC") {
			t.Log(s.Err)
			return
		}
		require.True(t, time.Now().Before(deadline), "%+v", s)
	}
}

// Two NTP servers outvote a grandmaster that is wrong, whatever it is wrong about.
func TestGrandmasterThatLiesIsOutvoted(t *testing.T) {
	t.Parallel()
	testbed.RequireBinary(t, "chronyd")
	p := testbed.StartPTP(t, 0, 3, testbed.GoodPTPTime())
	ptp := truetime.Group("grandmaster", openPort(t, p).Unicast(p.Address()), ptpsrc.PTP4L(p.Socket()))
	clock := startClock(t, append(ptp, startUTC(t), startUTC(t))...)
	require.NoError(t, clock.WaitSynchronized(t.Context(), 10*time.Millisecond))
	readUntil := func(what string, condition func([]truetime.SourceStatus) bool) {
		t.Helper()
		for deadline := time.Now().Add(2 * time.Minute); !condition(clock.Status().Sources); time.Sleep(time.Millisecond) {
			requireTruth(t, clock)
			require.True(t, time.Now().Before(deadline), "waiting for %s: %+v", what, clock.Status())
		}
	}
	verdicts := func(want ...truetime.Verdict) func([]truetime.SourceStatus) bool {
		return func(all []truetime.SourceStatus) bool {
			return slices.Contains(want, all[0].Verdict) && slices.Contains(want, all[1].Verdict) &&
				all[2].Verdict == truetime.Truechimer && all[3].Verdict == truetime.Truechimer
		}
	}
	readUntil("four truechimers", verdicts(truetime.Truechimer))
	p.ReplaceGrandmasterByLiar(testbed.GoodPTPTime())
	readUntil("a lie found out", func(all []truetime.SourceStatus) bool { // ptp4l sees it as an offset, which is a part of E
		return slices.Contains([]truetime.Verdict{truetime.Falseticker, truetime.Convicted}, all[0].Verdict) && all[1].Claim > testbed.PTPLie &&
			all[2].Verdict == truetime.Truechimer && all[3].Verdict == truetime.Truechimer
	})
	p.ReplaceGrandmaster(testbed.GoodPTPTime())
	readUntil("four truechimers again", verdicts(truetime.Truechimer))
	p.StopGrandmaster()
	readUntil("holdover of two", func(all []truetime.SourceStatus) bool { return all[0].Err != nil && all[1].Err != nil })
	p.StartGrandmaster(testbed.GoodPTPTime())
	readUntil("four truechimers at last", verdicts(truetime.Truechimer))
	require.EqualValues(t, 1, clock.Status().Epoch)
}
