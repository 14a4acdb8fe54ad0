// Package received carries the timestamp of a request's reception to its handler, in the context: one
// key for all transports, so that a handler need not know which one the request came by, nor by how
// many.
package received

import (
	"context"

	"github.com/epsilontime/epsilon/hlc"
)

type key struct{}

// NewContext returns a context of a request that was received at t.
func NewContext(ctx context.Context, t hlc.Timestamp) context.Context {
	return context.WithValue(ctx, key{}, t)
}

// FromContext returns when the request of this context was received, and false if nothing says so.
func FromContext(ctx context.Context) (hlc.Timestamp, bool) {
	t, _ := ctx.Value(key{}).(hlc.Timestamp)
	return t, t.Valid()
}
