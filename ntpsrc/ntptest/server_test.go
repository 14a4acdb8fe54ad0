package ntptest_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/epsilontime/epsilon/monotonic"
	"github.com/epsilontime/epsilon/ntpsrc"
	"github.com/epsilontime/epsilon/ntpsrc/ntptest"
	"github.com/epsilontime/epsilon/truetime"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const claim = 5 * time.Millisecond

func start(t *testing.T, b ntptest.Behavior) *ntptest.Server {
	s := ntptest.NewServer(b)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s
}

// ask asks once, as a source does.
func ask(t *testing.T, s *ntptest.Server) (truetime.Sample, error) {
	t.Helper()
	counter, err := monotonic.System()
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	return ntpsrc.Server(s.Address(), ntpsrc.WithMaxDelay(time.Minute), ntpsrc.WithMaxRootDistance(time.Hour)).Sample(ctx, counter)
}

// stamps returns the least and the most by which a server's stamps are ahead of the wall clock.
func stamps(t *testing.T, s *ntptest.Server) (least, most time.Duration) {
	t.Helper()
	before := truetime.FromStd(time.Now())
	sample, err := ask(t, s)
	require.NoError(t, err)
	after := truetime.FromStd(time.Now())
	return sample.Latest.Add(-sample.Claim).Sub(after), sample.Earliest.Add(sample.Claim).Sub(before)
}

func TestOffsetIsWhatTheServerIsOffBy(t *testing.T) {
	s := start(t, ntptest.Behavior{Dispersion: claim})
	least, most := stamps(t, s)
	require.LessOrEqual(t, least, time.Duration(0))
	require.GreaterOrEqual(t, most, time.Duration(0))

	s.Change(func(b *ntptest.Behavior) { b.Offset = -time.Hour })
	least, most = stamps(t, s)
	require.LessOrEqual(t, least, -time.Hour)
	require.GreaterOrEqual(t, most, -time.Hour)
	sample, err := ask(t, s)
	require.NoError(t, err)
	require.GreaterOrEqual(t, sample.Claim, claim, "the rest is as it was")
	require.Equal(t, 3, s.Requests())
}

func TestClaimsAreWhatTheReplySays(t *testing.T) {
	sample, err := ask(t, start(t, ntptest.Behavior{RootDelay: 2 * time.Millisecond, Dispersion: claim, Stratum: 7, Leap: 1}))
	require.NoError(t, err)
	require.InDelta(t, float64(claim+time.Millisecond), float64(sample.Claim), float64(50*time.Microsecond))
	require.Equal(t, 7, sample.Stratum)
	require.Equal(t, truetime.LeapInsert, sample.Leap)
}

// A lie that drifts is counted by the clock that is served, so this test does not depend on how long anything takes.
func TestADriftingLieGrowsFromWhenItWasSet(t *testing.T) {
	begun := time.Now()
	var passed atomic.Int64
	s := start(t, ntptest.Behavior{Drift: 1e6, Clock: func() time.Time { return begun.Add(time.Duration(passed.Load())) }})
	said := func() time.Duration {
		sample, err := ask(t, s)
		require.NoError(t, err)
		return sample.Latest.Add(-sample.Claim).Sub(truetime.FromStd(begun).Add(time.Duration(passed.Load()))).Round(time.Microsecond)
	}
	require.Zero(t, said())
	passed.Store(int64(time.Second))
	require.Equal(t, time.Second, said(), "1 000 000 ppm are a second a second")
	s.Change(func(b *ntptest.Behavior) { b.Stratum = 2 })
	require.Equal(t, time.Second, said(), "it goes on")
	s.Change(func(b *ntptest.Behavior) { b.Drift = 5e5 })
	require.Zero(t, said(), "it begins anew")
}

func TestDelaysAreOneWayEach(t *testing.T) {
	const d = 20 * time.Millisecond
	s := start(t, ntptest.Behavior{Dispersion: claim, DelayThere: d})
	sample, err := ask(t, s)
	require.NoError(t, err)
	require.GreaterOrEqual(t, sample.Delay, d)

	// The stamps of a server behind a slow request are late, and those before a slow reply are early.
	before := truetime.FromStd(time.Now())
	sample, err = ask(t, s)
	require.NoError(t, err)
	require.GreaterOrEqual(t, sample.Earliest.Add(sample.Claim).Sub(before), d-time.Millisecond)
	s.Set(ntptest.Behavior{Dispersion: claim, DelayBack: d})
	sample, err = ask(t, s)
	require.NoError(t, err)
	after := truetime.FromStd(time.Now())
	require.GreaterOrEqual(t, after.Sub(sample.Latest.Add(-sample.Claim)), d-time.Millisecond)
	require.GreaterOrEqual(t, sample.Delay, d)

	s.Set(ntptest.Behavior{Dispersion: claim, DelayThere: d, Jitter: time.Millisecond, Seed: 7})
	sample, err = ask(t, s)
	require.NoError(t, err)
	require.GreaterOrEqual(t, sample.Delay, d)
}

