package epsilongrpc_test

import (
	"context"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	testgrpc "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/test/bufconn"

	"github.com/epsilontime/epsilon/hlc"
	"github.com/epsilontime/epsilon/hlc/hlchttp"
	epsilongrpc "github.com/epsilontime/epsilon/integrations/grpc"
	"github.com/epsilontime/epsilon/truetime/truetimetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// start is what the clocks of the tests say: 2026-01-01.
const start hlc.Timestamp = 1_767_225_600_000_000_000

// at returns an interval clock that stands still.
func at(t hlc.Timestamp) *truetimetest.Manual { return truetimetest.NewManual(t.Time(), 0) }

// newClock returns a clock that tolerates a millisecond.
func newClock(t testing.TB, intervals *truetimetest.Manual) *hlc.Clock {
	t.Helper()
	clock, err := hlc.New(intervals, hlc.WithTolerance(time.Millisecond))
	require.NoError(t, err)
	return clock
}

// now is for handlers, too, which must not end the test's goroutine.
func now(t testing.TB, clock *hlc.Clock) hlc.Timestamp {
	t.Helper()
	timestamp, err := clock.Now()
	if err != nil {
		t.Error(err)
	}
	return timestamp
}

// service is a TestService of which each test writes what it needs.
type service struct {
	testgrpc.UnimplementedTestServiceServer
	unary  func(context.Context) error
	output func(testgrpc.TestService_StreamingOutputCallServer) error
	input  func(testgrpc.TestService_StreamingInputCallServer) error
	duplex func(testgrpc.TestService_FullDuplexCallServer) error
}

func (s service) UnaryCall(ctx context.Context, _ *testgrpc.SimpleRequest) (*testgrpc.SimpleResponse, error) {
	if s.unary != nil {
		if err := s.unary(ctx); err != nil {
			return nil, err
		}
	}
	return &testgrpc.SimpleResponse{}, nil
}

func (s service) StreamingOutputCall(_ *testgrpc.StreamingOutputCallRequest, stream testgrpc.TestService_StreamingOutputCallServer) error {
	return s.output(stream)
}

func (s service) StreamingInputCall(stream testgrpc.TestService_StreamingInputCallServer) error {
	return s.input(stream)
}

func (s service) FullDuplexCall(stream testgrpc.TestService_FullDuplexCallServer) error {
	return s.duplex(stream)
}

// stamping returns what a server with this clock is made with.
func stamping(clock hlchttp.Clock, options ...epsilongrpc.Option) []grpc.ServerOption {
	return []grpc.ServerOption{
		grpc.ChainUnaryInterceptor(epsilongrpc.UnaryServerInterceptor(clock, options...)),
		grpc.ChainStreamInterceptor(epsilongrpc.StreamServerInterceptor(clock, options...)),
	}
}

// merging returns what a connection with this clock is made with.
func merging(clock hlchttp.Clock, options ...epsilongrpc.Option) []grpc.DialOption {
	return []grpc.DialOption{
		grpc.WithChainUnaryInterceptor(epsilongrpc.UnaryClientInterceptor(clock, options...)),
		grpc.WithChainStreamInterceptor(epsilongrpc.StreamClientInterceptor(clock, options...)),
	}
}

// address is where a server of a test listens.
type address struct {
	target string
	dial   []grpc.DialOption
}

// listen returns a listener in memory, and how to reach it.
func listen(t testing.TB) (net.Listener, address) {
	t.Helper()
	listener := bufconn.Listen(1 << 16)
	return listener, address{"passthrough:///in-memory", []grpc.DialOption{
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return listener.DialContext(ctx) }),
	}}
}

// listenTCP returns a listener on loopback, and how to reach it.
func listenTCP(t testing.TB) (net.Listener, address) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	return listener, address{"passthrough:///" + listener.Addr().String(), nil}
}

// serve starts a server for the time of the test.
func serve(t testing.TB, listener net.Listener, register func(*grpc.Server), options ...grpc.ServerOption) {
	t.Helper()
	server := grpc.NewServer(options...)
	register(server)
	done := make(chan error)
	go func() { done <- server.Serve(listener) }()
	t.Cleanup(func() {
		server.Stop()
		require.NoError(t, <-done)
	})
}

// serveTest starts one with a test's service, in memory.
func serveTest(t testing.TB, s service, options ...grpc.ServerOption) address {
	t.Helper()
	listener, where := listen(t)
	serve(t, listener, func(server *grpc.Server) { testgrpc.RegisterTestServiceServer(server, s) }, options...)
	return where
}

// connect returns a connection for the time of the test.
func connect(t testing.TB, where address, options ...grpc.DialOption) *grpc.ClientConn {
	t.Helper()
	options = append([]grpc.DialOption{grpc.WithTransportCredentials(insecure.NewCredentials())}, options...)
	conn, err := grpc.NewClient(where.target, append(options, where.dial...)...)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, conn.Close()) })
	return conn
}

// call makes a unary call and returns the metadata of the response.
func call(ctx context.Context, conn *grpc.ClientConn) (header, trailer metadata.MD, err error) {
	_, err = testgrpc.NewTestServiceClient(conn).UnaryCall(ctx, &testgrpc.SimpleRequest{}, grpc.Header(&header), grpc.Trailer(&trailer))
	return header, trailer, err
}

// with is a context that sends values as they are, past all checks, over a connection without interceptors.
func with(ctx context.Context, values ...string) context.Context {
	return metadata.NewOutgoingContext(ctx, metadata.MD{epsilongrpc.TimestampKey: values})
}

// stamp returns the timestamp in metadata, of which there must be one.
func stamp(t testing.TB, md metadata.MD) hlc.Timestamp {
	t.Helper()
	require.Len(t, md[epsilongrpc.TimestampKey], 1, "%v", md)
	timestamp, err := hlc.ParseTimestamp(md[epsilongrpc.TimestampKey][0])
	require.NoError(t, err)
	return timestamp
}
