package epsilongrpc_test

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/hostclock"
	epsilongrpc "github.com/epsilontime/epsilon/integrations/grpc"
)

var _ epsilongrpc.HealthClock = (*hostclock.Clock)(nil)

func TestHealthFollowsAHostsClock(t *testing.T) {
	path := filepath.Join(t.TempDir(), "clock")
	publisher, err := hostclock.NewPublisher(startClock(t), path)
	require.NoError(t, err)
	defer publisher.Close()
	clock, err := hostclock.Open(path)
	require.NoError(t, err)
	defer clock.Close()
	_, stream := watch(t, clock)
	await(t, stream, serving)
	require.NoError(t, clock.Close())
	await(t, stream, notServing)
}
