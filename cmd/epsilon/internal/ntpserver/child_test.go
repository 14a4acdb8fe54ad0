package ntpserver_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/epsilontime/epsilon/cmd/epsilon/internal/ntpserver"
	"github.com/epsilontime/epsilon/internal/testing/testbed"
	"github.com/epsilontime/epsilon/internal/testing/wallclocksource"
	"github.com/epsilontime/epsilon/truetime"
)

// childVariable makes this test binary a server that ends with its standard input. A server in a
// process of its own has a processor time of its own.
const childVariable = "EPSILON_NTPSERVER_CHILD"

func TestMain(m *testing.M) {
	if os.Getenv(childVariable) == "" {
		testbed.RunTogether()
		goleak.VerifyTestMain(m)
		return
	}
	if err := serveAsChild(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func serveAsChild() error {
	clock, err := truetime.New([]truetime.Source{wallclocksource.Source{}})
	if err != nil {
		return err
	}
	defer clock.Close()
	if err := clock.WaitSynchronized(context.Background(), time.Second); err != nil {
		return err
	}
	// As the daemon has it, but for the limit: one client asks for all.
	limit := ntpserver.DefaultLimit()
	limit.PerSecond, limit.Burst = 1e6, 1e6
	server, err := ntpserver.New(ntpserver.Config{
		Reader:        clock,
		Listen:        []netip.AddrPort{netip.MustParseAddrPort("127.0.0.1:0")},
		Upstream:      ntpserver.Fixed(1, ntpserver.OwnReference),
		Limit:         limit,
		Workers:       1,
		ProgramStamps: os.Getenv(childVariable) == "program stamps",
	})
	if err != nil {
		return err
	}
	fmt.Println(server.Addr()[0])
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		cancel()
	}()
	return server.Serve(ctx)
}

// startChild starts a server in a process of its own, and returns its address and process id.
func startChild(t testing.TB, kind string) (address string, pid int) {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	command := exec.Command(self)
	command.Env = append(os.Environ(), childVariable+"="+kind)
	command.Stderr = os.Stderr
	input, err := command.StdinPipe() // which ends with this process, however that ends
	require.NoError(t, err)
	output, err := command.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, command.Start())
	t.Cleanup(func() {
		require.NoError(t, input.Close())
		require.NoError(t, command.Wait())
	})
	line, err := bufio.NewReader(output).ReadString('\n')
	require.NoError(t, err)
	return strings.TrimSpace(line), command.Process.Pid
}
