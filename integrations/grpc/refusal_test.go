package epsilongrpc_test

import (
	"context"
	"errors"
	"io"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	testgrpc "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/epsilontime/epsilon/hlc"
	epsilongrpc "github.com/epsilontime/epsilon/integrations/grpc"
	"github.com/epsilontime/epsilon/truetime"
)

// named names whoever calls, as an interceptor of a server behind a proxy does.
func named(name string) grpc.UnaryServerInterceptor {
	return func(ctx context.Context, request any, _ *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
		return handler(peer.NewContext(ctx, &peer.Peer{Addr: nodeName(name)}), request)
	}
}

type nodeName string

func (nodeName) Network() string  { return "node" }
func (n nodeName) String() string { return string(n) }

func TestABadTimestampIsRefusedBeforeTheHandler(t *testing.T) {
	clock := newClock(t, at(start))
	called := func() error { t.Error("the handler was called"); return nil }
	options := append([]grpc.ServerOption{grpc.ChainUnaryInterceptor(named("node-7"))}, stamping(clock)...)
	conn := connect(t, serveTest(t, service{
		unary:  func(context.Context) error { return called() },
		input:  func(testgrpc.TestService_StreamingInputCallServer) error { return called() },
		output: func(testgrpc.TestService_StreamingOutputCallServer) error { return called() },
		duplex: func(testgrpc.TestService_FullDuplexCallServer) error { return called() },
	}, options...))
	for _, row := range []struct {
		values []string
		code   codes.Code
	}{
		{[]string{""}, codes.InvalidArgument},
		{[]string{"x"}, codes.InvalidArgument},
		{[]string{"0"}, codes.InvalidArgument},
		{[]string{"-1"}, codes.InvalidArgument},
		{[]string{"+1"}, codes.InvalidArgument},
		{[]string{" 1767225600000000000"}, codes.InvalidArgument},
		{[]string{"1767225600000000000,1767225600000000000"}, codes.InvalidArgument},
		{[]string{"9223372036854775808"}, codes.InvalidArgument},
		{[]string{strings.Repeat("1", 100_000)}, codes.InvalidArgument},
		{[]string{start.String(), start.String()}, codes.InvalidArgument},
		{strings.Fields(strings.Repeat(start.String()+" ", 10_000)), codes.InvalidArgument},
		{[]string{"631151999999999999"}, codes.InvalidArgument}, // 1989
		{[]string{"1767225600000"}, codes.InvalidArgument},      // milliseconds
		{[]string{(start + 1_000_001).String()}, codes.FailedPrecondition},
		{[]string{hlc.Timestamp(math.MaxInt64).String()}, codes.FailedPrecondition},
	} {
		_, trailer, err := call(with(t.Context(), row.values...), conn)
		require.Equal(t, row.code, status.Code(err), "%.50q: %v", row.values, err)
		require.Contains(t, err.Error(), `"node-7"`)
		require.Less(t, len(err.Error()), 1000)
		require.Less(t, proto.Size(status.Convert(err).Proto()), 1000)
		require.Less(t, stamp(t, trailer), start+1000, "nothing was merged")

		client := testgrpc.NewTestServiceClient(conn)
		output, err := client.StreamingOutputCall(with(t.Context(), row.values...), &testgrpc.StreamingOutputCallRequest{})
		require.NoError(t, err)
		_, err = output.Recv()
		require.Equal(t, row.code, status.Code(err))
		input, err := client.StreamingInputCall(with(t.Context(), row.values...))
		require.NoError(t, err)
		_, err = input.CloseAndRecv()
		require.Equal(t, row.code, status.Code(err))
		duplex, err := client.FullDuplexCall(with(t.Context(), row.values...))
		require.NoError(t, err)
		_, err = duplex.Recv()
		require.Equal(t, row.code, status.Code(err))
		require.Less(t, clock.Last(), start+1000, "nothing was merged")
	}
}

// refusing is a clock that says no.
type refusing struct {
	*hlc.Clock
	err error
}

func (r refusing) Now() (hlc.Timestamp, error)                         { return 0, r.err }
func (r refusing) Update(hlc.Timestamp, string) (hlc.Timestamp, error) { return 0, r.err }

