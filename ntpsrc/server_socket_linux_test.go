package ntpsrc

import (
	"context"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/internal/testing/testbed"
	"github.com/epsilontime/epsilon/internal/wallclock"
	"github.com/epsilontime/epsilon/monotonic"
	"github.com/epsilontime/epsilon/ntpsrc/ntptest"
	"github.com/epsilontime/epsilon/truetime"
)

// openStamped opens a socket with the kernel's stamps, or skips where there are none.
func openStamped(t *testing.T, address string, wanted stamping) *linuxSocket {
	t.Helper()
	opened, err := openSocket(netip.MustParseAddrPort(address), wanted)
	require.NoError(t, err)
	s := opened.(*linuxSocket)
	if !s.stamped {
		_ = s.close()
		t.Skip("this kernel does not stamp packets, or does not let its clock be watched")
	}
	awaitStamps(t)
	return s
}

// awaitStamps waits until the kernel stamps what comes in. It begins to do so a moment after the first socket
// has asked for it, when a work queue has run (net_enable_timestamp, net/core/dev.c), and goes on for as
// long as there is such a socket: this one stays open until the test has ended.
func awaitStamps(t *testing.T) {
	t.Helper()
	server, counter := startServer(t, ntptest.Behavior{}), system(t)
	kept, err := openSocket(netip.MustParseAddrPort(server.Address()), kernelStamps)
	require.NoError(t, err)
	t.Cleanup(func() { _ = kept.close() })
	require.Eventually(t, func() bool {
		exchange := newConn(t.Context(), counter, kept)
		request := newRequest()
		_, err := exchange.Write(request[:])
		require.NoError(t, err)
		_, err = exchange.Read(make([]byte, maxReply))
		require.NoError(t, err)
		return exchange.stamps != wallclock.StampedTransmit
	}, patience, time.Millisecond)
}

// A stamp may only err towards the program's own readings: not before them when it was sent, not
// after them when it was received. And the server, which is on this machine, sees the request after
// it has left and the reply before it comes.
func TestStampsOfTheKernelLieBetweenTheProgramAndTheServer(t *testing.T) {
	for name, c := range map[string]struct {
		takes time.Duration
		stamping
	}{
		"by a server that replies at once":        {0, kernelStamps},
		"by a server that takes its time":         {2500 * time.Microsecond, kernelStamps},
		"sharp, by a server that replies at once": {0, sharpStamps},
		"sharp, by a server that takes its time":  {2500 * time.Microsecond, sharpStamps},
	} {
		t.Run(name, func(t *testing.T) {
			counter := system(t)
			var requested, replied monotonic.Manual // hold what the server's goroutine has read
			server := startServer(t, ntptest.Behavior{Edit: func(_, reply []byte) [][]byte {
				requested.Set(counter.Now())
				time.Sleep(c.takes)
				replied.Set(counter.Now())
				return [][]byte{reply}
			}})
			socket := openStamped(t, server.Address(), c.stamping)
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			exchange := newConn(ctx, counter, socket)
			defer exchange.Close()
			request := newRequest()
			exchange.settle()
			before := counter.Now()
			_, err := exchange.Write(request[:])
			require.NoError(t, err)
			_, err = exchange.Read(make([]byte, maxReply))
			after := counter.Now()
			require.NoError(t, err)
			if exchange.stamps == wallclock.StampedUnsteadily {
				t.Skip("somebody has set the wall clock")
			}

			require.Equal(t, wallclock.StampedByKernel, strings.TrimSuffix(exchange.stamps, ", sharp"))
			require.LessOrEqual(t, before, exchange.sent)
			require.LessOrEqual(t, exchange.sent, requested.Now())
			require.LessOrEqual(t, replied.Now(), exchange.received)
			require.LessOrEqual(t, exchange.received, after)
		})
	}
}

func TestStatusSaysThatTheKernelHasStamped(t *testing.T) {
	server := startServer(t, ntptest.Behavior{})
	require.NoError(t, openStamped(t, server.Address(), kernelStamps).close())
	clock, err := truetime.New([]truetime.Source{Server(server.Address())})
	require.NoError(t, err)
	defer clock.Close()
	require.NoError(t, clock.WaitSynchronized(t.Context(), time.Second))
	require.Contains(t, clock.Status().Sources[0].Stamps, "kernel")
}

