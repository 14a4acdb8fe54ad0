package epsilongrpc_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	testgrpc "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/test/bufconn"

	"github.com/epsilontime/epsilon/hlc"
	"github.com/epsilontime/epsilon/hlc/hlchttp"
	epsilongrpc "github.com/epsilontime/epsilon/integrations/grpc"
)

// retrying has gRPC try a call again that is UNAVAILABLE.
var retrying = grpc.WithDefaultServiceConfig(`{"methodConfig": [{"name": [{}], "retryPolicy": {
	"maxAttempts": 3, "initialBackoff": "0.001s", "maxBackoff": "0.001s", "backoffMultiplier": 1,
	"retryableStatusCodes": ["UNAVAILABLE"]}}]}`)

// attempts is a service whose first attempt of each call fails, with this in its trailer, and which keeps what came.
type attempts struct {
	trailer string
	mu      sync.Mutex
	came    []metadata.MD
}

func (a *attempts) next(ctx context.Context) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	md, _ := metadata.FromIncomingContext(ctx)
	a.came = append(a.came, md)
	if len(a.came)%2 == 0 {
		return nil
	}
	if err := grpc.SetTrailer(ctx, metadata.Pairs(epsilongrpc.TimestampKey, a.trailer)); err != nil {
		return err
	}
	return status.Error(codes.Unavailable, "after something was done")
}

func (a *attempts) stamps(t *testing.T) (stamps []hlc.Timestamp) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, md := range a.came {
		stamps = append(stamps, stamp(t, md))
	}
	return stamps
}

func (a *attempts) service() service {
	return service{unary: a.next, duplex: func(s testgrpc.TestService_FullDuplexCallServer) error { return a.next(s.Context()) }}
}

// What a server did before it failed comes before the next attempt, and before what the client does afterwards.
func TestEachAttemptComesAfterTheOneThatFailed(t *testing.T) {
	const done = start + 500
	server, client := &attempts{trailer: done.String()}, newClock(t, at(start))
	conn := connect(t, serveTest(t, server.service()), append(merging(client), retrying, grpc.WithStatsHandler(epsilongrpc.RetryHandler()))...)
	_, _, err := call(t.Context(), conn)
	require.NoError(t, err)
	require.Len(t, server.stamps(t), 2)
	require.Less(t, server.stamps(t)[0], done)
	require.Greater(t, server.stamps(t)[1], done)
	require.Greater(t, client.Last(), server.stamps(t)[1]-1)

	server.trailer = (done + 500).String()
	stream, err := testgrpc.NewTestServiceClient(conn).FullDuplexCall(t.Context())
	require.NoError(t, err)
	_, err = stream.Recv()
	require.Equal(t, io.EOF, err)
	require.Len(t, server.stamps(t), 4)
	require.Less(t, server.stamps(t)[2], done+500)
	require.Greater(t, server.stamps(t)[3], done+500)
}

func TestAnAttemptWhoseTrailerCannotBeMergedFailsTheCall(t *testing.T) {
	server, client := &attempts{trailer: (start + 5_000_000).String()}, newClock(t, at(start))
	conn := connect(t, serveTest(t, server.service()), append(merging(client), retrying, grpc.WithStatsHandler(epsilongrpc.RetryHandler()))...)
	_, _, err := call(t.Context(), conn)
	require.Equal(t, codes.Internal, status.Code(err), "%v", err)
	require.ErrorIs(t, err, hlc.ErrFromFuture)
	require.Contains(t, err.Error(), "passthrough:///in-memory at bufconn")
	require.Len(t, server.stamps(t), 2)
}

// The interceptors alone see the last attempt: each carries the timestamp of the call, which is not wrong, only early.
func TestWithoutTheHandlerAllAttemptsCarryTheTimestampOfTheCall(t *testing.T) {
	server, client := &attempts{trailer: (start + 500).String()}, newClock(t, at(start))
	_, _, err := call(t.Context(), connect(t, serveTest(t, server.service()), append(merging(client), retrying)...))
	require.NoError(t, err)
	require.Equal(t, []hlc.Timestamp{start, start}, server.stamps(t))
	require.Equal(t, start, client.Last())
}

