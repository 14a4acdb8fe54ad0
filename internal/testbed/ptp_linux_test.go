package testbed

import (
	"os"
	"testing"

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