// The stamps of most polls are sharp, where the kernel tells how it is steered and nobody steers it.
func TestStampsAreSharpWhereThatIsWanted(t *testing.T) {
	counter := system(t)
	if !wallclock.Settle(t.Context(), counter, time.Millisecond) {
		t.Skip("the kernel does not tell how it is steered, or may hide an offset")
	}
	server := startServer(t, ntptest.Behavior{})
	require.NoError(t, openStamped(t, server.Address(), sharpStamps).close())
	source := Server(server.Address(), WithSharpStamps(), WithLocalReference())
	plain := Server(server.Address(), WithLocalReference())
	stamps, delays := map[string]int{}, map[bool][]time.Duration{}
	for range 50 {
		sample, err := source.Sample(t.Context(), counter)
		require.NoError(t, err)
		stamps[sample.Stamps]++
		delays[true] = append(delays[true], sample.Delay)
		sample, err = plain.Sample(t.Context(), counter)
		require.NoError(t, err)
		require.NotContains(t, sample.Stamps, "sharp")
		delays[false] = append(delays[false], sample.Delay)
	}
	slices.Sort(delays[true])
	slices.Sort(delays[false])
	t.Logf("%v; δ of %v, and of %v without", stamps, delays[true][25], delays[false][25])
	if !wallclock.Settle(t.Context(), counter, time.Millisecond) {
		t.Skip("somebody steers the clock")
	}
	require.Greater(t, stamps["kernel, sharp"], 5)
}

// It makes no difference where the round trip is long, and so it is not waited for.
func TestStampsOfADistantServerAreNotWaitedFor(t *testing.T) {
	for delay, want := range map[time.Duration]stamping{0: sharpStamps, sharpDelay - 1: sharpStamps, sharpDelay: kernelStamps, time.Second: kernelStamps} {
		s := Server("192.0.2.1", WithSharpStamps()).(*server)
		s.delay.Store(int64(delay))
		require.Equal(t, want, s.stamping(), delay)
	}
	require.Equal(t, programStamps, Server("192.0.2.1", WithSharpStamps(), WithoutKernelStamps()).(*server).stamping())
	require.Equal(t, kernelStamps, Server("192.0.2.1").(*server).stamping())
}

// Somebody steps the wall clock back before the reply comes and forward by the same amount when it
// has come. The readings see nothing of that, and the reply's stamp is 10 ms off. Nobody is deceived.
func TestStepsThatUndoEachOtherAreNoticed(t *testing.T) {
	testbed.MaySetTime(t)
	const by = 10 * time.Millisecond
	counter := system(t)
	for _, c := range []struct {
		back time.Duration
		stamping
	}{{by, kernelStamps}, {-by, kernelStamps}, {by, sharpStamps}, {-by, sharpStamps}} {
		back, wanted := c.back, c.stamping
		var replied monotonic.Manual // holds what the server's goroutine has read
		server := startServer(t, ntptest.Behavior{Edit: func(_, reply []byte) [][]byte {
			time.Sleep(2 * by)
			testbed.StepRealtime(t, -back)
			replied.Set(counter.Now())
			return [][]byte{reply}
		}})
		exchange := newConn(t.Context(), counter, &stepsOnReceipt{openStamped(t, server.Address(), wanted), t, back})
		request := newRequest()
		_, err := exchange.Write(request[:])
		require.NoError(t, err)
		_, err = exchange.Read(make([]byte, maxReply))
		require.NoError(t, err)
		require.NoError(t, exchange.Close())

		_, ok := exchange.bracket.Stepped()
		require.True(t, ok, "the readings see nothing")
		_, stamp := exchange.socket.(stamper).stamps()
		deceived, ok := exchange.bracket.NotAfter(stamp)
		t.Logf("stepped by %v and back: the reply, sent at %v, would have been received at %v (%v), and was %v", -back, replied.Now(), deceived, ok, exchange.received)
		require.Equal(t, wallclock.StampedUnsteadily, exchange.stamps)
		require.GreaterOrEqual(t, exchange.received, replied.Now())
		if back > 0 {
			require.True(t, ok)
			require.Less(t, deceived, replied.Now(), "with the readings alone it would have been wrong")
		}
	}
}

// stepsOnReceipt steps the wall clock as soon as a datagram has been received.
type stepsOnReceipt struct {
	*linuxSocket
	t  *testing.T
	by time.Duration
}

func (s *stepsOnReceipt) receive(ctx context.Context, b []byte) (int, error) {
	n, err := s.linuxSocket.receive(ctx, b)
	testbed.StepRealtime(s.t, s.by)
	return n, err
}
