package truetime

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// It does what the contexts of the library do, whenever somebody begins to wait for it.
func TestDeadlineIsAContextLikeAnyOther(t *testing.T) {
	type key struct{}
	for name, with := range map[string]func(context.Context, time.Duration) (context.Context, func()){
		"the library's": func(parent context.Context, after time.Duration) (context.Context, func()) {
			ctx, cancel := context.WithTimeout(parent, after)
			return ctx, cancel
		},
		"ours": func(parent context.Context, after time.Duration) (context.Context, func()) {
			d := withDeadline(parent, after, PollInfo{})
			return d, d.cancel
		},
		"ours, waited for": func(parent context.Context, after time.Duration) (context.Context, func()) {
			d := withDeadline(parent, after, PollInfo{})
			d.Done()
			return d, d.cancel
		},
	} {
		run := func(text string, test func(t *testing.T, parent context.Context, end func())) {
			t.Run(name+"/"+text, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					parent, end := context.WithCancel(context.WithValue(t.Context(), key{}, "value"))
					defer end()
					test(t, parent, end)
				})
			})
		}
		run("runs out", func(t *testing.T, parent context.Context, _ func()) {
			ctx, cancel := with(parent, time.Second)
			defer cancel()
			at, limited := ctx.Deadline()
			require.True(t, limited)
			require.Equal(t, time.Now().Add(time.Second), at)
			require.Equal(t, "value", ctx.Value(key{}))
			time.Sleep(time.Second - 1)
			require.NoError(t, ctx.Err())
			time.Sleep(1)
			synctest.Wait()
			require.Equal(t, context.DeadlineExceeded, ctx.Err())
			<-ctx.Done()
			require.Equal(t, context.DeadlineExceeded, ctx.Err())
			cancel()
			require.Equal(t, context.DeadlineExceeded, ctx.Err())
		})
		run("runs out before anybody asks", func(t *testing.T, parent context.Context, end func()) {
			ctx, cancel := with(parent, time.Second)
			time.Sleep(time.Second)
			synctest.Wait()
			require.Equal(t, context.DeadlineExceeded, ctx.Err())
			end()
			require.Equal(t, context.DeadlineExceeded, ctx.Err(), "it stays what it was")
			require.Equal(t, context.DeadlineExceeded, context.Cause(ctx))
			cancel()
			require.Equal(t, context.DeadlineExceeded, ctx.Err())
			<-ctx.Done()
		})
		run("cancelled after it has run out", func(t *testing.T, parent context.Context, _ func()) {
			ctx, cancel := with(parent, time.Second)
			time.Sleep(time.Second)
			synctest.Wait()
			cancel()
			require.Equal(t, context.DeadlineExceeded, ctx.Err())
		})
		run("cancelled", func(t *testing.T, parent context.Context, _ func()) {
			ctx, cancel := with(parent, time.Second)
			cancel()
			require.Equal(t, context.Canceled, ctx.Err())
			<-ctx.Done()
			cancel()
		})
		run("cancelled with its parent", func(t *testing.T, parent context.Context, end func()) {
			ctx, cancel := with(parent, time.Second)
			defer cancel()
			end()
			require.Equal(t, context.Canceled, ctx.Err())
			<-ctx.Done()
		})
		run("its parent runs out first", func(t *testing.T, parent context.Context, _ func()) {
			early, release := context.WithTimeout(parent, time.Millisecond)
			defer release()
			ctx, cancel := with(early, time.Second)
			defer cancel()
			at, _ := ctx.Deadline()
			require.Equal(t, time.Now().Add(time.Millisecond), at)
			<-ctx.Done()
			require.Equal(t, context.DeadlineExceeded, ctx.Err())
		})
		run("has children", func(t *testing.T, parent context.Context, _ func()) {
			ctx, cancel := with(parent, time.Second)
			defer cancel()
			child, release := context.WithCancel(ctx)
			defer release()
			called := false
			stop := context.AfterFunc(child, func() { called = true })
			defer stop()
			require.Equal(t, "value", child.Value(key{}))
			time.Sleep(time.Second)
			synctest.Wait()
			require.True(t, called)
			require.Equal(t, context.DeadlineExceeded, child.Err())
		})
	}
}
