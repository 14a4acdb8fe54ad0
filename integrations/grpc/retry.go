package epsilongrpc

import (
	"context"

	"google.golang.org/grpc/stats"
)

// RetryHandler is for connections whose service config has a retry policy, beside the interceptors:
//
//	grpc.NewClient(target, grpc.WithStatsHandler(epsilongrpc.RetryHandler()), …)
//
// gRPC makes the attempts of a call below the interceptors, which see the last one only. With this each
// attempt has a timestamp of its own, after that of the trailer by which the one before has failed: what
// a server did before it failed comes before what the next one does, and before whatever the client does
// after the call. Without it an attempt carries the timestamp of the call, and nobody learns what one
// that was tried again had done.
func RetryHandler() stats.Handler { return retryHandler{} }

type retryHandler struct{}

// TagRPC is called for each attempt.
func (retryHandler) TagRPC(ctx context.Context, _ *stats.RPCTagInfo) context.Context {
	if c, ok := ctx.Value(callKey{}).(*call); ok {
		if stamped, err := c.stamped(ctx); err == nil { // else that of the call will do
			return stamped
		}
	}
	return ctx
}

// HandleRPC is told of a trailer before the call goes on.
func (retryHandler) HandleRPC(ctx context.Context, event stats.RPCStats) {
	trailer, ok := event.(*stats.InTrailer)
	if !ok {
		return
	}
	if c, ok := ctx.Value(callKey{}).(*call); ok {
		c.merge(trailer.Trailer, peerOf(ctx))
	}
}

func (retryHandler) TagConn(ctx context.Context, _ *stats.ConnTagInfo) context.Context { return ctx }
func (retryHandler) HandleConn(context.Context, stats.ConnStats)                       {}