func TestEachRefusalReachesTheClientAsWhatItIs(t *testing.T) {
	for _, row := range []struct {
		err    error
		code   codes.Code
		reason string
	}{
		{hlc.ErrFromFuture, codes.FailedPrecondition, "TIMESTAMP_FROM_FUTURE"},
		{&hlc.FutureError{Remote: start + 5, From: "\xff", Now: truetime.Interval{Earliest: 1, Latest: 2}}, codes.FailedPrecondition, "TIMESTAMP_FROM_FUTURE"},
		{hlc.ErrInvalidTimestamp, codes.InvalidArgument, "INVALID_TIMESTAMP"},
		{&hlc.AheadError{Last: start, Wait: time.Second}, codes.Unavailable, "CLOCK_TOO_FAR_AHEAD"},
		{hlc.ErrNotDurable, codes.Unavailable, "CLOCK_NOT_DURABLE"},
		{hlc.ErrClosed, codes.Unavailable, "CLOCK_CLOSED"},
		{truetime.ErrNotSynchronized, codes.Unavailable, "CLOCK_NOT_SYNCHRONIZED"},
		{truetime.ErrUncertaintyTooLarge, codes.Unavailable, "UNCERTAINTY_TOO_LARGE"},
		{truetime.ErrClockFaulty, codes.Unavailable, "CLOCK_FAULTY"},
		{errors.New("not today \xff"), codes.Unavailable, "CLOCK_UNAVAILABLE"},
	} {
		server := refusing{newClock(t, at(start)), row.err}
		where := serveTest(t, service{unary: func(context.Context) error { t.Error("the handler was called"); return nil }}, stamping(server)...)
		_, trailer, err := call(t.Context(), connect(t, where, merging(newClock(t, at(start)))...))
		require.Equal(t, row.code, status.Code(err), "%v", err)
		require.Empty(t, trailer[epsilongrpc.TimestampKey], "this clock has none")
		var info *errdetails.ErrorInfo
		var retry *errdetails.RetryInfo
		for _, detail := range status.Convert(err).Details() {
			switch d := detail.(type) {
			case *errdetails.ErrorInfo:
				info = d
			case *errdetails.RetryInfo:
				retry = d
			}
		}
		require.Equal(t, row.reason, info.GetReason())
		require.Equal(t, epsilongrpc.ErrorDomain, info.GetDomain())
		require.Equal(t, row.code == codes.Unavailable, retry != nil)
		for _, known := range []error{
			hlc.ErrFromFuture, hlc.ErrInvalidTimestamp, hlc.ErrTooFarAhead, hlc.ErrNotDurable, hlc.ErrClosed,
			truetime.ErrNotSynchronized, truetime.ErrUncertaintyTooLarge, truetime.ErrClockFaulty,
		} {
			require.Equal(t, errors.Is(row.err, known), errors.Is(err, known), "%v, and %v", err, known)
		}
		_, _, raw := call(with(t.Context(), start.String()), connect(t, where))
		require.Equal(t, status.Convert(raw).Message(), status.Convert(err).Message(), "the text is the server's")
		require.Equal(t, raw.Error(), err.Error())
	}
}

func TestWithoutATimestampNoCallIsMade(t *testing.T) {
	client := refusing{newClock(t, at(start)), truetime.ErrNotSynchronized}
	conn := connect(t, serveTest(t, service{unary: func(context.Context) error { t.Error("the handler was called"); return nil }}), merging(client)...)
	_, _, err := call(t.Context(), conn)
	require.Equal(t, codes.Unavailable, status.Code(err))
	require.ErrorIs(t, err, truetime.ErrNotSynchronized)
	require.Contains(t, err.Error(), `no timestamp for a call to "passthrough:///in-memory"`)
	_, err = testgrpc.NewTestServiceClient(conn).FullDuplexCall(t.Context())
	require.Equal(t, codes.Unavailable, status.Code(err))
	require.ErrorIs(t, err, truetime.ErrNotSynchronized)
}

// A calls B, which calls C, and C refuses B's timestamp. B hands the error on as it is: A's timestamp was not refused.
func TestARefusalFurtherOnIsNotOneOfThisCall(t *testing.T) {
	a, b, c := newClock(t, at(start)), newClock(t, at(start+5_000_000)), newClock(t, at(start))
	last := connect(t, serveTest(t, service{}, stamping(c)...), merging(b)...)
	raw := connect(t, serveTest(t, service{}, stamping(c)...))
	var seen error
	how := last
	first := connect(t, serveTest(t, service{unary: func(ctx context.Context) error {
		if how == raw {
			ctx = with(ctx, now(t, b).String())
		}
		_, _, seen = call(ctx, how)
		return seen
	}}, stamping(b)...), merging(lenient{a})...)

	_, _, err := call(t.Context(), first)
	require.ErrorIs(t, seen, hlc.ErrFromFuture)
	require.Equal(t, codes.FailedPrecondition, status.Code(err), "%v", err)
	require.NotErrorIs(t, err, hlc.ErrFromFuture)

	how = raw // nor if B does without these interceptors
	_, _, err = call(t.Context(), first)
	require.Equal(t, codes.FailedPrecondition, status.Code(err), "%v", err)
	require.NotErrorIs(t, err, hlc.ErrFromFuture)
}

