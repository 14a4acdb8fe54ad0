package main

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/examples/ledger/core"
)

// startServe starts a node on a folder of its own and returns when it leads.
func startServe(t *testing.T, folder, clock string) (c *exec.Cmd, said *strings.Builder, url string) {
	t.Helper()
	address := held(t)
	c, said = exec.Command(os.Args[0], "serve", "-held", "-dir", folder, "-ntp", clock, "-listen", address), new(strings.Builder)
	c.Stderr = said
	require.NoError(t, c.Start())
	t.Cleanup(func() { end(c) })
	url = "http://" + address
	client := core.NewClient(demoShards, url)
	defer client.Close()
	require.NoError(t, eventually(t.Context(), func() error {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		_, err := client.Read(ctx, core.ReadRequest{Accounts: []string{"a", "b", "c", "d"}})
		return err
	}), said)
	return c, said, url
}

// A node alone on a folder: load is put on it, it is told to end, and begins again where it was.
func TestNodeOnAFolderOfItsOwn(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("has no SIGTERM")
	}
	folder, clock := filepath.Join(t.TempDir(), "data"), ntp(t)
	c, said, url := startServe(t, folder, clock)
	client := core.NewClient(demoShards, url)
	written, err := client.Transact(t.Context(), core.Transaction{ID: "open", Changes: []core.Change{{Account: "alice", Delta: 7, Open: true}}})
	require.NoError(t, err)

	output, code := ledger(t, "bench", "-nodes", url, "-clients", "2", "-length", "300ms")
	require.Zero(t, code, output)
	require.Regexp(t, `p50, p99 \| 1/s: [0-9.]+ ms, [0-9.]+ ms \| [1-9][0-9]*\n`, output)

	client.Close()
	require.NoError(t, c.Process.Signal(syscall.SIGTERM))
	require.NoError(t, c.Wait(), said)
	require.Empty(t, said.String())

	_, _, url = startServe(t, folder, clock)
	client = core.NewClient(demoShards, url)
	defer client.Close()
	s, err := client.Read(t.Context(), core.ReadRequest{Accounts: []string{"alice"}})
	require.NoError(t, err)
	require.Equal(t, map[string]int64{"alice": 7}, s.Balances)
	require.Greater(t, s.Timestamp, written.Timestamp)
	again, err := client.Transact(t.Context(), core.Transaction{ID: "open", Changes: []core.Change{{Account: "alice", Delta: 7, Open: true}}})
	require.NoError(t, err)
	require.Equal(t, written.Timestamp, again.Timestamp)
}

func TestBenchWithoutAClusterSaysSo(t *testing.T) {
	t.Parallel()
	address := held(t) // where nobody listens
	require.Contains(t, refused(t, "bench", "-nodes", "http://"+address, "-length", "100ms"), address)
}

// What bench prints is a table of three uncertainties, also on a disk that is made slow.
func TestBenchPrintsTheTable(t *testing.T) {
	output, code := ledger(t, "bench", "-clients", "1", "-length", "100ms", "-sync", "3ms")
	require.Zero(t, code, output)
	require.Contains(t, output, "an fsync takes 3.")
	require.Equal(t, 2+3, strings.Count(output, "\n|"), output)
}
