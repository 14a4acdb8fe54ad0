package epsilongrpc_test

import (
	"context"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	healthgrpc "google.golang.org/grpc/health/grpc_health_v1"
	testgrpc "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/reflection"
	reflectiongrpc "google.golang.org/grpc/reflection/grpc_reflection_v1"
	"google.golang.org/grpc/status"

	"github.com/epsilontime/epsilon/hlc"
	epsilongrpc "github.com/epsilontime/epsilon/integrations/grpc"
	"github.com/epsilontime/epsilon/truetime"
	"github.com/epsilontime/epsilon/truetime/truetimetest"
)

// A clock that has no answer is what health is asked about, so neither side needs one to ask.
func TestGRPCsOwnServicesAnswerWithoutAClock(t *testing.T) {
	intervals := at(start)
	intervals.Disrupt()
	health, err := epsilongrpc.NewHealth(intervals, time.Second)
	require.NoError(t, err)
	listener, where := listen(t)
	server := newClock(t, intervals)
	serve(t, listener, func(s *grpc.Server) {
		testgrpc.RegisterTestServiceServer(s, service{})
		healthgrpc.RegisterHealthServer(s, health)
		reflection.Register(s)
	}, stamping(server)...)
	conn := connect(t, where, merging(newClock(t, intervals))...)
	ctx := with(t.Context(), hlc.Timestamp(math.MaxInt64).String()) // forged, and of no effect

	response, err := healthgrpc.NewHealthClient(conn).Check(ctx, &healthgrpc.HealthCheckRequest{})
	require.NoError(t, err)
	require.Equal(t, healthgrpc.HealthCheckResponse_NOT_SERVING, response.GetStatus())
	stream, err := reflectiongrpc.NewServerReflectionClient(conn).ServerReflectionInfo(ctx)
	require.NoError(t, err)
	require.NoError(t, stream.Send(&reflectiongrpc.ServerReflectionRequest{
		MessageRequest: &reflectiongrpc.ServerReflectionRequest_ListServices{},
	}))
	list, err := stream.Recv()
	require.NoError(t, err)
	require.Len(t, list.GetListServicesResponse().GetService(), 4) // two versions of reflection
	require.NoError(t, stream.CloseSend())
	_, err = stream.Recv()
	require.Error(t, err)
	require.Zero(t, server.Last())

	_, _, err = call(ctx, conn)
	require.Equal(t, codes.Unavailable, status.Code(err))
}

func TestAnIntervalShowsThePeersUncertainty(t *testing.T) {
	mine := truetimetest.NewManual((start + 5_000).Time(), 3*time.Microsecond)
	theirs := truetimetest.NewManual(start.Time(), 2*time.Microsecond)
	var got metadata.MD
	where := serveTest(t, service{unary: func(ctx context.Context) error {
		got, _ = metadata.FromIncomingContext(ctx)
		return nil
	}}, stamping(newClock(t, theirs), epsilongrpc.WithInterval(theirs))...)
	conn := connect(t, where, merging(newClock(t, mine), epsilongrpc.WithInterval(mine))...)
	ctx := metadata.AppendToOutgoingContext(t.Context(), epsilongrpc.IntervalKey, "copied")
	header, trailer, err := call(ctx, conn)
	require.NoError(t, err)
	for md, clock := range map[*metadata.MD]*truetimetest.Manual{&got: mine, &header: theirs, &trailer: theirs} {
		interval, err := epsilongrpc.PeerInterval(*md)
		require.NoError(t, err)
		want, err := clock.Now()
		require.NoError(t, err)
		require.Equal(t, want, interval)
		require.GreaterOrEqual(t, stamp(t, *md).Time(), interval.Latest)
	}

	mine.Disrupt() // the interval is left out, and here the timestamp, too
	_, _, err = call(ctx, conn)
	require.ErrorIs(t, err, truetime.ErrNotSynchronized)
}

func TestAnIntervalThatIsNoneIsAnError(t *testing.T) {
	interval, err := epsilongrpc.PeerInterval(nil)
	require.NoError(t, err)
	require.False(t, interval.Valid())
	text, err := truetime.Interval{Earliest: start.Time(), Latest: start.Time()}.MarshalText()
	require.NoError(t, err)
	for _, values := range [][]string{{""}, {"x"}, {string(text), string(text)}, {"2026-01-02T00:00:00Z/2026-01-01T00:00:00Z"}} {
		_, err := epsilongrpc.PeerInterval(metadata.MD{epsilongrpc.IntervalKey: values})
		require.Error(t, err, "%q", values)
		require.Contains(t, err.Error(), epsilongrpc.IntervalKey)
	}
}
