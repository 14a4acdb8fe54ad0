package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/epsilontime/epsilon/examples/ledger/core"
	"github.com/epsilontime/epsilon/examples/ledger/engine"
	"github.com/epsilontime/epsilon/ntpsrc/ntptest"
)

// demoMembers of etcd hold the data, if it is not a store that does.
const demoMembers = 3

// demoSkews is how far off the counter of each node is, in ppm, and demoErrors what its time
// servers claim to be wrong by at most. They are off by half of that.
var (
	demoSkews  = [demoNodes]float64{150, -150, 90}
	demoErrors = [demoNodes]time.Duration{4 * time.Millisecond, 300 * time.Microsecond, time.Millisecond}
	demoWalls  = [demoNodes]time.Duration{20 * time.Millisecond, -20 * time.Millisecond, 0}
)

// demoCluster is processes of this program: nodes, and the store that they share; or etcd in its
// place.
type demoCluster struct {
	options demoOptions
	folder  string
	layout  engine.Layout
	held    []*engine.Held
	members []*exec.Cmd
	store   *exec.Cmd
	nodes   [demoNodes]*exec.Cmd
	servers [demoNodes][]*ntptest.Server
	urls    []string // of the nodes
	at      string   // the address of the store, or the endpoints of etcd
}

func startDemo(ctx context.Context, o demoOptions, folder string) (c *demoCluster, err error) {
	c = &demoCluster{options: o, folder: folder}
	defer func() {
		if err != nil {
			c.stop()
		}
	}()
	switch {
	case o.engine == "etcd" && o.etcd != "":
		c.at = o.etcd
	case o.engine == "etcd":
		if c.layout, err = engine.NewLayout(demoMembers); err != nil {
			return c, err
		}
		c.at = strings.Join(c.layout.Clients, ",")
		c.members = make([]*exec.Cmd, demoMembers)
		for i := range demoMembers {
			if err := c.startMember(i); err != nil {
				return c, err
			}
		}
	case o.engine == "pebble":
		if c.at, err = c.hold(); err != nil {
			return c, err
		}
		if err := c.restartStore(ctx); err != nil {
			return c, err
		}
	default:
		return c, fmt.Errorf("-engine %q must be pebble or etcd", o.engine)
	}
	for i := range demoNodes {
		address, err := c.hold()
		if err != nil {
			return c, err
		}
		c.urls = append(c.urls, "http://"+address)
		for _, sign := range []time.Duration{-1, 0, 1} {
			s, err := ntptest.Listen("127.0.0.1:0", ntptest.Behavior{Offset: sign * demoErrors[i] / 2, Dispersion: demoErrors[i]})
			if err != nil {
				return c, err
			}
			c.servers[i] = append(c.servers[i], s)
		}
	}
	for i := range demoNodes {
		if err := c.startNode(ctx, i); err != nil {
			return c, err
		}
	}
	return c, nil
}

// hold chooses an address for a process of the cluster, which keeps it while that is away.
func (c *demoCluster) hold() (string, error) {
	h, err := engine.Hold()
	if err != nil {
		return "", err
	}
	c.held = append(c.held, h)
	return h.Address, nil
}

// spawn starts this program once more.
func spawn(args ...string) (*exec.Cmd, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	c := exec.Command(self, args...)
	c.Stderr = os.Stderr
	return c, c.Start()
}

func (c *demoCluster) restartStore(ctx context.Context) (err error) {
	if c.store != nil {
		end(c.store)
	}
	if c.store, err = spawn("store", "-held", "-dir", filepath.Join(c.folder, "data"), "-listen", c.at); err != nil {
		return err
	}
	remote := engine.NewRemote("http://" + c.at)
	defer remote.Close()
	return eventually(ctx, func() error {
		_, err := remote.Read(ctx, engine.Key("format"))
		return err
	})
}

func (c *demoCluster) startMember(i int) (err error) {
	name := c.layout.Name(i)
	c.members[i], err = spawn("member", "-name", name, "-dir", filepath.Join(c.folder, name),
		"-listen", c.layout.Clients[i], "-peer", c.layout.Peers[i], "-cluster", c.layout.Cluster())
	return err
}

func (c *demoCluster) killMember(i int) { end(c.members[i]) }