// A failure keeps its form, a trailer without a header, without which gRPC's retry policy does nothing.
func TestTheServersInterceptorsLeaveTheRetryPolicyAlone(t *testing.T) {
	clock, tried := newClock(t, at(start)), 0
	try := func(context.Context) error {
		if tried++; tried%3 != 0 {
			return status.Error(codes.Unavailable, "again")
		}
		return nil
	}
	where := serveTest(t, service{unary: try, duplex: func(s testgrpc.TestService_FullDuplexCallServer) error { return try(s.Context()) }}, stamping(clock)...)
	conn := connect(t, where, append(merging(new(hlchttp.Relay)), retrying)...)
	_, _, err := call(t.Context(), conn)
	require.NoError(t, err)
	stream, err := testgrpc.NewTestServiceClient(conn).FullDuplexCall(t.Context())
	require.NoError(t, err)
	_, err = stream.Recv()
	require.Equal(t, io.EOF, err)
	require.Equal(t, 6, tried)
}

// A refusal for want of a timestamp is tried again by the policy, and one for a timestamp from the future never is.
func TestOnlyARefusalThatPassesIsTriedAgain(t *testing.T) {
	intervals := at(start)
	clock := &moody{Clock: newClock(t, intervals)}
	conn := connect(t, serveTest(t, service{}, stamping(clock)...), append(merging(newClock(t, at(start))), retrying)...)
	clock.failures = 2
	_, _, err := call(t.Context(), conn)
	require.NoError(t, err)
	require.Equal(t, 3, clock.asked)

	clock.asked = 0
	ahead := connect(t, serveTest(t, service{}, stamping(clock)...), append(merging(newClock(t, at(start+5_000_000))), retrying)...)
	_, _, err = call(t.Context(), ahead)
	require.ErrorIs(t, err, hlc.ErrFromFuture)
	require.Equal(t, 1, clock.asked)
}

// moody refuses so many times.
type moody struct {
	*hlc.Clock
	failures, asked int
}

func (m *moody) Update(remote hlc.Timestamp, from string) (hlc.Timestamp, error) {
	m.asked++
	if m.failures > 0 {
		m.failures--
		return 0, errors.New("not yet")
	}
	return m.Clock.Update(remote, from)
}

// Whoever tries again above the interceptors makes a new call each time.
func TestACallThatIsMadeAgainHasATimestampOfItsOwn(t *testing.T) {
	server, client := &attempts{trailer: (start + 500).String()}, newClock(t, at(start))
	again := func(ctx context.Context, method string, request, reply any, conn *grpc.ClientConn, invoke grpc.UnaryInvoker, options ...grpc.CallOption) error {
		if err := invoke(ctx, method, request, reply, conn, options...); status.Code(err) != codes.Unavailable {
			return err
		}
		return invoke(ctx, method, request, reply, conn, options...)
	}
	conn := connect(t, serveTest(t, server.service()), append([]grpc.DialOption{grpc.WithChainUnaryInterceptor(again)}, merging(client)...)...)
	_, _, err := call(t.Context(), conn)
	require.NoError(t, err)
	require.Less(t, server.stamps(t)[0], start+500)
	require.Greater(t, server.stamps(t)[1], start+500)
}

