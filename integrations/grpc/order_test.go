package epsilongrpc_test

import (
	"context"
	"errors"
	"io"
	"net"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	testgrpc "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/epsilontime/epsilon/hlc"
	"github.com/epsilontime/epsilon/hlc/hlchttp"
	epsilongrpc "github.com/epsilontime/epsilon/integrations/grpc"
)

func TestTheOrderOfEventsGoesThereAndBack(t *testing.T) {
	for name, listen := range map[string]func(testing.TB) (net.Listener, address){"in memory": listen, "over TCP": listenTCP} {
		t.Run(name, func(t *testing.T) {
			client, server := newClock(t, at(start+500)), newClock(t, at(start))
			before := now(t, client)
			var received, during hlc.Timestamp
			listener, where := listen(t)
			serve(t, listener, func(s *grpc.Server) {
				testgrpc.RegisterTestServiceServer(s, service{unary: func(ctx context.Context) error {
					received, _ = epsilongrpc.FromContext(ctx)
					for range 1000 {
						during = now(t, server)
					}
					return nil
				}})
			}, stamping(server)...)
			header, trailer, err := call(t.Context(), connect(t, where, merging(client)...))
			require.NoError(t, err)
			require.Greater(t, received, before)
			require.Greater(t, during, received)
			require.Greater(t, stamp(t, header), during, "taken when the header is sent, not when the call came")
			require.Greater(t, stamp(t, trailer), during)
			require.Greater(t, client.Last(), stamp(t, trailer))
		})
	}
}

// A server that has failed may have done something before that.
func TestAFailedCallCarriesTheOrderToo(t *testing.T) {
	client, server := newClock(t, at(start)), newClock(t, at(start+500))
	var during hlc.Timestamp
	failed := status.Error(codes.NotFound, "no such account")
	where := serveTest(t, service{unary: func(context.Context) error {
		during = now(t, server)
		return failed
	}, output: func(testgrpc.TestService_StreamingOutputCallServer) error {
		during = now(t, server)
		return failed
	}}, stamping(server)...)
	conn := connect(t, where, merging(client)...)

	header, trailer, err := call(t.Context(), conn)
	require.Equal(t, failed, err, "it is the caller's own")
	require.Empty(t, header, "gRPC tries nothing again that has had a header")
	require.Greater(t, stamp(t, trailer), during)
	require.Greater(t, client.Last(), stamp(t, trailer))

	stream, err := testgrpc.NewTestServiceClient(conn).StreamingOutputCall(t.Context(), &testgrpc.StreamingOutputCallRequest{})
	require.NoError(t, err)
	header, err = stream.Header()
	require.NoError(t, err)
	require.Nil(t, header)
	_, err = stream.Recv()
	require.Equal(t, failed, err)
	require.Greater(t, stamp(t, stream.Trailer()), during)
	require.Greater(t, client.Last(), stamp(t, stream.Trailer()))
}