// told is what a client hears that gives up soon.
func (c *demoCluster) told(ctx context.Context) string {
	client := core.NewClient(demoShards, c.urls...)
	defer client.Close()
	ctx, cancel := context.WithTimeout(ctx, 3500*time.Millisecond)
	defer cancel()
	if _, err := client.Read(ctx, core.ReadRequest{Accounts: []string{"anybody"}}); err != nil {
		return err.Error()
	}
	return "nothing unusual"
}

func (c *demoCluster) startNode(ctx context.Context, i int) (err error) {
	var servers []string
	for _, s := range c.servers[i] {
		servers = append(servers, s.Address())
	}
	o := c.options
	// A request of a lease is given up after a third of its TTL. etcd writes to three disks, and
	// takes its time on a machine that has other work.
	ttl := "1s"
	if o.engine == "etcd" {
		ttl = "2s"
	}
	args := []string{"serve", "-held", "-demo", "-listen", strings.TrimPrefix(c.urls[i], "http://"), "-home", fmt.Sprintf("%d/%d", i, demoNodes),
		"-ttl", ttl, "-ntp", strings.Join(servers, ","), fmt.Sprintf("-skew-ppm=%v", demoSkews[i]),
		fmt.Sprintf("-unsafe-no-commit-wait=%v", o.noWait), fmt.Sprintf("-unsafe-no-fence=%v", o.noFence)}
	if o.engine == "etcd" {
		args = append(args, "-engine", "etcd", "-etcd", c.at)
	} else {
		args = append(args, "-engine", "store", "-store", "http://"+c.at)
	}
	if o.wall {
		args = append(args, fmt.Sprintf("-unsafe-wall-clock=%v", demoWalls[i]))
	}
	if c.nodes[i], err = spawn(args...); err != nil {
		return err
	}
	return eventually(ctx, func() error {
		_, err := c.status(ctx, i)
		return err
	})
}

// eventually tries for as long as a client would.
func eventually(ctx context.Context, try func() error) (err error) {
	for deadline := time.Now().Add(longestWait); time.Now().Before(deadline) && ctx.Err() == nil; time.Sleep(20 * time.Millisecond) {
		if err = try(); err == nil {
			return nil
		}
	}
	return err
}

var debug = http.Client{Timeout: 300 * time.Millisecond}

func (c *demoCluster) post(i int, path string) {
	if response, err := debug.Post(c.urls[i]+path, "", nil); err == nil {
		response.Body.Close()
	}
}

func (c *demoCluster) status(ctx context.Context, i int) (s nodeStatus, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, c.urls[i]+"/debug/status", nil)
	if err != nil {
		return s, err
	}
	response, err := debug.Do(request)
	if err != nil {
		return s, err
	}
	defer response.Body.Close()
	return s, json.NewDecoder(response.Body).Decode(&s)
}

// describe says how each node is.
func (c *demoCluster) describe(ctx context.Context) string {
	var nodes []string
	for i := range c.nodes {
		s, err := c.status(ctx, i)
		if err != nil {
			nodes = append(nodes, fmt.Sprintf("node %d: %v", i, err))
			continue
		}
		nodes = append(nodes, fmt.Sprintf("node %d: %s, ε %v, leads %v", i, s.State, s.Epsilon, s.Leads))
	}
	return strings.Join(nodes, "; ")
}

func (c *demoCluster) kill(i int) { end(c.nodes[i]) }

// end kills a process and waits until it is gone.
func end(p *exec.Cmd) {
	if p != nil && p.Process != nil {
		_ = p.Process.Kill() // it may be gone
		_ = p.Wait()
	}
}

func (c *demoCluster) cut(i int, silent bool) {
	for k, s := range c.servers[i] {
		s.Set(ntptest.Behavior{Offset: time.Duration(k-1) * demoErrors[i] / 2, Dispersion: demoErrors[i], Silent: silent})
	}
}

func (c *demoCluster) stop() {
	for _, n := range c.nodes {
		end(n)
	}
	end(c.store)
	for _, m := range c.members {
		end(m)
	}
	for _, servers := range c.servers {
		for _, s := range servers {
			_ = s.Close()
		}
	}
	_ = c.layout.Release()
	for _, h := range c.held {
		_ = h.Release()
	}
}