// lenient merges nothing.
type lenient struct{ *hlc.Clock }

func (l lenient) Update(hlc.Timestamp, string) (hlc.Timestamp, error) { return l.Last(), nil }

// answering is a server that puts these values into header and trailer, or into one of them.
func answering(header, trailer []string, ends error) service {
	put := func(ctx context.Context) error {
		return errors.Join(
			grpc.SetHeader(ctx, metadata.MD{epsilongrpc.TimestampKey: header, "other": {"kept"}}),
			grpc.SetTrailer(ctx, metadata.MD{epsilongrpc.TimestampKey: trailer}))
	}
	return service{
		unary: func(ctx context.Context) error { return errors.Join(put(ctx), ends) },
		output: func(s testgrpc.TestService_StreamingOutputCallServer) error {
			return errors.Join(put(s.Context()), s.Send(&testgrpc.StreamingOutputCallResponse{}), ends)
		},
		input: func(s testgrpc.TestService_StreamingInputCallServer) error {
			if err := errors.Join(put(s.Context()), ends); err != nil {
				return err
			}
			return s.SendAndClose(&testgrpc.StreamingInputCallResponse{})
		},
		duplex: func(s testgrpc.TestService_FullDuplexCallServer) error {
			return errors.Join(put(s.Context()), s.SendHeader(nil), ends)
		},
	}
}

// An answer that cannot be merged is no answer, whatever the call came to.
func TestAResponseThatCannotBeMergedIsAnError(t *testing.T) {
	future, good := []string{(start + 2_000_000).String()}, []string{(start + 5).String()}
	failure := status.Error(codes.NotFound, "no such account")
	for name, row := range map[string]struct {
		header, trailer []string
		ends            error
		cause           error
	}{
		"header from the future":   {future, good, nil, hlc.ErrFromFuture},
		"trailer from the future":  {good, future, nil, hlc.ErrFromFuture},
		"no header":                {nil, future, nil, hlc.ErrFromFuture},
		"failed":                   {good, future, failure, hlc.ErrFromFuture},
		"malformed":                {[]string{"x"}, nil, nil, hlc.ErrInvalidTimestamp},
		"two":                      {nil, []string{good[0], good[0]}, nil, hlc.ErrInvalidTimestamp},
		"in seconds":               {nil, []string{"1767225600"}, nil, hlc.ErrInvalidTimestamp},
		"very long":                {nil, []string{strings.Repeat("9", 8000)}, failure, hlc.ErrInvalidTimestamp},
		"all is well":              {good, good, nil, nil},
		"all is well, with errors": {good, good, failure, nil},
		"nothing there":            {nil, nil, nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			clock := newClock(t, at(start))
			client := testgrpc.NewTestServiceClient(connect(t, serveTest(t, answering(row.header, row.trailer, row.ends)), merging(clock)...))
			check := func(err error) {
				t.Helper()
				switch {
				case row.cause != nil:
					require.Equal(t, codes.Internal, status.Code(err), "%v", err)
					require.ErrorIs(t, err, row.cause)
					require.Contains(t, err.Error(), "passthrough:///in-memory at bufconn")
					require.Less(t, len(err.Error()), 1000)
					require.Empty(t, status.Convert(err).Details())
				case row.ends != nil:
					require.Equal(t, codes.NotFound, status.Code(err), "%v", err)
				default:
					require.True(t, err == nil || err == io.EOF, "%v", err)
				}
				require.Less(t, clock.Last(), start+1000, "nothing bad was merged")
				if row.cause == nil && row.header != nil {
					require.Greater(t, clock.Last(), start+5)
				}
			}
			_, err := client.UnaryCall(t.Context(), &testgrpc.SimpleRequest{})
			check(err)

			output, err := client.StreamingOutputCall(t.Context(), &testgrpc.StreamingOutputCallRequest{})
			require.NoError(t, err)
			for err == nil {
				_, err = output.Recv()
			}
			check(err)
			if row.cause != nil {
				_, err = output.Recv()
				check(err) // and again
			}

			input, err := client.StreamingInputCall(t.Context())
			require.NoError(t, err)
			_, err = input.CloseAndRecv()
			check(err)

			duplex, err := client.FullDuplexCall(t.Context())
			require.NoError(t, err)
			header, err := duplex.Header()
			if err == nil {
				require.Equal(t, []string{"kept"}, header["other"])
			}
			for err == nil {
				_, err = duplex.Recv()
			}
			check(err)
		})
	}
}