func TestAPanicThatSomebodyRecoversFromCarriesTheOrder(t *testing.T) {
	clock := newClock(t, at(start))
	var during hlc.Timestamp
	recovers := func(ctx context.Context, request any, _ *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (response any, err error) {
		defer func() {
			if recover() != nil {
				err = status.Error(codes.Internal, "recovered")
			}
		}()
		return handler(ctx, request)
	}
	where := serveTest(t, service{unary: func(context.Context) error {
		during = now(t, clock)
		panic("a mistake")
	}}, grpc.ChainUnaryInterceptor(recovers, epsilongrpc.UnaryServerInterceptor(clock)))
	header, trailer, err := call(t.Context(), connect(t, where))
	require.Equal(t, codes.Internal, status.Code(err))
	require.Empty(t, header)
	require.Greater(t, stamp(t, trailer), during)
}

// The header of a stream carries what was done until then, the trailer the rest, and the client has
// merged each before it sees what comes with it.
func TestAStreamCarriesTheOrderInHeaderAndTrailer(t *testing.T) {
	client, server := newClock(t, at(start)), newClock(t, at(start+500))
	var received, early, late hlc.Timestamp
	where := serveTest(t, service{output: func(stream testgrpc.TestService_StreamingOutputCallServer) error {
		received, _ = hlchttp.FromContext(stream.Context())
		early = now(t, server)
		for range 3 {
			if err := stream.Send(&testgrpc.StreamingOutputCallResponse{}); err != nil {
				return err
			}
		}
		late = now(t, server)
		return nil
	}}, stamping(server)...)
	before := now(t, client)
	stream, err := testgrpc.NewTestServiceClient(connect(t, where, merging(client)...)).
		StreamingOutputCall(t.Context(), &testgrpc.StreamingOutputCallRequest{})
	require.NoError(t, err)
	_, err = stream.Recv()
	require.NoError(t, err)
	require.Greater(t, received, before)
	header, err := stream.Header()
	require.NoError(t, err)
	require.Greater(t, stamp(t, header), early)
	merged := client.Last()
	require.Greater(t, merged, stamp(t, header))
	for range 2 {
		_, err = stream.Recv()
		require.NoError(t, err)
	}
	require.Equal(t, merged, client.Last(), "nothing is merged twice")
	_, err = stream.Recv()
	require.Equal(t, io.EOF, err)
	require.Greater(t, stamp(t, stream.Trailer()), late)
	require.Greater(t, client.Last(), stamp(t, stream.Trailer()))
}

func TestTheHeaderOfAStreamIsStampedWhicheverWayItIsSent(t *testing.T) {
	copied := metadata.Pairs(epsilongrpc.TimestampKey, "1", "other", "kept") // by a proxy, from the call that it makes
	for name, send := range map[string]func(testgrpc.TestService_FullDuplexCallServer) error{
		"with a message": func(s testgrpc.TestService_FullDuplexCallServer) error {
			if err := s.SetHeader(copied); err != nil {
				return err
			}
			return s.Send(&testgrpc.StreamingOutputCallResponse{})
		},
		"alone": func(s testgrpc.TestService_FullDuplexCallServer) error { return s.SendHeader(copied) },
	} {
		t.Run(name, func(t *testing.T) {
			clock := newClock(t, at(start))
			var during hlc.Timestamp
			where := serveTest(t, service{duplex: func(stream testgrpc.TestService_FullDuplexCallServer) error {
				during = now(t, clock)
				if err := send(stream); err != nil {
					return err
				}
				stream.SetTrailer(copied)
				return nil
			}}, stamping(clock)...)
			relay := new(hlchttp.Relay)
			stream, err := testgrpc.NewTestServiceClient(connect(t, where, merging(relay)...)).FullDuplexCall(t.Context())
			require.NoError(t, err)
			header, err := stream.Header()
			require.NoError(t, err)
			require.Greater(t, stamp(t, header), during)
			require.Equal(t, stamp(t, header), relay.Last())
			require.Equal(t, []string{"kept"}, header["other"])
			for err == nil {
				_, err = stream.Recv()
			}
			require.Equal(t, io.EOF, err)
			require.Greater(t, stamp(t, stream.Trailer()), stamp(t, header))
			require.Equal(t, []string{"kept"}, stream.Trailer()["other"])
			require.Equal(t, stamp(t, stream.Trailer()), relay.Last())
		})
	}
}

// Whoever sends the header past the interceptor leaves the timestamp to the trailer.
func TestAHeaderThatTheHandlerHasSentLeavesTheTrailer(t *testing.T) {
	clock := newClock(t, at(start))
	send := func(ctx context.Context) error { return grpc.SendHeader(ctx, metadata.Pairs("other", "kept")) }
	where := serveTest(t, service{unary: send, output: func(s testgrpc.TestService_StreamingOutputCallServer) error {
		return errors.Join(send(s.Context()), s.Send(&testgrpc.StreamingOutputCallResponse{}))
	}}, stamping(clock)...)
	relay := new(hlchttp.Relay)
	conn := connect(t, where, merging(relay)...)
	header, trailer, err := call(t.Context(), conn)
	require.NoError(t, err)
	require.Empty(t, header[epsilongrpc.TimestampKey])
	require.Equal(t, []string{"kept"}, header["other"])
	require.Equal(t, stamp(t, trailer), relay.Last())

	stream, err := testgrpc.NewTestServiceClient(conn).StreamingOutputCall(t.Context(), &testgrpc.StreamingOutputCallRequest{})
	require.NoError(t, err)
	for err == nil {
		_, err = stream.Recv()
	}
	require.Equal(t, io.EOF, err)
	require.Equal(t, stamp(t, stream.Trailer()), relay.Last())
}

func TestACallWithoutATimestampIsServed(t *testing.T) {
	where := serveTest(t, service{unary: func(ctx context.Context) error {
		if received, ok := epsilongrpc.FromContext(ctx); !ok || received != start {
			return status.Error(codes.Aborted, received.String())
		}
		return nil
	}}, stamping(newClock(t, at(start)))...)
	_, _, err := call(t.Context(), connect(t, where))
	require.NoError(t, err)
	_, ok := epsilongrpc.FromContext(t.Context())
	require.False(t, ok)
}

func TestARelayWithNothingToSaySendsNoTimestamp(t *testing.T) {
	var got metadata.MD
	where := serveTest(t, service{unary: func(ctx context.Context) error {
		got, _ = metadata.FromIncomingContext(ctx)
		if received, ok := epsilongrpc.FromContext(ctx); ok {
			return status.Error(codes.Aborted, received.String())
		}
		return nil
	}}, stamping(new(hlchttp.Relay))...)
	conn := connect(t, where, merging(new(hlchttp.Relay))...)
	header, trailer, err := call(with(t.Context(), start.String()), conn) // copied from a call that came in
	require.NoError(t, err)
	require.Empty(t, got[epsilongrpc.TimestampKey])
	require.Empty(t, header[epsilongrpc.TimestampKey])
	require.Empty(t, trailer[epsilongrpc.TimestampKey])
}

func TestWhatWasCopiedFromAnotherCallIsReplaced(t *testing.T) {
	var got metadata.MD
	where := serveTest(t, service{unary: func(ctx context.Context) error {
		got, _ = metadata.FromIncomingContext(ctx)
		return nil
	}}, stamping(newClock(t, at(start)))...)
	client := newClock(t, at(start+5))
	ctx := metadata.AppendToOutgoingContext(t.Context(), epsilongrpc.TimestampKey, "1", "Hlc-Timestamp", "2", epsilongrpc.IntervalKey, "3", "other", "kept")
	_, _, err := call(ctx, connect(t, where, merging(client)...))
	require.NoError(t, err)
	require.Equal(t, start+5, stamp(t, got))
	require.Empty(t, got[epsilongrpc.IntervalKey])
	require.Equal(t, []string{"kept"}, got["other"])
}

func TestAResponseStillCarriesTheOrderWhenTheClockFailsMeanwhile(t *testing.T) {
	intervals := at(start)
	clock := newClock(t, intervals)
	var received hlc.Timestamp
	where := serveTest(t, service{unary: func(ctx context.Context) error {
		received, _ = epsilongrpc.FromContext(ctx)
		intervals.Disrupt()
		return nil
	}}, stamping(clock, epsilongrpc.WithInterval(intervals))...)
	_, trailer, err := call(t.Context(), connect(t, where))
	require.NoError(t, err)
	require.Equal(t, received, stamp(t, trailer))
	require.Empty(t, trailer[epsilongrpc.IntervalKey])
}

func TestNilIsRefusedWhereTheInterceptorIsMade(t *testing.T) {
	for _, make := range []func(){
		func() { epsilongrpc.UnaryServerInterceptor((*hlc.Clock)(nil)) },
		func() { epsilongrpc.StreamServerInterceptor(nil) },
		func() { epsilongrpc.UnaryClientInterceptor(nil) },
		func() { epsilongrpc.StreamClientInterceptor((*hlchttp.Relay)(nil)) },
		func() { epsilongrpc.WithInterval(nil) },
	} {
		require.Panics(t, make)
	}
	require.PanicsWithValue(t, "epsilongrpc: an option of UnaryServerInterceptor is nil", func() {
		epsilongrpc.UnaryServerInterceptor(new(hlchttp.Relay), nil)
	})
}
