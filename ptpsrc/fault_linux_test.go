package ptpsrc_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/internal/testing/testbed"
	"github.com/epsilontime/epsilon/monotonic"
	"github.com/epsilontime/epsilon/ptpsrc"
	"github.com/epsilontime/epsilon/truetime"
)

// mixed is a clock with two sources for one grandmaster, which have one vote, and NTP servers.
type mixed struct {
	t     *testing.T
	clock *truetime.Clock
}

func startMixed(t *testing.T, p *testbed.PTP, servers int) mixed {
	t.Helper()
	testbed.RequireBinary(t, "chronyd")
	sources := truetime.Group("grandmaster", openPort(t, p).Unicast(p.Address()), ptpsrc.PTP4L(p.Socket()))
	for range servers {
		sources = append(sources, startUTC(t))
	}
	clock := startClock(t, sources...)
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	require.NoError(t, clock.WaitSynchronized(ctx, 10*time.Millisecond))
	silent := func(s truetime.SourceStatus) bool { return s.Verdict == truetime.Silent }
	for slices.ContainsFunc(clock.Status().Sources[2:], silent) { // an answer takes only two voters
		require.NoError(t, ctx.Err())
		time.Sleep(time.Millisecond)
	}
	return mixed{t, clock}
}

// readUntil reads the clock, which has the truth at each read, until the condition holds for the
// two PTP sources. Meanwhile the NTP servers are truechimers.
func (m mixed) readUntil(what string, condition func(unicast, ptp4l truetime.SourceStatus) bool) {
	m.t.Helper()
	for deadline := time.Now().Add(2 * time.Minute); ; time.Sleep(time.Millisecond) {
		requireTruth(m.t, m.clock)
		s := m.clock.Status()
		for _, server := range s.Sources[2:] {
			require.Equal(m.t, truetime.Truechimer, server.Verdict, "%s: %+v", what, s)
		}
		require.EqualValues(m.t, 1, s.Epoch)
		if condition(s.Sources[0], s.Sources[1]) {
			return
		}
		require.True(m.t, time.Now().Before(deadline), "waiting for %s: %+v", what, s)
	}
}

func truechimers(a, b truetime.SourceStatus) bool {
	return a.Verdict == truetime.Truechimer && b.Verdict == truetime.Truechimer && a.Err == nil && b.Err == nil
}

func sayBoth(text string) func(a, b truetime.SourceStatus) bool {
	return func(a, b truetime.SourceStatus) bool {
		return a.Err != nil && strings.Contains(a.Err.Error(), text) && b.Err != nil && strings.Contains(b.Err.Error(), text)
	}
}

func TestWhateverBefallsAGrandmasterTheOthersCarryOn(t *testing.T) {
	t.Parallel()
	p := testbed.StartPTP(t, 0, 3, testbed.GoodPTPTime())
	m := startMixed(t, p, 2)
	m.readUntil("four truechimers", truechimers)
	announce := func(change func(*testbed.PTPTime)) {
		a := testbed.GoodPTPTime()
		change(&a)
		p.Announce(a)
	}
	for _, garbage := range []int{0x00, 0x16, 0x31, 0x80, 0xFE, 0xFF} {
		announce(func(a *testbed.PTPTime) { a.Accuracy = garbage })
		m.readUntil("garbage accuracy", sayBoth("announces no known accuracy (0x"+strings.ToUpper(strconv.FormatInt(0x100+int64(garbage), 16))[1:]+"): give one by WithAccuracy"))
	}
	announce(func(a *testbed.PTPTime) { a.Class = 52 })
	m.readUntil("a degraded class", sayBoth("clock class 52, not 6 or 7"))
	announce(func(a *testbed.PTPTime) { a.TAI = false })
	m.readUntil("another scale", sayBoth("does not say that it serves TAI"))
	announce(func(a *testbed.PTPTime) { a.Valid = false })
	m.readUntil("no UTC offset", func(a, b truetime.SourceStatus) bool {
		return truechimers(a, b) && a.Leap == truetime.LeapUnknown && b.Leap == truetime.LeapUnknown
	})
	for _, wrong := range []int{37, -1, 32767} { // they matter to ptp4l only, which counts UTC with the one that it has
		announce(func(a *testbed.PTPTime) { a.UTCOffset = wrong })
		m.readUntil("a wrong UTC offset", func(a, b truetime.SourceStatus) bool {
			return a.Verdict == truetime.Truechimer && a.Err == nil &&
				b.Err != nil && strings.Contains(b.Err.Error(), "ptp4l counts with a UTC offset of 0 s, and the grandmaster") &&
				strings.Contains(b.Err.Error(), fmt.Sprintf("announces %d s", wrong))
		})
	}
	announce(func(*testbed.PTPTime) {})
	m.readUntil("four truechimers again", truechimers)
	p.StopGrandmaster()
	m.readUntil("silence", func(a, b truetime.SourceStatus) bool {
		return a.Err != nil && strings.Contains(a.Err.Error(), p.Address()) && b.Err != nil && strings.Contains(b.Err.Error(), "ptp4l")
	})
	p.StartGrandmaster(testbed.GoodPTPTime())
	m.readUntil("four truechimers after its return", truechimers)
	p.ReplaceGrandmaster(testbed.GoodPTPTime())
	m.readUntil("silence or news of another grandmaster", func(a, b truetime.SourceStatus) bool { return a.Err != nil || b.Err != nil })
	m.readUntil("four truechimers with another grandmaster", truechimers)
	sampleUntil(t, ptpsrc.PTP4L(p.Socket()), "its identity", func(s truetime.Sample, err error) bool {
		return err == nil && strings.Contains(s.Peer, "0abbcc.0000.ddeeff")
	})
	announce(func(a *testbed.PTPTime) { a.Leap61 = true })
	m.readUntil("a leap second that only it knows of", func(a, b truetime.SourceStatus) bool {
		return a.Err == nil && a.Leap == truetime.LeapInsert && heardOfLeap(true)(truetime.Sample{Leap: b.Leap}, b.Err)
	})
}

