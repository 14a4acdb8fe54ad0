package ntpsrc_test

import (
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/internal/testing/testbed"
	"github.com/epsilontime/epsilon/ntpsrc"
	"github.com/epsilontime/epsilon/ntpsrc/ntptest"
	"github.com/epsilontime/epsilon/truetime"
)

const validFor = time.Hour

// startNTSClock makes a clock over these key exchanges, as a client that trusts the authority.
func startNTSClock(t *testing.T, authority *testbed.Authority, keyExchanges ...string) *truetime.Clock {
	t.Helper()
	var sources []truetime.Source
	for _, address := range keyExchanges {
		sources = append(sources, ntpsrc.NTS(address, ntpsrc.WithTLSConfig(authority.ClientConfig()), ntpsrc.WithLocalReference()))
	}
	clock, err := truetime.New(sources,
		truetime.WithCounter(newSkewed(t, 150)),
		truetime.WithPoll(50*time.Millisecond, 200*time.Millisecond))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, clock.Close()) })
	return clock
}

func TestHostClockIsInEveryIntervalUnderNTS(t *testing.T) {
	testbed.RequireBinary(t, "chronyd")
	t.Parallel()
	authority := testbed.NewAuthority(t)
	var servers []string
	for range 4 {
		certificate := authority.Issue("127.0.0.1", time.Now().Add(validFor))
		servers = append(servers, testbed.StartNTSChronyd(t, certificate).KeyExchange())
	}
	clock := startNTSClock(t, authority, servers...)
	require.NoError(t, clock.WaitSynchronized(t.Context(), 100*time.Millisecond))
	var epsilon []time.Duration
	for range 4000 {
		epsilon = append(epsilon, testbed.RequireTruth(t, clock).Uncertainty())
		time.Sleep(100 * time.Microsecond)
	}
	slices.Sort(epsilon)
	t.Logf("%d answers, ε median %v, largest %v", len(epsilon), epsilon[len(epsilon)/2], epsilon[len(epsilon)-1])
	readUntil(t, clock, "an answer from each", func(s truetime.Status) bool {
		return !slices.ContainsFunc(s.Sources, func(s truetime.SourceStatus) bool { return s.Err != nil })
	})
	for _, s := range clock.Status().Sources {
		require.True(t, strings.HasPrefix(s.Name, "nts://127.0.0.1:"), s.Name)
	}
}

// A daemon that has lost its keys says NTSN. The next key exchange may begin 10 s after the first.
func TestServerThatComesBackWithNewKeysIsUsedAgain(t *testing.T) {
	testbed.RequireBinary(t, "chronyd")
	if testing.Short() {
		t.Skip("10 s lie between two key exchanges")
	}
	t.Parallel()
	authority := testbed.NewAuthority(t)
	server := testbed.StartNTSChronyd(t, authority.Issue("127.0.0.1", time.Now().Add(validFor)))
	clock := startNTSClock(t, authority, server.KeyExchange())
	require.NoError(t, clock.WaitSynchronized(t.Context(), 100*time.Millisecond))
	answers := func(s truetime.Status) bool { return s.Sources[0].Err == nil && s.State == truetime.Synchronized }
	saying := func(text string) func(truetime.Status) bool {
		return func(s truetime.Status) bool {
			return s.Sources[0].Err != nil && strings.Contains(s.Sources[0].Err.Error(), text)
		}
	}

	server.Restart() // it has saved its keys
	readUntil(t, clock, "the same keys", answers)

	server.RestartWithNewKeys()
	readUntil(t, clock, "a kiss-o'-death", saying("does not know our cookie (kiss-o'-death NTSN), and keys are exchanged anew"))
	t.Log(clock.Status().Sources[0].Err)
	readUntil(t, clock, "new keys", answers)
	require.EqualValues(t, 1, clock.Status().Epoch)
}