func TestFaultsAreRefusedAsWhatTheyAre(t *testing.T) {
	s := start(t, ntptest.Behavior{})
	for want, b := range map[error]ntptest.Behavior{
		truetime.ErrSlowDown: {Kiss: "RATE"},
		truetime.ErrDenied:   {Kiss: "DENY"},
		truetime.ErrUnusable: {Leap: 3},
	} {
		s.Set(b)
		_, err := ask(t, s)
		require.ErrorIs(t, err, want)
	}
}

// exchange sends a request and returns what comes back from where, or nothing once the server has seen it.
func exchange(t *testing.T, s *ntptest.Server, request []byte) net.Addr {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	require.NoError(t, err)
	defer conn.Close()
	to, err := net.ResolveUDPAddr("udp", s.Address())
	require.NoError(t, err)
	_, err = conn.WriteTo(request, to)
	require.NoError(t, err)
	require.NoError(t, conn.SetReadDeadline(time.Now().Add(time.Minute)))
	_, from, err := conn.ReadFrom(make([]byte, 100))
	require.NoError(t, err)
	return from
}

func TestAstrayIsAnotherPort(t *testing.T) {
	request := make([]byte, 48)
	request[0] = 4<<3 | 3
	s := start(t, ntptest.Behavior{})
	require.Equal(t, s.Address(), exchange(t, s, request).String())
	s.Set(ntptest.Behavior{Astray: true})
	require.NotEqual(t, s.Address(), exchange(t, s, request).String())
}

// A server that does not answer, and whatever is no request, are silence: the next reply that comes is the next request's.
func TestSilenceIsNoReply(t *testing.T) {
	s := start(t, ntptest.Behavior{Silent: true})
	conn, err := net.Dial("udp", s.Address())
	require.NoError(t, err)
	defer conn.Close()
	request := func(mark byte, size int, mode byte) {
		m := make([]byte, size)
		m[0], m[size-1] = 4<<3|mode, mark
		_, err := conn.Write(m)
		require.NoError(t, err)
	}
	request(1, 48, 3)
	require.Eventually(t, func() bool { return s.Requests() == 1 }, time.Minute, time.Millisecond)
	s.Set(ntptest.Behavior{})
	request(2, 47, 3)
	request(3, 48, 4)
	request(4, 48, 3)
	require.NoError(t, conn.SetReadDeadline(time.Now().Add(time.Minute)))
	reply := make([]byte, 100)
	_, err = conn.Read(reply)
	require.NoError(t, err)
	require.EqualValues(t, 4, reply[31], "the origin of the reply is the transmit time of the request")
}

func TestAnEditChangesWhatIsSent(t *testing.T) {
	_, err := ask(t, start(t, ntptest.Behavior{Edit: func(_, reply []byte) [][]byte {
		binary.BigEndian.PutUint64(reply[40:], ntptest.Stamp(time.Now().Add(-time.Hour)))
		return [][]byte{reply}
	}}))
	require.ErrorIs(t, err, truetime.ErrUnusable)
}

func TestAReplyOnItsWayIsLostByClose(t *testing.T) {
	s := ntptest.NewServer(ntptest.Behavior{DelayThere: time.Hour})
	conn, err := net.Dial("udp", s.Address())
	require.NoError(t, err)
	defer conn.Close()
	request := make([]byte, 48)
	request[0] = 4<<3 | 3
	_, err = conn.Write(request)
	require.NoError(t, err)
	require.Eventually(t, func() bool { return s.Requests() == 1 }, time.Minute, time.Millisecond)
	require.NoError(t, s.Close())
	require.NoError(t, s.Close(), "twice is once")
}

func TestAnAddressThatCannotBeHad(t *testing.T) {
	s := start(t, ntptest.Behavior{})
	_, err := ntptest.Listen(s.Address(), ntptest.Behavior{})
	require.ErrorContains(t, err, s.Address())
}

func ExampleServer() {
	var servers []string
	for range 3 {
		s := ntptest.NewServer(ntptest.Behavior{Dispersion: 100 * time.Microsecond})
		defer s.Close()
		servers = append(servers, s.Address())
	}
	clock, err := truetime.New(ntpsrc.Servers(servers...))
	if err != nil {
		panic(err)
	}
	defer clock.Close()
	if err := clock.WaitSynchronized(context.Background(), 20*time.Millisecond); err != nil {
		panic(err)
	}
	now, err := clock.Now()
	fmt.Println("an answer:", now.Valid(), err)
	// Output: an answer: true <nil>
}

// One of three is wrong, and outvoted.
func ExampleServer_Change() {
	servers := []*ntptest.Server{}
	addresses := []string{}
	for range 3 {
		s := ntptest.NewServer(ntptest.Behavior{Dispersion: 100 * time.Microsecond})
		defer s.Close()
		servers, addresses = append(servers, s), append(addresses, s.Address())
	}
	servers[0].Change(func(b *ntptest.Behavior) { b.Offset = 10 * time.Second })
	clock, err := truetime.New(ntpsrc.Servers(addresses...))
	if err != nil {
		panic(err)
	}
	defer clock.Close()
	for {
		changed := clock.Changed() // before looking, so that nothing is missed
		if clock.Status().Sources[0].Verdict == truetime.Falseticker {
			break
		}
		<-changed
	}
	fmt.Println("the first server is a", clock.Status().Sources[0].Verdict)
	// Output: the first server is a falseticker
}
