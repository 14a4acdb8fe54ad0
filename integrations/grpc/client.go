package epsilongrpc

import (
	"context"
	"errors"
	"io"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"

	"github.com/epsilontime/epsilon/hlc/hlchttp"
)

// UnaryClientInterceptor puts a timestamp of clock into each call, and merges those of the response's
// header and trailer before the caller sees it, also when the call has failed: the server may have done
// something.
//
// If clock has no timestamp the call is not made: UNAVAILABLE. If one of the response cannot be merged the
// call fails with INTERNAL, whatever it came to, and the error names the server: to use the response would
// be to lose the order of events. The server may have done what was asked, so this is nothing to try again
// blindly. A response without a timestamp is passed on. The reasons, for errors.Is:
//
//   - [hlc.ErrInvalidTimestamp] and [hlc.ErrFromFuture]: the timestamp is malformed, or from the future;
//   - [hlc.ErrTooFarAhead], [hlc.ErrNotDurable], [hlc.ErrClosed], and the errors of the clock of intervals,
//     such as truetime.ErrNotSynchronized: the timestamp may be good, but this clock has had none to give
//     since the call was made.
//
// Where the server has refused the call's timestamp errors.Is says why: see [UnaryServerInterceptor].
// [hlc.ErrFromFuture] with FAILED_PRECONDITION says that the server has refused this client's timestamp,
// and with INTERNAL that this client has refused the server's.
//
// A client that has no clock gives an [hlchttp.Relay]. UnaryClientInterceptor panics if clock or an option is nil.
func UnaryClientInterceptor(clock hlchttp.Clock, options ...Option) grpc.UnaryClientInterceptor {
	s := newStamper("UnaryClientInterceptor", clock, options)
	return func(ctx context.Context, method string, request, reply any, conn *grpc.ClientConn, invoke grpc.UnaryInvoker, options ...grpc.CallOption) error {
		if ofGRPC(method) {
			return invoke(ctx, method, request, reply, conn, options...)
		}
		c := &call{stamper: s, target: conn.Target()}
		ctx, err := c.begin(ctx)
		if err != nil {
			return err
		}
		var header, trailer metadata.MD
		var server peer.Peer
		options = append(options[:len(options):len(options)], grpc.Header(&header), grpc.Trailer(&trailer), grpc.Peer(&server))
		err = invoke(ctx, method, request, reply, conn, options...)
		c.merge(header, peerName(&server))
		c.merge(trailer, peerName(&server))
		return c.end(err)
	}
}

// StreamClientInterceptor does for streams what [UnaryClientInterceptor] does for other calls. The
// timestamp of the header is merged before Header or the first Recv returns, that of the trailer before
// the Recv that ends the stream. If one cannot be merged that call has the error, and the stream is
// cancelled, as it is when Send or Header fails with another error than io.EOF.
func StreamClientInterceptor(clock hlchttp.Clock, options ...Option) grpc.StreamClientInterceptor {
	s := newStamper("StreamClientInterceptor", clock, options)
	return func(ctx context.Context, desc *grpc.StreamDesc, conn *grpc.ClientConn, method string, open grpc.Streamer, options ...grpc.CallOption) (grpc.ClientStream, error) {
		if ofGRPC(method) {
			return open(ctx, desc, conn, method, options...)
		}
		c := &call{stamper: s, target: conn.Target()}
		ctx, cancel := context.WithCancel(ctx) // for a stream that the caller takes for ended when gRPC does not
		ctx, err := c.begin(ctx)
		if err != nil {
			cancel()
			return nil, err
		}
		stream, err := open(ctx, desc, conn, method, options...)
		if err != nil {
			cancel()
			return nil, c.end(err)
		}
		return &clientStream{ClientStream: stream, call: c, cancel: cancel, many: desc.ServerStreams}, nil
	}
}

// clientStream merges what a stream's header and trailer carry.
type clientStream struct {
	grpc.ClientStream
	call   *call
	cancel context.CancelFunc
	many   bool // the server may send more than one message
	begun  bool // there was a message
}

// SendMsg sees what gRPC takes for the end of a stream, after which the caller need not call RecvMsg.
func (s *clientStream) SendMsg(m any) error {
	err := s.ClientStream.SendMsg(m)
	s.endOn(err)
	return err
}

// endOn cancels a stream that has ended by an error of Header or SendMsg. After io.EOF the caller comes to
// RecvMsg for the status.
func (s *clientStream) endOn(err error) {
	if err != nil && !errors.Is(err, io.EOF) {
		s.cancel()
	}
}

func (s *clientStream) Header() (metadata.MD, error) {
	header, err := s.ClientStream.Header()
	if err != nil || header == nil { // where there is neither, RecvMsg finds the error
		s.endOn(err)
		return header, err
	}
	s.call.merge(header, peerOf(s.ClientStream.Context()))
	if err := s.call.end(nil); err != nil {
		s.cancel()
		return nil, err
	}
	return header, nil
}

func (s *clientStream) RecvMsg(m any) error {
	err := s.ClientStream.RecvMsg(m)
	if err == nil && !s.begun {
		s.begun = true
		if _, err := s.Header(); err != nil { // it has come before the message
			return err
		}
	}
	if err == nil && s.many {
		return nil
	}
	defer s.cancel()
	s.call.merge(s.ClientStream.Trailer(), peerOf(s.ClientStream.Context()))
	return s.call.end(err)
}
