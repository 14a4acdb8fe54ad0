//go:build unix

package epsilonetcd_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/client/v3/concurrency"

	epsilonetcd "github.com/epsilontime/epsilon/integrations/etcd"
)

// A leader looks whether it leads, and its process is stopped before it writes, as by a long garbage collection or
// a migration of its machine. Another is elected, and writes. Then the first goes on where it was.
//
// This is the story of https://martin.kleppmann.com/2016/02/08/how-to-do-distributed-locking.html, of what Jepsen
// found in etcd 3.4.3 (https://jepsen.io/analyses/etcd-3.4.3), and of contrib/lock in etcd's repository. The leader
// is a process, stopped by SIGSTOP; etcd expires its session by itself.
func TestDemonstrationALeaderIsPausedBeforeItWrites(t *testing.T) {
	client, prefix := etcd(t)
	for name, c := range map[string]struct {
		kind        string
		successor   string // what the note says when all is over
		outcome     string
		stillLeader string
	}{
		// As in etcd's examples: a session, a campaign, and then the work.
		"with concurrency.Election as it is mostly used, the zombie writes": {kind: "concurrency", successor: "of the zombie", outcome: "written"},
		// As the documentation of Key and Rev, and of Mutex.IsOwner, has it for who reads on.
		"with its Key and Rev compared in each transaction, it does not": {kind: "concurrency, guarded", successor: "of the successor", outcome: "refused"},
		// It knows, too, without asking etcd.
		"with ours it does not, and it knows": {kind: "epsilonetcd", successor: "of the successor", outcome: "refused", stillLeader: "lease: "},
	} {
		t.Run(name, func(t *testing.T) {
			place := prefix + strings.Fields(c.kind)[0] + fmt.Sprint(len(c.kind))
			leader := startLeader(t, job{client.Endpoints()[0], c.kind, place})
			require.Equal(t, "leads", leader.says(t))
			leader.signal(t, syscall.SIGSTOP)

			successor, done, err := newOffice(client, c.kind, place)
			require.NoError(t, err)
			defer done()
			require.NoError(t, successor.Campaign(t.Context(), "successor"), "when the session, or the lease, of the first has expired")
			ok, err := put(t.Context(), client, successor.fence(), place+" note", "of the successor")
			require.NoError(t, err)
			require.True(t, ok)

			leader.signal(t, syscall.SIGCONT)
			leader.tell(t, "go on")
			require.Equal(t, c.outcome, leader.says(t))
			require.Equal(t, c.successor, read(t, client, place+" note"))
			require.Contains(t, leader.says(t), c.stillLeader)
		})
	}
}

// office is an election of some kind, and what its leader has its transactions depend on.
type office struct {
	swappable
	leads func() error // what a program looks at before it works
	fence func() clientv3.Cmp
}

func newOffice(client *clientv3.Client, kind, place string) (office, func(), error) {
	if kind == "epsilonetcd" {
		e, err := epsilonetcd.NewElection(wallClock{}, client, place, time.Second)
		if err != nil {
			return office{}, nil, err
		}
		return office{e, func() error { return e.Lease().Check() }, e.Fence}, func() { _ = e.Lease().Close() }, nil
	}
	session, err := concurrency.NewSession(client, concurrency.WithTTL(1)) // of which etcd makes the least that it grants
	if err != nil {
		return office{}, nil, err
	}
	e := concurrency.NewElection(session, place)
	leads := func() error {
		select {
		case <-session.Done():
			return errors.New("the session has ended")
		default:
			return nil
		}
	}
	fence := func() clientv3.Cmp { return clientv3.Compare(clientv3.CreateRevision(e.Key()), "=", e.Rev()) }
	if kind == "concurrency" {
		fence = func() clientv3.Cmp { return clientv3.Compare(clientv3.CreateRevision("there is none"), "=", 0) }
	}
	return office{e, leads, fence}, func() { _ = session.Close() }, nil
}

// job is what the process of a leader is told.
type job struct{ Endpoint, Kind, Place string }

func init() { roles["leader"] = runLeader }

func runLeader() error {
	var given job
	if err := json.Unmarshal([]byte(os.Args[1]), &given); err != nil {
		return err
	}
	client, err := newClient(clientv3.Config{Endpoints: []string{given.Endpoint}})
	if err != nil {
		return err
	}
	ctx := context.Background()
	e, _, err := newOffice(client, given.Kind, given.Place)
	if err != nil {
		return err
	}
	if err := e.Campaign(ctx, "zombie"); err != nil {
		return err
	}
	fence := e.fence()
	if err := e.leads(); err != nil {
		return err
	}
	fmt.Println("leads")
	if _, err := bufio.NewReader(os.Stdin).ReadString('\n'); err != nil { // here it is stopped
		return err
	}
	ok, err := put(ctx, client, fence, given.Place+" note", "of the zombie")
	switch {
	case err != nil:
		fmt.Println(err)
	case ok:
		fmt.Println("written")
	default:
		fmt.Println("refused")
	}
	fmt.Println(e.leads())
	_, _ = io.Copy(io.Discard, os.Stdin)
	return nil
}

// leaderProcess is a leader in a process of its own.
type leaderProcess struct {
	process *os.Process
	in      io.WriteCloser
	out     *bufio.Reader
}

func startLeader(t *testing.T, j job) *leaderProcess {
	t.Helper()
	command, stdin, err := again("leader", j)
	require.NoError(t, err)
	stdout, err := command.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, command.Start())
	t.Cleanup(func() {
		_ = command.Process.Kill()
		_ = command.Wait()
	})
	return &leaderProcess{command.Process, stdin, bufio.NewReader(stdout)}
}

func (l *leaderProcess) says(t *testing.T) string {
	t.Helper()
	line, err := l.out.ReadString('\n')
	require.NoError(t, err)
	return strings.TrimSuffix(line, "\n")
}

func (l *leaderProcess) tell(t *testing.T, line string) {
	t.Helper()
	_, err := fmt.Fprintln(l.in, line)
	require.NoError(t, err)
}

func (l *leaderProcess) signal(t *testing.T, s syscall.Signal) {
	t.Helper()
	require.NoError(t, l.process.Signal(s))
}