// The error of a header lets go of the stream, of which the caller asks no more: goleak sees it if not, and the
// server's handler ends.
func TestAStreamWhoseHeaderIsRefusedIsCancelled(t *testing.T) {
	ended := make(chan error, 1)
	where := serveTest(t, service{duplex: func(s testgrpc.TestService_FullDuplexCallServer) error {
		if err := s.SendHeader(metadata.Pairs(epsilongrpc.TimestampKey, "x")); err != nil {
			return err
		}
		<-s.Context().Done()
		ended <- s.Context().Err()
		return nil
	}})
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute) // if the test fails
	defer cancel()
	stream, err := testgrpc.NewTestServiceClient(connect(t, where, merging(newClock(t, at(start)))...)).FullDuplexCall(ctx)
	require.NoError(t, err)
	_, err = stream.Header()
	require.ErrorIs(t, err, hlc.ErrInvalidTimestamp)
	require.ErrorIs(t, <-ended, context.Canceled)
}

// So does an error of Send or Header: gRPC has ended the stream itself, and its caller asks no more.
func TestAStreamThatCannotBeSentToIsCancelled(t *testing.T) {
	broken := errors.New("an interceptor's own")
	for name, use := range map[string]func(testgrpc.TestService_FullDuplexCallClient) error{
		"Send": func(s testgrpc.TestService_FullDuplexCallClient) error {
			return s.Send(&testgrpc.StreamingOutputCallRequest{Payload: &testgrpc.Payload{Body: make([]byte, 100)}})
		},
		"Header": func(s testgrpc.TestService_FullDuplexCallClient) error { _, err := s.Header(); return err },
	} {
		t.Run(name, func(t *testing.T) {
			var within context.Context
			capture := func(ctx context.Context, desc *grpc.StreamDesc, conn *grpc.ClientConn, method string, open grpc.Streamer, options ...grpc.CallOption) (grpc.ClientStream, error) {
				within = ctx
				stream, err := open(ctx, desc, conn, method, options...)
				if name == "Header" {
					stream = headless{stream, broken}
				}
				return stream, err
			}
			where := serveTest(t, service{duplex: func(s testgrpc.TestService_FullDuplexCallServer) error {
				<-s.Context().Done()
				return nil
			}})
			options := append(merging(newClock(t, at(start))), grpc.WithChainStreamInterceptor(capture),
				grpc.WithDefaultCallOptions(grpc.MaxCallSendMsgSize(10)))
			ctx, cancel := context.WithCancel(t.Context()) // which outlives the stream
			defer cancel()
			stream, err := testgrpc.NewTestServiceClient(connect(t, where, options...)).FullDuplexCall(ctx)
			require.NoError(t, err)
			require.NoError(t, within.Err())
			err = use(stream)
			if name == "Header" {
				require.Equal(t, broken, err)
			} else {
				require.Equal(t, codes.ResourceExhausted, status.Code(err), "%v", err)
			}
			require.ErrorIs(t, within.Err(), context.Canceled, "what the interceptor has made is left behind")
		})
	}
}

// headless has no header.
type headless struct {
	grpc.ClientStream
	err error
}

func (h headless) Header() (metadata.MD, error) { return nil, h.err }

func TestADeadlineThatPassesHasNothingToMerge(t *testing.T) {
	entered, clock := make(chan struct{}), newClock(t, at(start))
	where := serveTest(t, service{unary: func(ctx context.Context) error {
		close(entered)
		<-ctx.Done()
		return nil
	}}, stamping(newClock(t, at(start+500)))...)
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-entered; cancel() }()
	_, trailer, err := call(ctx, connect(t, where, merging(clock)...))
	require.Equal(t, codes.Canceled, status.Code(err))
	require.Empty(t, trailer)
	require.Equal(t, start, clock.Last())
}
