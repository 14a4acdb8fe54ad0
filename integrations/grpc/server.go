package epsilongrpc

import (
	"context"
	"sync"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"

	"github.com/epsilontime/epsilon/hlc"
	"github.com/epsilontime/epsilon/hlc/hlchttp"
	"github.com/epsilontime/epsilon/internal/received"
	"github.com/epsilontime/epsilon/truetime"
)

// UnaryServerInterceptor merges the timestamp of each call into clock before the handler runs. It puts
// one of the clock, taken when the handler has returned, into the trailer, and into the header, too, of a
// call that succeeds, unless the handler has sent that.
//
// A call without a timestamp is served: it has nothing to merge. One whose timestamp cannot be merged is
// not, nothing is merged, and the status says why:
//
//   - INVALID_ARGUMENT: the value is not a timestamp, or is one before 1990, which must be in another
//     unit, or there are several;
//   - FAILED_PRECONDITION: the timestamp is from the future, [hlc.ErrFromFuture], so the sender's clock
//     is wrong, or this one. The error names the sender by its address and its verified certificate. Who
//     is behind a proxy names it in an interceptor before this one, by peer.NewContext;
//   - UNAVAILABLE, with google.rpc.RetryInfo: this clock has no timestamp to give, such as for want of
//     synchronization.
//
// A google.rpc.ErrorInfo of [ErrorDomain] has the reason; the interceptors of the client make of it an error
// for which errors.Is finds that of package hlc or truetime.
//
// The services of gRPC itself, for health, reflection and channelz, are left alone: they answer while
// the clock does not.
//
// UnaryServerInterceptor panics if clock or an option is nil.
func UnaryServerInterceptor(clock hlchttp.Clock, options ...Option) grpc.UnaryServerInterceptor {
	s := server{newStamper("UnaryServerInterceptor", clock, options)}
	return func(ctx context.Context, request any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
		if ofGRPC(info.FullMethod) {
			return handler(ctx, request)
		}
		succeeded := false
		defer func() { // after a panic as well, which an interceptor before this one may make an error of
			md := s.metadata()
			_ = grpc.SetTrailer(ctx, md)
			if succeeded {
				_ = grpc.SetHeader(ctx, md) // an error: the handler has sent it
			}
			// A failure has no header: gRPC tries nothing again that has had one.
		}()
		at, err := s.receive(ctx)
		if err != nil {
			return nil, err
		}
		response, err := handler(received.NewContext(ctx, at), request)
		succeeded = err == nil
		return response, err
	}
}

// StreamServerInterceptor does for streams what [UnaryServerInterceptor] does for other calls. The
// timestamp of the header is taken when that is sent, at the first message or by the stream's
// SendHeader; that of the trailer when the handler has returned.
func StreamServerInterceptor(clock hlchttp.Clock, options ...Option) grpc.StreamServerInterceptor {
	s := server{newStamper("StreamServerInterceptor", clock, options)}
	return func(srv any, stream grpc.ServerStream, info *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
		if ofGRPC(info.FullMethod) {
			return handler(srv, stream)
		}
		defer func() { stream.SetTrailer(s.metadata()) }()
		at, err := s.receive(stream.Context())
		if err != nil {
			return err
		}
		return handler(srv, &serverStream{ServerStream: stream, ctx: received.NewContext(stream.Context(), at), server: s})
	}
}

// FromContext returns the timestamp at which the interceptors received the call of this context, or
// hlchttp.Handler its request, if there is one. It is the same function as hlchttp.FromContext.
func FromContext(ctx context.Context) (hlc.Timestamp, bool) { return received.FromContext(ctx) }

type server struct{ *stamper }

// receive returns the timestamp of the reception of a call.
func (s server) receive(ctx context.Context) (hlc.Timestamp, error) {
	values, from := metadata.ValueFromIncomingContext(ctx, TimestampKey), peerOf(ctx)
	remote, found, err := carried(values, from)
	var at hlc.Timestamp
	switch {
	case err != nil:
	case found:
		at, err = s.clock.Update(remote, from)
	default:
		at, err = s.clock.Now()
	}
	if err != nil {
		return 0, refuse(err, values)
	}
	return at, nil
}

// metadata is that of a response at this moment.
func (s server) metadata() metadata.MD {
	timestamp, interval, err := s.stamp()
	if err != nil {
		// It is too late for an error. The last timestamp is not below any event of this call, and that
		// is what the client needs to know. It is not valid if the clock was closed.
		timestamp, interval = s.clock.Last(), truetime.Interval{}
	}
	md := metadata.MD{}
	put(md, timestamp, interval)
	return md
}

// serverStream puts a timestamp into the header when it is sent: one taken earlier would be before what
// the handler did until then.
type serverStream struct {
	grpc.ServerStream
	ctx    context.Context
	server server
	header sync.Once
}

func (s *serverStream) Context() context.Context { return s.ctx }

// stamp does so, before whatever sends the header. Where the handler has sent it otherwise, as by
// grpc.SendHeader, it is too late.
func (s *serverStream) stamp() {
	s.header.Do(func() { _ = s.ServerStream.SetHeader(s.server.metadata()) })
}

func (s *serverStream) SendMsg(m any) error {
	s.stamp()
	return s.ServerStream.SendMsg(m)
}

func (s *serverStream) SendHeader(md metadata.MD) error {
	s.stamp()
	return s.ServerStream.SendHeader(without(md))
}

// SetHeader and SetTrailer leave out what was copied from another call, as a proxy does.
func (s *serverStream) SetHeader(md metadata.MD) error { return s.ServerStream.SetHeader(without(md)) }
func (s *serverStream) SetTrailer(md metadata.MD)      { s.ServerStream.SetTrailer(without(md)) }
