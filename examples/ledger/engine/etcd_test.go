package engine

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func openEtcd(t *testing.T) Engine {
	t.Helper()
	if testing.Short() {
		t.Skip("starts etcd")
	}
	m, err := StartMembers(t.Context(), t.TempDir(), 1)
	require.NoError(t, err)
	t.Cleanup(m.Close)
	e, err := OpenEtcd(t.Context(), m.Endpoints...)
	require.NoError(t, err)
	t.Cleanup(func() { e.Close() })
	return e
}

func TestEtcdWithoutQuorumIsReported(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	_, err := OpenEtcd(ctx, "127.0.0.1:1")
	require.ErrorContains(t, err, "no quorum")
}
