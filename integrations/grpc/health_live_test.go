package epsilongrpc_test

import (
	"context"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	healthgrpc "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"

	epsilongrpc "github.com/epsilontime/epsilon/integrations/grpc"
	"github.com/epsilontime/epsilon/ntpsrc"
	"github.com/epsilontime/epsilon/ntpsrc/ntptest"
	"github.com/epsilontime/epsilon/truetime"
	"github.com/epsilontime/epsilon/truetime/truetimetest"
)

// startClock asks three servers.
func startClock(t testing.TB) *truetime.Clock {
	t.Helper()
	var sources []truetime.Source
	for range 3 {
		s, err := ntptest.Listen("127.0.0.1:0", ntptest.Behavior{Dispersion: 100 * time.Microsecond})
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, s.Close()) })
		sources = append(sources, ntpsrc.Server(s.Address(), ntpsrc.WithLocalReference()))
	}
	clock, err := truetime.New(sources, truetime.WithPoll(time.Second, time.Minute))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, clock.Close()) })
	return clock
}

// watch calls Watch of a server with this health, over TCP.
func watch(t testing.TB, clock epsilongrpc.HealthClock) (*epsilongrpc.Health, healthgrpc.Health_WatchClient) {
	t.Helper()
	h := newHealth(t, clock, time.Second)
	listener, where := listenTCP(t)
	serve(t, listener, func(s *grpc.Server) { healthgrpc.RegisterHealthServer(s, h) })
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute) // if the test fails
	t.Cleanup(cancel)
	stream, err := healthgrpc.NewHealthClient(connect(t, where)).Watch(ctx, &healthgrpc.HealthCheckRequest{})
	require.NoError(t, err)
	return h, stream
}

// await receives until the answer is this one.
func await(t testing.TB, stream healthgrpc.Health_WatchClient, want healthgrpc.HealthCheckResponse_ServingStatus) {
	t.Helper()
	for {
		r, err := stream.Recv()
		require.NoError(t, err)
		if r.GetStatus() == want {
			return
		}
	}
}

func TestHealthFollowsAClockFromItsStartToItsEnd(t *testing.T) {
	clock := startClock(t)
	_, stream := watch(t, clock)
	await(t, stream, serving)
	require.NoError(t, clock.Close())
	await(t, stream, notServing)
}

func TestAManualClockDrivesATest(t *testing.T) {
	clock := &truetimetest.Manual{}
	h, stream := watch(t, clock)
	await(t, stream, notServing)
	clock.Set(truetime.Interval{Earliest: start.Time(), Latest: start.Time()})
	await(t, stream, serving)
	clock.Widen(time.Second + 1)
	await(t, stream, notServing)
	clock.Set(truetime.Interval{Earliest: start.Time(), Latest: start.Time()})
	await(t, stream, serving)
	h.Close()
	await(t, stream, notServing)
	_, err := stream.Recv()
	require.Equal(t, codes.Unavailable, status.Code(err))
}

// Without Close it would wait for those who watch, who wait for it.
func TestAGracefulStopEndsAfterClose(t *testing.T) {
	h := newHealth(t, truetimetest.NewManual(start.Time(), 0), time.Second)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	server := grpc.NewServer()
	healthgrpc.RegisterHealthServer(server, h)
	done := make(chan error)
	go func() { done <- server.Serve(listener) }()
	conn := connect(t, address{target: "passthrough:///" + listener.Addr().String()})
	stream, err := healthgrpc.NewHealthClient(conn).Watch(t.Context(), &healthgrpc.HealthCheckRequest{})
	require.NoError(t, err)
	await(t, stream, serving)
	h.Close()
	server.GracefulStop()
	require.NoError(t, <-done)
	await(t, stream, notServing)
}
