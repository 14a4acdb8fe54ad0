package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/epsilontime/epsilon/examples/ledger/core"
	"github.com/epsilontime/epsilon/examples/ledger/engine"
	"github.com/epsilontime/epsilon/truetime"
)

// bench puts load on a cluster, or without one measures what commit-wait costs.
func bench(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	nodes := flags.String("nodes", "", "URLs of a cluster, http://…,…; without: one node in this process, for each ε with and without commit-wait")
	kind := flags.String("engine", "pebble", "pebble or etcd, without a cluster")
	shards := flags.Int("shards", 3, "of the cluster")
	clients := flags.Int("clients", 8, "how many clients there are")
	sync := flags.Duration("sync", 0, "pebble: make an fsync take at least so long, as on another disk")
	length := flags.Duration("length", 3*time.Second, "how long each measurement takes")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *nodes != "" {
		m, err := measure(ctx, core.NewClient(*shards, strings.Split(*nodes, ",")...), *clients, *length)
		if err == nil {
			fmt.Println("p50, p99 | 1/s:", m)
		}
		return err
	}
	folder, err := os.MkdirTemp("", "ledger-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	var files vfs.FS = vfs.Default
	if *sync != 0 {
		files = slowDisk{files, *sync}
	}
	e, closeEngine, err := benchEngine(ctx, *kind, files, folder)
	if err != nil {
		return err
	}
	defer closeEngine()
	disk, err := syncTime(files, filepath.Join(folder, "disk"))
	if err != nil {
		return err
	}
	fmt.Printf("%s, %d clients; an fsync takes %v\n", *kind, *clients, disk)
	fmt.Println("| ε | without: p50, p99 | 1/s | with: p50, p99 | 1/s | added to p50 | waited after the write, p50 | hidden of 2ε |")
	fmt.Println("|---|---|---|---|---|---|---|---|")
	for _, epsilon := range []time.Duration{100 * time.Microsecond, time.Millisecond, 4 * time.Millisecond} {
		without, err := benchNode(ctx, e, epsilon, true, *clients, *length)
		if err != nil {
			return err
		}
		with, err := benchNode(ctx, e, epsilon, false, *clients, *length)
		if err != nil {
			return err
		}
		waited := quantile(with.waits, 0.5)
		fmt.Printf("| %v | %s | %s | %s | %s | %s |\n", epsilon, without, with,
			short(quantile(with.latencies, 0.5)-quantile(without.latencies, 0.5)), short(waited), short(2*epsilon-waited))
	}
	return nil
}

func benchEngine(ctx context.Context, kind string, files vfs.FS, folder string) (engine.Engine, func(), error) {
	if kind == "pebble" {
		e, err := openPebble(filepath.Join(folder, "data"), files)
		return e, func() { e.Close() }, err
	}
	layout, closeAll, err := engine.StartMembers(ctx, folder, 3)
	if err != nil {
		return nil, nil, err
	}
	e, err := engine.OpenEtcd(ctx, layout.Clients...)
	if err != nil {
		closeAll()
		return nil, nil, err
	}
	return e, func() { e.Close(); closeAll() }, nil
}

// fixed is a clock of one uncertainty.
type fixed time.Duration

func (f fixed) Now() (truetime.Interval, error) {
	now := truetime.FromStd(time.Now())
	return truetime.Interval{Earliest: now.Add(-time.Duration(f)), Latest: now.Add(time.Duration(f))}, nil
}

func benchNode(ctx context.Context, e engine.Engine, epsilon time.Duration, noWait bool, clients int, length time.Duration) (measured, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return measured{}, err
	}
	url := "http://" + listener.Addr().String()
	node, err := core.Start(ctx, core.Config{Engine: e, Clock: fixed(epsilon), URL: url, Shards: 1, Unsafe: core.Unsafe{NoCommitWait: noWait}})
	if err != nil {
		listener.Close()
		return measured{}, err
	}
	server := &http.Server{Handler: node.Handler()}
	go func() { _ = server.Serve(listener) }() // it ends with Close
	defer func() { server.Close(); node.Close() }()
	return measure(ctx, core.NewClient(1, url), clients, length)
}

// measured is what transfers took.
type measured struct {
	latencies, waits []time.Duration
	length           time.Duration
}

func (m measured) String() string {
	return fmt.Sprintf("%s, %s | %.0f", short(quantile(m.latencies, 0.5)), short(quantile(m.latencies, 0.99)), float64(len(m.latencies))/m.length.Seconds())
}

func short(d time.Duration) string { return fmt.Sprintf("%.2f ms", float64(d)/1e6) }

func measure(ctx context.Context, client *core.Client, clients int, length time.Duration) (m measured, err error) {
	defer client.Close()
	prefix := fmt.Sprintf("%x", rand.Uint64())
	opening, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	for i := range 2 * clients {
		open := core.Transaction{ID: fmt.Sprintf("%s-open-%d", prefix, i), Changes: []core.Change{{Account: fmt.Sprintf("%s-%d", prefix, i), Delta: 1e12, Open: true}}}
		if _, err := client.Transact(opening, open); err != nil {
			return m, err
		}
	}
	ctx, cancel = context.WithTimeout(ctx, length)
	defer cancel()
	var mu sync.Mutex
	var all sync.WaitGroup
	begun := time.Now()
	for c := range clients {
		all.Go(func() {
			for i := 0; ctx.Err() == nil; i++ {
				begun := time.Now()
				result, failed := client.Transact(ctx, core.Transfer(fmt.Sprintf("%s-%d-%d", prefix, c, i), fmt.Sprintf("%s-%d", prefix, 2*c), fmt.Sprintf("%s-%d", prefix, 2*c+1), 1))
				mu.Lock()
				if failed == nil {
					m.latencies, m.waits = append(m.latencies, time.Since(begun)), append(m.waits, result.Waited)
				} else if !errors.Is(failed, context.DeadlineExceeded) {
					err = failed
				}
				mu.Unlock()
			}
		})
	}
	all.Wait()
	m.length = time.Since(begun)
	return m, err
}
