package testbed

import (
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestPTPMayNotSetTheClockAndLeavesNothing(t *testing.T) {
	mine := namespacesOf(t, os.Getpid())
	var pids []int
	var directory string
	t.Run("daemons", func(t *testing.T) {
		p := StartPTP(t, 7, 3, GoodPTPTime())
		directory = p.directory
		for _, run := range []*process{p.grandmaster, p.follower} {
			pids = append(pids, run.pid())
			may, err := maySetClock(run.pid())
			require.NoError(t, err)
			require.False(t, may)
		}
		require.Contains(t, p.ask("follower", "GET TIME_STATUS_NP"), "gmPresent                  true")
		a := GoodPTPTime()
		a.Accuracy, a.UTCOffset, a.Traceable = 0xFE, 37, false
		p.Announce(a)
		got := p.ask("grandmaster", "GET GRANDMASTER_SETTINGS_NP")
		for _, want := range []string{"clockAccuracy           0xfe", "currentUtcOffset        37", "timeTraceable           0", "ptpTimescale            1"} {
			require.Contains(t, got, want)
		}
		goleak.VerifyNone(t) // while they run
		p.StopGrandmaster()
		p.StopGrandmaster()
		require.Empty(t, p.ask("grandmaster", "GET TIME_STATUS_NP"))
		p.StartGrandmaster(GoodPTPTime())
		pids = append(pids, p.grandmaster.pid())
	})
	for _, pid := range pids {
		requireGone(t, pid)
	}
	require.Equal(t, mine, namespacesOf(t, os.Getpid()))
	require.NoDirExists(t, directory)
}

// A grandmaster that serves the host's own clock cannot be off; what the other ptp4l measures is
// half of the difference between the two ways.
func TestWireIsLongerOneWay(t *testing.T) {
	const longer = 4 * time.Millisecond
	t.Run("measured", func(t *testing.T) {
		p := StartPTPOver(t, 0, 3, GoodPTPTime(), longer)
		require.Eventually(t, func() bool {
			_, text, found := strings.Cut(p.ask("follower", "GET CURRENT_DATA_SET"), "offsetFromMaster")
			if !found {
				return false
			}
			offset, err := strconv.ParseFloat(strings.Fields(text)[0], 64)
			return err == nil && offset > float64(longer/4) && offset < float64(longer)
		}, 20*time.Second, 50*time.Millisecond)
	})
	goleak.VerifyNone(t)
	links, err := net.Interfaces()
	require.NoError(t, err)
	for _, l := range links {
		require.False(t, strings.HasPrefix(l.Name, wirePrefix()), l.Name)
	}
}

func TestNobodyHasNoRightAndRootHasThemAgain(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(path, nil, 0o600))
	var err error
	AsNobody(t, func() { _, err = os.ReadFile(path) })
	require.ErrorIs(t, err, os.ErrPermission)
	_, err = os.ReadFile(path)
	require.NoError(t, err)
}

func TestOneStepPTPLeavesNothing(t *testing.T) {
	mine := namespacesOf(t, os.Getpid())
	t.Run("server", func(t *testing.T) {
		p := StartOneStepPTP(t, 3)
		require.NotEqual(t, p.Address(), p.LocalAddress())
	})
	goleak.VerifyNone(t)
	require.Equal(t, mine, namespacesOf(t, os.Getpid()))
}
