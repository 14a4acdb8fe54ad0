package handover

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestBeforeCallsWhatTheContextSays(t *testing.T) {
	Before(t.Context()) // nobody has to be told
	calls := 0
	ctx, cancel := context.WithCancel(With(t.Context(), func() { calls++ }))
	require.Zero(t, calls)
	Before(ctx)
	require.Equal(t, 1, calls)
	cancel()
	Before(ctx)
	require.Equal(t, 2, calls)
}
