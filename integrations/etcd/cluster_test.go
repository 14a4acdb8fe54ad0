package epsilonetcd_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/server/v3/embed"
	"go.uber.org/goleak"
	"go.uber.org/zap"
)

// Other processes that the tests need are this program again, told by this variable what to be.
const role = "EPSILON_ETCD_TEST_ROLE"

var roles = map[string]func() error{"member": runMember}

func TestMain(m *testing.M) {
	if be := os.Getenv(role); be != "" {
		if err := roles[be](); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	code := m.Run()
	shared.close()
	if code == 0 {
		if err := goleak.Find(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	os.Exit(code)
}

// again returns a command that runs this program in a role. It ends when its standard input is closed, which is
// so at the latest when the tests have ended, however they did.
func again(be string, arguments any) (*exec.Cmd, io.WriteCloser, error) {
	text, err := json.Marshal(arguments)
	if err != nil {
		return nil, nil, err
	}
	program, err := os.Executable()
	if err != nil {
		return nil, nil, err
	}
	command := exec.Command(program, string(text))
	command.Env = append(os.Environ(), role+"="+be)
	command.Stderr = os.Stderr
	stdin, err := command.StdinPipe()
	return command, stdin, err
}

// cluster is etcd, each member in a process of its own so that it can be killed. They listen on sockets in a
// folder and on no port, so nobody else can be in their way.
type cluster struct {
	folder  string
	members []*member
}

type member struct {
	name, cluster, folder string
	process               *exec.Cmd
	stdin                 io.Closer
}

// config is what a member's process is told.
type config struct{ Name, Folder, Cluster string }

// socket is where clients find the member of that name.
func socket(folder, name string) url.URL {
	return url.URL{Scheme: "unix", Path: filepath.Join(folder, name)}
}

// peer is where members find each other: a file in the working directory. etcd needs the path of the URL for
// itself, and a port.
func peer(name string) url.URL { return url.URL{Scheme: "unix", Host: name + ":1"} }

func runMember() error {
	var given config
	if err := json.Unmarshal([]byte(os.Args[1]), &given); err != nil {
		return err
	}
	c := embed.NewConfig()
	c.Name, c.InitialCluster, c.Dir = given.Name, given.Cluster, filepath.Join(given.Folder, given.Name+".data")
	clients, peers := socket(given.Folder, given.Name), peer(given.Name)
	c.ListenClientUrls, c.AdvertiseClientUrls = []url.URL{clients}, []url.URL{clients}
	c.ListenPeerUrls, c.AdvertisePeerUrls = []url.URL{peers}, []url.URL{peers}
	c.UnsafeNoFsync = true // what is killed is the process and not the machine
	c.LogLevel, c.LogOutputs = "fatal", []string{"stderr"}
	server, err := embed.StartEtcd(c)
	if err != nil {
		return err
	}
	closed := make(chan struct{})
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		close(closed)
	}()
	select {
	case err := <-server.Err():
		return err
	case <-closed:
		return nil
	}
}

// startCluster starts members, and returns when they answer.
func startCluster(n int) (*cluster, error) {
	// Below /tmp, whatever TMPDIR is: the path of a socket has at most 107 bytes.
	folder, err := os.MkdirTemp("/tmp", "epsilonetcd")
	if err != nil {
		return nil, err
	}
	c := &cluster{folder: folder}
	var initial []string
	for i := range n {
		name := fmt.Sprint("m", i)
		at := peer(name)
		initial = append(initial, name+"="+at.String())
		c.members = append(c.members, &member{name: name, folder: folder})
	}
	for _, m := range c.members {
		m.cluster = strings.Join(initial, ",")
		if err := m.start(); err != nil {
			c.close()
			return nil, err
		}
	}
	return c, nil
}

func (m *member) start() error {
	process, stdin, err := again("member", config{m.name, m.folder, m.cluster})
	if err != nil {
		return err
	}
	process.Dir = m.folder
	if err := process.Start(); err != nil {
		return err
	}
	m.process, m.stdin = process, stdin
	return nil
}

// kill is kill -9.
func (m *member) kill() {
	if m.process == nil {
		return
	}
	_ = m.process.Process.Kill()
	_ = m.process.Wait()
	_ = m.stdin.Close()
	m.process = nil
	_ = os.Remove(filepath.Join(m.folder, m.name))
	_ = os.Remove(filepath.Join(m.folder, m.name+":1"))
}

// endpoint is where clients find the member.
func (m *member) endpoint() string {
	u := socket(m.folder, m.name)
	return u.String()
}

func (c *cluster) close() {
	for _, m := range c.members {
		m.kill()
	}
	_ = os.RemoveAll(c.folder)
}

func (c *cluster) endpoints() (all []string) {
	for _, m := range c.members {
		all = append(all, m.endpoint())
	}
	return all
}

// connect returns a client of endpoints, which answer.
func connect(t testing.TB, endpoints ...string) *clientv3.Client {
	t.Helper()
	client, err := newClient(clientv3.Config{Endpoints: endpoints})
	require.NoError(t, err)
	t.Cleanup(func() { client.Close() })
	return client
}

var silent = zap.NewNop()

// startLimit is for a machine that is busy; a second is usual.
const startLimit = 3 * time.Minute

func newClient(c clientv3.Config) (*clientv3.Client, error) {
	c.Logger = silent
	client, err := clientv3.New(c)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), startLimit)
	defer cancel()
	for {
		if _, err = client.Get(ctx, "is there a quorum?"); err == nil {
			return client, nil
		}
		if ctx.Err() != nil {
			client.Close()
			return nil, err
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// shared is a cluster of one member for all tests that leave it alone, each with keys of its own.
var shared sharedCluster

type sharedCluster struct {
	once    sync.Once
	cluster *cluster
	err     error
}

func (s *sharedCluster) start() (*cluster, error) {
	s.once.Do(func() { s.cluster, s.err = startCluster(1) })
	return s.cluster, s.err
}

func (s *sharedCluster) close() {
	if s.cluster != nil {
		s.cluster.close()
	}
}

// etcd returns a client of the shared cluster, and a prefix for the test.
func etcd(t testing.TB) (client *clientv3.Client, prefix string) {
	t.Helper()
	cluster, err := shared.start()
	require.NoError(t, err)
	return connect(t, cluster.endpoints()...), "/" + strings.ReplaceAll(t.Name(), "#", "") + "/"
}

// newCluster returns a cluster for one test.
func newCluster(t testing.TB, n int) *cluster {
	t.Helper()
	c, err := startCluster(n)
	require.NoError(t, err)
	t.Cleanup(c.close)
	return c
}
