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

	"github.com/epsilontime/epsilon/internal/testbed"
	"github.com/epsilontime/epsilon/monotonic"
	"github.com/epsilontime/epsilon/ntpsrc"
	"github.com/epsilontime/epsilon/ptpsrc"
	"github.com/epsilontime/epsilon/truetime"
)

// The servers in these tests are ptp4l, in network namespaces of their own, serving this host's clock. So
// the truth is known: it is CLOCK_REALTIME, read before and after each answer.

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

// readFor reads the clock until so many polls' worth of time has passed and returns the uncertainties.
func readFor(t *testing.T, clock *truetime.Clock, span time.Duration) []time.Duration {
	t.Helper()
	var epsilon []time.Duration
	for end := time.Now().Add(span); time.Now().Before(end); time.Sleep(200 * time.Microsecond) {
		epsilon = append(epsilon, testbed.RequireTruth(t, clock).Uncertainty())
	}
	slices.Sort(epsilon)
	return epsilon
}

func TestHostClockIsInEveryIntervalWithRealDaemons(t *testing.T) {
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
				t.Logf("%s: delay %v, E %v", s.Name, s.Delay, s.Error)
			}
			require.EqualValues(t, 1, clock.Status().Epoch)
		})
	}
}

// sampleUntil asks a source until the condition holds for what comes of it. Every sample has to be true.
func sampleUntil(t *testing.T, source truetime.Source, what string, condition func(truetime.Sample, error) bool) {
	t.Helper()
	counter, err := monotonic.System()
	require.NoError(t, err)
	var sample truetime.Sample
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		before := truetime.Time(testbed.Realtime())
		sample, err = source.Sample(ctx, counter)
		after := truetime.Time(testbed.Realtime())
		cancel()
		if err == nil {
			require.GreaterOrEqual(t, sample.Latest, before, "%s: %+v", source.Name(), sample)
			require.LessOrEqual(t, sample.Earliest, after, "%s: %+v", source.Name(), sample)
		}
		if condition(sample, err) {
			return
		}
		require.True(t, time.Now().Before(deadline), "waiting for %s: %+v, %v", what, sample, err)
	}
}

func answers(_ truetime.Sample, err error) bool { return err == nil }

func TestKernelStampsSyncsOfARealServer(t *testing.T) {
	p := testbed.StartPTP(t, 0, 3, testbed.GoodPTPTime())
	sampleUntil(t, openPort(t, p).Unicast(p.Address()), "a stamp", func(s truetime.Sample, err error) bool {
		return err == nil && s.Stamps == "kernel, receive only"
	})
}

func refuses(text string) func(truetime.Sample, error) bool {
	return func(_ truetime.Sample, err error) bool { return err != nil && strings.Contains(err.Error(), text) }
}

func TestWhatTheGrandmasterAnnouncesDecidesWhetherItIsUsed(t *testing.T) {
	p := testbed.StartPTP(t, 0, 3, testbed.GoodPTPTime())
	port := openPort(t, p)
	announce := func(change func(*testbed.PTPTime)) {
		a := testbed.GoodPTPTime()
		change(&a)
		p.Announce(a)
	}
	for name, make := range map[string]func(...ptpsrc.Option) truetime.Source{
		"unicast": func(o ...ptpsrc.Option) truetime.Source { return port.Unicast(p.Address(), o...) },
		"ptp4l":   func(o ...ptpsrc.Option) truetime.Source { return ptpsrc.PTP4L(p.Socket(), o...) },
	} {
		t.Run(name, func(t *testing.T) {
			source := make()
			sampleUntil(t, source, "an answer", answers)
			announce(func(a *testbed.PTPTime) { a.Accuracy = 0xFE })
			sampleUntil(t, source, "unknown accuracy", refuses("WithAccuracy"))
			sampleUntil(t, make(ptpsrc.WithAccuracy(time.Microsecond)), "an answer by an accuracy of our own", answers)
			announce(func(a *testbed.PTPTime) { a.Class = 248 })
			sampleUntil(t, source, "class 248", refuses("clock class 248"))
			announce(func(a *testbed.PTPTime) { a.TAI = false })
			sampleUntil(t, source, "no TAI", refuses("WithUTCOffset"))
			sampleUntil(t, make(ptpsrc.WithUTCOffset(0)), "an answer by a UTC offset of our own", answers)
			announce(func(a *testbed.PTPTime) { a.Valid = false })
			sampleUntil(t, source, "no UTC offset", refuses("WithUTCOffset"))
			announce(func(a *testbed.PTPTime) { a.Leap61 = true })
			sampleUntil(t, source, "a leap second", func(s truetime.Sample, err error) bool { return err == nil && s.Leap == truetime.LeapInsert })
			announce(func(*testbed.PTPTime) {})
			sampleUntil(t, source, "an answer", answers)

			p.StopGrandmaster()
			sampleUntil(t, source, "silence", func(_ truetime.Sample, err error) bool { return err != nil })
			p.StartGrandmaster(testbed.GoodPTPTime())
			sampleUntil(t, source, "an answer after the restart", answers)
		})
	}
}

func TestDomainThatNobodyServesIsExplained(t *testing.T) {
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

// Two NTP servers outvote a grandmaster that is wrong, whatever it is wrong about.
func TestGrandmasterThatLiesIsOutvoted(t *testing.T) {
	testbed.RequireBinary(t, "chronyd")
	p := testbed.StartPTP(t, 0, 3, testbed.GoodPTPTime())
	ptp := truetime.Group("grandmaster", openPort(t, p).Unicast(p.Address()), ptpsrc.PTP4L(p.Socket()))
	clock := startClock(t, append(ptp, ntpsrc.Server(testbed.StartChronyd(t).Address()), ntpsrc.Server(testbed.StartChronyd(t).Address()))...)
	require.NoError(t, clock.WaitSynchronized(t.Context(), 10*time.Millisecond))
	readUntil := func(what string, condition func([]truetime.SourceStatus) bool) {
		t.Helper()
		for deadline := time.Now().Add(30 * time.Second); !condition(clock.Status().Sources); time.Sleep(time.Millisecond) {
			testbed.RequireTruth(t, clock)
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
	lie := testbed.GoodPTPTime()
	lie.UTCOffset = 37
	p.Announce(lie)
	readUntil("a lie found out", verdicts(truetime.Falseticker, truetime.Convicted, truetime.Unusable))
	p.Announce(testbed.GoodPTPTime())
	readUntil("four truechimers again", verdicts(truetime.Truechimer))
	p.StopGrandmaster()
	readUntil("holdover of two", func(all []truetime.SourceStatus) bool { return all[0].Err != nil && all[1].Err != nil })
	p.StartGrandmaster(testbed.GoodPTPTime())
	readUntil("four truechimers at last", verdicts(truetime.Truechimer))
	require.EqualValues(t, 1, clock.Status().Epoch)
}
