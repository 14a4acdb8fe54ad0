package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/epsilontime/epsilon/examples/ledger/core"
	"github.com/epsilontime/epsilon/examples/ledger/engine"
)

// serve runs one node.
func serve(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("serve", flag.ContinueOnError)
	var (
		address = flags.String("listen", "127.0.0.1:7401", "address to serve clients and other nodes at")
		self    = flags.String("url", "", "how clients and other nodes reach it, if not by http:// and -listen")
		kind    = flags.String("engine", "pebble", "pebble (a folder, one node), store (ledger store) or etcd")
		folder  = flags.String("dir", "ledger-data", "pebble: the folder with the data")
		url     = flags.String("store", "http://127.0.0.1:7400", "store: its URL")
		etcd    = flags.String("etcd", "127.0.0.1:2379", "etcd: its endpoints, host:port,…")
		shards  = flags.Int("shards", 3, "how many shards there are; cannot be changed later")
		home    = flags.String("home", "0/1", "this node and how many there are, to spread the shards")
		ttl     = flags.Duration("ttl", 2*time.Second, "how long a lease lasts that is not renewed")
		servers = flags.String("ntp", "", "NTP servers, host:port,…")
		ppm     = flags.Float64("skew-ppm", 0, "run the local counter this much too fast")
		isHeld  = flags.Bool("held", false, "whoever starts this holds the address for it, as demo does")
		isDemo  = flags.Bool("demo", false, "serve /debug/, through which faults are made")
		noWait  = flags.Bool("unsafe-no-commit-wait", false, "acknowledge without waiting")
		noFence = flags.Bool("unsafe-no-fence", false, "write without the fencing token")
		wall    = flags.Duration("unsafe-wall-clock", -1, "trust the wall clock, off by this much; -1ns is not to")
	)
	if err := flags.Parse(args); err != nil {
		return err
	}
	me, nodes, err := parseHome(*home)
	if err != nil {
		return err
	}
	listener, err := listen(*address, *isHeld)
	if err != nil {
		return err
	}
	defer listener.Close()
	clock, err := newNodeClock(ctx, strings.Split(*servers, ","), *ppm, *wall)
	if err != nil {
		return err
	}
	defer clock.Close()
	e, err := openEngine(ctx, *kind, *folder, *url, *etcd)
	if err != nil {
		return err
	}
	defer e.Close()
	var stopAt atomic.Pointer[string] // the transaction at which to stop, by how it begins
	var steps atomic.Int64            // until the process kills itself
	var hold holdUp
	node, err := core.Start(ctx, core.Config{
		Engine: e, Clock: clock, URL: cmp.Or(*self, "http://"+listener.Addr().String()), Shards: *shards, TTL: *ttl,
		Home:   func(shard int) bool { return shard%nodes == me },
		Unsafe: core.Unsafe{NoCommitWait: *noWait, NoFence: *noFence},
		Pause: func(step core.Step, id string) error {
			if steps.Add(-1) == 0 {
				killSelf()
			}
			hold.step(ctx)
			at := stopAt.Load()
			if step == core.BeforeCommit && at != nil && strings.HasPrefix(id, *at) && stopAt.CompareAndSwap(at, nil) {
				return stopSelf() // SIGSTOP, at the worst of moments
			}
			return nil
		},
	})
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.Handle("/", node.Handler())
	if *isDemo {
		mux.HandleFunc("GET /debug/status", func(w http.ResponseWriter, _ *http.Request) {
			_ = json.NewEncoder(w).Encode(nodeStatus{clock.describe(), clock.uncertainty(), node.Leads()})
		})
		mux.HandleFunc("POST /debug/stop", func(_ http.ResponseWriter, r *http.Request) {
			id := r.FormValue("id")
			stopAt.Store(&id)
		})
		mux.HandleFunc("POST /debug/kill", func(_ http.ResponseWriter, r *http.Request) {
			after, _ := strconv.ParseInt(r.FormValue("steps"), 10, 64) // zero is never
			steps.Store(after)
		})
		mux.HandleFunc("POST /debug/hold", func(_ http.ResponseWriter, r *http.Request) {
			after, _ := strconv.ParseInt(r.FormValue("steps"), 10, 64) // zero is never
			length, _ := time.ParseDuration(r.FormValue("for"))
			hold.set(after, length)
		})
		mux.HandleFunc("POST /debug/skew", func(_ http.ResponseWriter, r *http.Request) {
			ppm, _ := strconv.ParseFloat(r.FormValue("ppm"), 64) // zero is as good as any
			clock.skew(ppm)
		})
	}
	return errors.Join(serveUntil(ctx, listener, mux), node.Close())
}

// holdUp makes one goroutine lose its processor at a step, while the others go on: a handler that
// answers when its leader has long been deposed, or a term that is over and nobody has noticed.
type holdUp struct {
	steps  atomic.Int64 // until then
	length atomic.Int64
}

func (h *holdUp) set(steps int64, length time.Duration) {
	h.length.Store(int64(length))
	h.steps.Store(steps)
}

func (h *holdUp) step(ctx context.Context) {
	if h.steps.Add(-1) != 0 {
		return
	}
	select {
	case <-time.After(time.Duration(h.length.Load())):
	case <-ctx.Done():
	}
}

type nodeStatus struct {
	State   string
	Epsilon time.Duration
	Leads   []int
}

// killSelf ends the process as kill -9 does.
func killSelf() {
	if self, err := os.FindProcess(os.Getpid()); err == nil {
		_ = self.Kill()
	}
	select {}
}

func parseHome(text string) (me, nodes int, err error) {
	if n, _ := fmt.Sscanf(text, "%d/%d", &me, &nodes); n != 2 || nodes < 1 || me < 0 || me >= nodes {
		return 0, 0, fmt.Errorf("-home %q must be like 0/3", text)
	}
	return me, nodes, nil
}

func openEngine(ctx context.Context, kind, folder, url, etcd string) (engine.Engine, error) {
	switch kind {
	case "pebble":
		return openPebble(folder, vfs.Default)
	case "store":
		return engine.NewRemote(url), nil
	case "etcd":
		ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
		defer cancel()
		return engine.OpenEtcd(ctx, strings.Split(etcd, ",")...)
	}
	return nil, fmt.Errorf("-engine %q must be pebble, store or etcd", kind)
}

// listen takes the address before anything else is begun that would have to be undone.
func listen(address string, isHeld bool) (listener net.Listener, err error) {
	if isHeld {
		listener, err = engine.ListenHeld(address)
	} else {
		listener, err = net.Listen("tcp", address)
	}
	if err != nil {
		return nil, fmt.Errorf("cannot serve at %s: %w; choose another with -listen", address, err)
	}
	return listener, nil
}

// serveUntil serves until ctx ends, and then finishes the requests under way.
func serveUntil(ctx context.Context, listener net.Listener, handler http.Handler) error {
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	select {
	case err := <-served:
		return err
	case <-ctx.Done():
	}
	last, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	return server.Shutdown(last)
}