func TestGrandmasterOfAnotherDomainLeavesAClockToTheOthers(t *testing.T) {
	t.Parallel()
	p := testbed.StartPTP(t, 9, 3, testbed.GoodPTPTime())
	m := startMixed(t, p, 3)
	m.readUntil("the reason", sayBoth("not in domain 0"))
}

// A daemon of the host that has the ports, or a socket that is root's, leave a clock to its other
// sources.
func TestPortsInUseLeaveAClockToTheOthers(t *testing.T) {
	p := testbed.StartPTP(t, 0, 3, testbed.GoodPTPTime())
	port, err := ptpsrc.NewPort()
	require.NoError(t, err)
	defer port.Close()
	clock := startClock(t,
		ptpsrc.Unicast(p.Address()),
		startUTC(t), startUTC(t), startUTC(t))
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	require.NoError(t, clock.WaitSynchronized(ctx, 10*time.Millisecond))
	for range 500 {
		requireTruth(t, clock)
	}
	require.ErrorContains(t, clock.Status().Sources[0].Err, "UDP port 319 is in use by another program, such as ptp4l, or by another Port")
}

func TestWhatOnlyRootMayUseIsExplained(t *testing.T) {
	p := testbed.StartPTP(t, 0, 3, testbed.GoodPTPTime())
	counter, err := monotonic.System()
	require.NoError(t, err)
	private := filepath.Join(t.TempDir(), "private")
	require.NoError(t, os.WriteFile(private, make([]byte, 128), 0o600))
	sample := func(s truetime.Source) error {
		_, err := s.Sample(context.Background(), counter)
		return err
	}
	var ptp4l, phc, port error
	testbed.AsNobody(t, func() {
		ptp4l = sample(ptpsrc.PTP4L(p.Socket()))
		phc = sample(ptpsrc.PHC(private, ptpsrc.WithUTCOffset(0), ptpsrc.WithAccuracy(time.Microsecond)))
		var opened *ptpsrc.Port
		if opened, port = ptpsrc.NewPort(); port == nil {
			_ = opened.Close()
		}
	})
	require.ErrorContains(t, ptp4l, "no permission to use ptp4l's socket "+p.Socket()+": run as root")
	require.ErrorContains(t, phc, "no permission to read "+private+": run as root")
	for _, err := range []error{ptp4l, phc} {
		require.ErrorIs(t, err, os.ErrPermission)
		require.NotContains(t, err.Error(), "\n")
	}
	if text, err := os.ReadFile("/proc/sys/net/ipv4/ip_unprivileged_port_start"); err == nil {
		if first, err := strconv.Atoi(strings.TrimSpace(string(text))); err == nil && first <= 319 {
			t.Log("on this host anybody may use the ports of PTP")
			return
		}
	}
	require.ErrorContains(t, port, "no permission to use UDP port 319: run as root or with CAP_NET_BIND_SERVICE")
}
