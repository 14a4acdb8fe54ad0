package epsilongrpc_test

import (
	"context"
	"fmt"
	"net"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	healthgrpc "google.golang.org/grpc/health/grpc_health_v1"
	testgrpc "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/test/bufconn"

	"github.com/epsilontime/epsilon/hlc"
	"github.com/epsilontime/epsilon/hlc/hlchttp"
	epsilongrpc "github.com/epsilontime/epsilon/integrations/grpc"
	"github.com/epsilontime/epsilon/truetime"
	"github.com/epsilontime/epsilon/truetime/truetimetest"
)

// ledger answers with the timestamp at which it was called.
type ledger struct {
	testgrpc.UnimplementedTestServiceServer
}

func (ledger) UnaryCall(ctx context.Context, _ *testgrpc.SimpleRequest) (*testgrpc.SimpleResponse, error) {
	received, _ := epsilongrpc.FromContext(ctx)
	return &testgrpc.SimpleResponse{Username: received.String()}, nil
}

// A client that has no clock writes at one server and reads at another, whose clock is behind, and the read comes after the
// write.
func Example() {
	relay := new(hlchttp.Relay) // a client with a clock gives that
	ask := func(truth truetime.Time) hlc.Timestamp {
		intervals := truetimetest.NewManual(truth, 100*time.Millisecond) // in life, a truetime.Clock
		clock, err := hlc.New(intervals)
		if err != nil {
			panic(err)
		}
		server := grpc.NewServer(
			grpc.ChainUnaryInterceptor(epsilongrpc.UnaryServerInterceptor(clock)),
			grpc.ChainStreamInterceptor(epsilongrpc.StreamServerInterceptor(clock)),
		)
		testgrpc.RegisterTestServiceServer(server, ledger{})
		listener := bufconn.Listen(1 << 16)
		go server.Serve(listener)
		defer server.Stop()

		conn, err := grpc.NewClient("passthrough:///ledger",
			grpc.WithTransportCredentials(insecure.NewCredentials()),
			grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return listener.DialContext(ctx) }),
			grpc.WithChainUnaryInterceptor(epsilongrpc.UnaryClientInterceptor(relay)),
			grpc.WithChainStreamInterceptor(epsilongrpc.StreamClientInterceptor(relay)),
		)
		if err != nil {
			panic(err)
		}
		defer conn.Close()
		response, err := testgrpc.NewTestServiceClient(conn).UnaryCall(context.Background(), &testgrpc.SimpleRequest{})
		if err != nil {
			panic(err)
		}
		received, err := hlc.ParseTimestamp(response.GetUsername())
		if err != nil {
			panic(err)
		}
		return received
	}
	truth := truetime.FromStd(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))
	written := ask(truth.Add(80 * time.Millisecond))
	read := ask(truth.Add(-80 * time.Millisecond))
	fmt.Println(read.After(written))
	// Output: true
}

func ExampleNewHealth() {
	truth := truetime.FromStd(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))
	clock := truetimetest.NewManual(truth, time.Millisecond) // in life, a truetime.Clock or a hostclock.Clock
	health, err := epsilongrpc.NewHealth(clock, 10*time.Millisecond)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer health.Close()
	server := grpc.NewServer()
	healthgrpc.RegisterHealthServer(server, health)

	ask := func() {
		answer, err := health.Check(context.Background(), &healthgrpc.HealthCheckRequest{})
		fmt.Println(answer.GetStatus(), err)
	}
	ask()
	clock.Widen(10 * time.Millisecond) // holdover, for long
	ask()
	// Output:
	// SERVING <nil>
	// NOT_SERVING <nil>
}
