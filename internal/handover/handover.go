// Package handover lets one goroutine see to many things, among them some that may take long: what is about to
// wait says so first, and then another goroutine sees to the rest.
//
// It is for sources that answer within microseconds nearly always. To have another goroutine ask them, just in
// case, costs more than they do.
package handover

import "context"

// Giver is implemented by a source that calls [Before] whenever it is about to wait for more than a
// fraction of a millisecond. What does not implement it may wait at any time.
type Giver interface{ HandsOver() }

type key struct{}

// With returns a context in which [Before] calls f, which must bear to be called more than once.
func With(ctx context.Context, f func()) context.Context { return context.WithValue(ctx, key{}, f) }

// Before is to be called before anything that may take long, by the goroutine that was asked. It returns at once.
func Before(ctx context.Context) {
	if f, ok := ctx.Value(key{}).(func()); ok {
		f()
	}
}