// What the operator reads in Status: one sentence that names the server and what is wrong.
func TestStatusSaysWhyAServerGivesNoAuthenticatedTime(t *testing.T) {
	testbed.RequireBinary(t, "chronyd")
	t.Parallel()
	authority := testbed.NewAuthority(t)
	daemon := func(authority *testbed.Authority, host string, until time.Time) string {
		return testbed.StartNTSChronyd(t, authority.Issue(host, until)).KeyExchange()
	}
	for want, server := range map[string]string{
		"the certificate is not valid at this time, or the local wall clock is far off": daemon(authority, "127.0.0.1", time.Now().Add(-validFor)),
		"the certificate is for another name":                                           daemon(authority, "ntp1.example.net", time.Now().Add(validFor)),
		"the certificate comes from an unknown authority, which WithTLSConfig may name": daemon(testbed.NewAuthority(t), "127.0.0.1", time.Now().Add(validFor)),
		"nothing listens at this TCP port, so it may be a server without NTS":           plainServer(t),
		"no answer in time":                                   silentPort(t),
		"it does not speak TLS: this is no NTS server":        talkingPort(t, "SSH-2.0-OpenSSH_9.2p1\r\n"),
		"it closed the connection: this may be no NTS server": talkingPort(t, ""),
	} {
		t.Run(want, func(t *testing.T) {
			clock := startNTSClock(t, authority, server)
			said := func() error { return clock.Status().Sources[0].Err }
			err := said()
			// On a busy machine there may be no answer in time at first. The next key exchange may begin 10 s later.
			for deadline := time.Now().Add(2 * time.Minute); err == nil || !strings.Contains(err.Error(), want); err = said() {
				require.True(t, time.Now().Before(deadline), "%v", err)
				time.Sleep(time.Millisecond)
			}
			require.ErrorContains(t, err, "key exchange with "+server)
			require.NotContains(t, err.Error(), "\n")
			_, now := clock.Now()
			require.ErrorIs(t, now, truetime.ErrNotSynchronized)
			t.Log(err)
		})
	}
}

// plainServer is an NTP server without NTS.
func plainServer(t *testing.T) string {
	s, err := ntptest.Listen("127.0.0.1:0", ntptest.Behavior{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s.Address()
}

// silentPort accepts connections and says nothing.
func silentPort(t *testing.T) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, l.Close()) })
	return l.Addr().String()
}

// talkingPort says something to whoever connects, and hangs up.
func talkingPort(t *testing.T, text string) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = conn.Write([]byte(text))
			_, _ = conn.Read(make([]byte, 1024))
			_ = conn.Close()
		}
	}()
	t.Cleanup(func() {
		require.NoError(t, l.Close())
		<-done
	})
	return l.Addr().String()
}

// Three authenticated servers against six liars that agree with each other and are not: the
// interval contains the truth, and the liars are shown.
func TestPlainLiarsInTheMajorityMoveNothingUnderRequireAuthenticated(t *testing.T) {
	testbed.RequireBinary(t, "chronyd", "faketime")
	t.Parallel()
	authority := testbed.NewAuthority(t)
	var sources []truetime.Source
	for range 3 {
		server := testbed.StartNTSChronyd(t, authority.Issue("127.0.0.1", time.Now().Add(validFor)))
		sources = append(sources, ntpsrc.NTS(server.KeyExchange(), ntpsrc.WithTLSConfig(authority.ClientConfig()), ntpsrc.WithLocalReference()))
	}
	for range 6 {
		liar := testbed.StartFaketimedChronyd(t, 3500*time.Millisecond)
		sources = append(sources, ntpsrc.Server(liar.Address(), ntpsrc.WithLocalReference()))
	}
	clock, err := truetime.New(sources, truetime.WithRequireAuthenticated(),
		truetime.WithCounter(newSkewed(t, -150)), truetime.WithPoll(50*time.Millisecond, 200*time.Millisecond))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, clock.Close()) })
	require.NoError(t, clock.WaitSynchronized(t.Context(), 100*time.Millisecond))
	readUntil(t, clock, "every verdict", func(s truetime.Status) bool {
		for i, source := range s.Sources {
			if want := [...]truetime.Verdict{truetime.Truechimer, truetime.Falseticker}[min(i/3, 1)]; source.Verdict != want {
				return false
			}
		}
		return true
	})
	for range 2000 {
		testbed.RequireTruth(t, clock)
	}
	require.Equal(t, 3, clock.Status().Voters)
	require.EqualValues(t, 1, clock.Status().Epoch)
}
