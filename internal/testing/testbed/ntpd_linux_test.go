package testbed

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestNTPsecServesRealtimeWithinItsClaim(t *testing.T) {
	started := time.Now()
	server := StartNTPsec(t)
	t.Logf("ready after %v at %s", time.Since(started), server.Address())
	for range exchangesPerTest {
		e, err := ask(server.Address(), patience)
		require.NoError(t, err)
		require.NoError(t, e.usable())
		claim := int64(e.claim())
		require.GreaterOrEqual(t, e.receive, e.before-claim, "%v", e)
		require.LessOrEqual(t, e.transmit, e.after+claim, "%v", e)
		require.Less(t, e.claim(), 100*time.Microsecond, "%v", e)
	}
}

func TestUnsynchronizedNTPsecSaysSo(t *testing.T) {
	server := StartUnsynchronizedNTPsec(t)
	e, err := ask(server.Address(), patience)
	require.NoError(t, err)
	require.ErrorContains(t, e.usable(), "leap indicator 3")

	server.Stop()
	server.Stop()
	_, err = ask(server.Address(), exchangeLimit)
	require.Error(t, err)
}

func TestNTPdMayNotSetTheClockAndLeavesNothing(t *testing.T) {
	mine := namespacesOf(t, os.Getpid())
	pid := 0
	t.Run("daemon", func(t *testing.T) {
		server := StartNTPsec(t)
		pid = server.process.pid()
		may, err := maySetClock(pid)
		require.NoError(t, err)
		require.False(t, may)
		require.Greater(t, namespacesOf(t, os.Getpid()), mine)
		goleak.VerifyNone(t) // while it runs
	})
	if pid == 0 {
		t.Skip("there was no daemon")
	}
	requireGone(t, pid)
	require.Equal(t, mine, namespacesOf(t, os.Getpid()))
}

func TestCapabilityToSetTheClockIsSeen(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root, to have the capability")
	}
	run, err := startProcess(t.TempDir()+"/output", nil, "/bin/sleep", "60")
	require.NoError(t, err)
	defer run.stop(stopLimit)
	may, err := maySetClock(run.pid())
	require.NoError(t, err)
	own, err := maySetClock(os.Getpid())
	require.NoError(t, err)
	require.Equal(t, own, may)
	_, err = maySetClock(1 << 30)
	require.Error(t, err)
}

func TestNamespacesOfKilledTestsAreRemoved(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root")
	}
	RequireBinary(t, "ip")
	const nobody = "epsilon-1073741824-1" // beyond the largest process id
	if err := ip("netns", "add", nobody); err != nil {
		t.Skip(err)
	}
	require.Equal(t, 1, namespacesOf(t, 1<<30))
	removeAbandoned()
	require.Zero(t, namespacesOf(t, 1<<30))
}

func namespacesOf(t *testing.T, pid int) int {
	t.Helper()
	found, err := filepath.Glob(fmt.Sprintf("/run/netns/%s%d-*", namespacePrefix, pid))
	require.NoError(t, err)
	return len(found)
}