// A stream that a server has not looked at is opened again by gRPC of its own accord, once. This server is a few frames
// of HTTP/2, as there is no way to have gRPC's own do it.
func TestATransparentRetryCarriesATimestamp(t *testing.T) {
	for name, options := range map[string][]grpc.DialOption{
		"interceptors":     nil,
		"and RetryHandler": {grpc.WithStatsHandler(epsilongrpc.RetryHandler())},
	} {
		t.Run(name, func(t *testing.T) {
			listener, where := listenTCP(t)
			done := make(chan []string, 1)
			go func() {
				defer listener.Close()
				conn, err := listener.Accept()
				if err != nil {
					done <- nil
					return
				}
				defer conn.Close()
				done <- refuseFirst(conn, (start + 500).String())
				io.Copy(io.Discard, conn) // until the client goes
			}()
			client := newClock(t, at(start))
			_, trailer, err := call(t.Context(), connect(t, where, append(merging(client), options...)...))
			require.Equal(t, codes.NotFound, status.Code(err), "%v", err)
			came := <-done
			require.Len(t, came, 2)
			for _, value := range came {
				timestamp, err := hlc.ParseTimestamp(value)
				require.NoError(t, err)
				require.Less(t, timestamp, start+10)
			}
			require.Greater(t, client.Last(), stamp(t, trailer))
		})
	}
}

// refuseFirst speaks HTTP/2, refuses the first stream, answers the second with NOT_FOUND and a timestamp, and returns
// those that came.
func refuseFirst(conn net.Conn, answer string) (came []string) {
	if _, err := io.ReadFull(conn, make([]byte, len(http2.ClientPreface))); err != nil {
		return nil
	}
	framer := http2.NewFramer(conn, conn)
	framer.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	_ = framer.WriteSettings()
	for len(came) < 2 {
		frame, err := framer.ReadFrame()
		if err != nil {
			return came
		}
		switch f := frame.(type) {
		case *http2.SettingsFrame:
			if !f.IsAck() {
				_ = framer.WriteSettingsAck()
			}
		case *http2.MetaHeadersFrame:
			for _, field := range f.Fields {
				if field.Name == epsilongrpc.TimestampKey {
					came = append(came, field.Value)
				}
			}
			if len(came) == 1 {
				_ = framer.WriteRSTStream(f.StreamID, http2.ErrCodeRefusedStream)
				continue
			}
			var block bytes.Buffer
			encoder := hpack.NewEncoder(&block)
			for _, field := range [][2]string{
				{":status", "200"}, {"content-type", "application/grpc"}, {"grpc-status", "5"}, {epsilongrpc.TimestampKey, answer},
			} {
				_ = encoder.WriteField(hpack.HeaderField{Name: field[0], Value: field[1]})
			}
			_ = framer.WriteHeaders(http2.HeadersFrameParam{
				StreamID: f.StreamID, BlockFragment: block.Bytes(), EndStream: true, EndHeaders: true,
			})
		}
	}
	return came
}

// A call that waits for a connection goes out with the timestamp of when it was made.
func TestACallThatWaitsUntilReadyIsMerged(t *testing.T) {
	client, server := newClock(t, at(start)), newClock(t, at(start+500))
	var received hlc.Timestamp
	begun, ready, dialled := make(chan struct{}), make(chan struct{}), 0
	listener, where := bufconn.Listen(1<<16), address{target: "passthrough:///in-memory"}
	where.dial = []grpc.DialOption{grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) {
		if dialled++; dialled == 1 {
			close(begun)
			<-ready
		}
		return listener.DialContext(ctx)
	})}
	serve(t, listener, func(s *grpc.Server) {
		testgrpc.RegisterTestServiceServer(s, service{unary: func(ctx context.Context) error {
			received, _ = epsilongrpc.FromContext(ctx)
			return nil
		}})
	}, stamping(server)...)
	conn := connect(t, where, merging(client)...)
	go func() {
		<-begun
		for range 100 {
			_, _ = client.Now() // what happens meanwhile has no order with the call
		}
		close(ready)
	}()
	_, err := testgrpc.NewTestServiceClient(conn).UnaryCall(t.Context(), &testgrpc.SimpleRequest{}, grpc.WaitForReady(true))
	require.NoError(t, err)
	require.GreaterOrEqual(t, received, start+500)
	require.Greater(t, client.Last(), received)
}
