package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// The test binary is the program, too: the processes of a cluster are started from it.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && !strings.HasPrefix(os.Args[1], "-test.") {
		main()
		return
	}
	os.Exit(m.Run())
}

func ledger(t *testing.T, args ...string) (output string, code int) {
	t.Helper()
	c := exec.Command(os.Args[0], args...)
	text, err := c.CombinedOutput()
	if err != nil {
		require.IsType(t, &exec.ExitError{}, err)
	}
	return string(text), c.ProcessState.ExitCode()
}

func TestDemoKeepsItsPromises(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("takes a minute")
	}
	for _, engine := range []string{"pebble", "etcd"} {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			folder := t.TempDir()
			output, code := ledger(t, "demo", "-engine", engine, "-length", "10s", "-out", folder)
			require.Zero(t, code, output)
			t.Log(output)
			if engine == "etcd" {
				require.Contains(t, output, "has no quorum", "that is what a client is to be told")
			}
			page, err := os.ReadFile(filepath.Join(folder, "ledger.html"))
			require.NoError(t, err)
			require.NotContains(t, string(page), "http://", "the page must need no network")
			require.NotContains(t, string(page), "https://")
			require.FileExists(t, filepath.Join(folder, "ledger-porcupine.html"))
			t.Run("page", func(t *testing.T) { checkPage(t, folder, engine) })
		})
	}
}

// Processes are killed, stopped and cut off as a seed has it: go run . demo -schedules 20 runs more
// of them.
func TestNothingIsLostOrAppliedTwiceInASeededSchedule(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("takes half a minute")
	}
	for _, engine := range []string{"pebble", "etcd"} {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			output, code := ledger(t, "demo", "-engine", engine, "-schedules", "2", "-length", "5s")
			require.Zero(t, code, output)
			t.Log(output)
			require.Contains(t, output, "2 schedules")
			require.Contains(t, output, "0 lost, 0 applied twice")
		})
	}
}

func TestDemoWithoutOneOfItsPartsBreaksItsPromises(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("takes a minute")
	}
	for flag, promise := range map[string]string{
		"-unsafe-no-commit-wait": "such as external consistency",
		"-unsafe-wall-clock":     "such as external consistency",
		"-unsafe-no-fence":       "such as ",
	} {
		t.Run(flag, func(t *testing.T) {
			t.Parallel()
			// A run shows it where the fault meets the work, which on a slow machine it may not.
			// Tests of package core prove the same at every step.
			output, code := "", 0
			for run := 0; run < 5 && code == 0; run++ {
				output, code = ledger(t, "demo", "-length", "12s", "-out", t.TempDir(), flag)
			}
			require.Equal(t, 1, code, output)
			require.Contains(t, output, promise)
			require.Contains(t, output, "promises were broken")
		})
	}
}
