package epsilongrpc

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"

	"github.com/epsilontime/epsilon/hlc"
)

// call is one call of a client, with all its attempts.
type call struct {
	*stamper
	target string

	mu   sync.Mutex
	sent hlc.Timestamp // by the last attempt
	err  error         // why the first timestamp that could not be merged was not
}

type callKey struct{}

// begin returns the context to make the call with. An error says that nothing must be sent.
func (c *call) begin(ctx context.Context) (context.Context, error) {
	ctx, err := c.stamped(ctx)
	if err != nil {
		return nil, fail(reasonOf(err).code, fmt.Errorf("epsilongrpc: no timestamp for a call to %q: %w", c.target, err))
	}
	return context.WithValue(ctx, callKey{}, c), nil
}

// stamped returns ctx with a timestamp of this moment in the metadata to be sent.
func (c *call) stamped(ctx context.Context) (context.Context, error) {
	timestamp, interval, err := c.stamp()
	if err != nil {
		return nil, err
	}
	md, ok := metadata.FromOutgoingContext(ctx) // a copy
	if !ok {
		md = metadata.MD{}
	}
	put(md, timestamp, interval)
	c.mu.Lock()
	c.sent = timestamp
	c.mu.Unlock()
	return metadata.NewOutgoingContext(ctx, md), nil
}

// server names the server in errors, given what is known of the peer.
func (c *call) server(peer string) string {
	if peer == "" {
		return c.target
	}
	return c.target + " at " + peer
}

// merge takes over the timestamp in a header or a trailer.
func (c *call) merge(md metadata.MD, peer string) {
	from := c.server(peer)
	remote, found, err := carried(md[TimestampKey], from)
	if err == nil && found {
		_, err = c.clock.Update(remote, from)
	}
	if err != nil {
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.err == nil {
			c.err = fmt.Errorf("epsilongrpc: response of %q, whose timestamp was not merged: %w", from, err)
		}
	}
}

// end returns what the caller sees of a call that ended with err: an error if a timestamp was not merged,
// whatever the call came to.
func (c *call) end(err error) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.err == nil:
		return explain(err, c.sent)
	case err == nil || errors.Is(err, io.EOF):
		return fail(codes.Internal, c.err)
	default:
		return fail(codes.Internal, fmt.Errorf("%w; the call ended with: %w", c.err, err))
	}
}
