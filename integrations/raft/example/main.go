// Example shows a key-value store of three members whose leader answers reads by a lease, what that saves, and what happens
// when the leader is cut off.
//
//	go run -C integrations/raft ./example
//
// The store is in internal/kv. Each member has a clock of its own, which asks NTP servers that the example starts on loopback.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	epsilonraft "github.com/epsilontime/epsilon/integrations/raft"
	"github.com/epsilontime/epsilon/integrations/raft/internal/kv"
	"github.com/epsilontime/epsilon/internal/demo"
	"github.com/epsilontime/epsilon/ntpsrc"
	"github.com/epsilontime/epsilon/truetime"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "example:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, out io.Writer) error {
	clocks, closeClocks, err := startClocks(ctx, 3)
	if err != nil {
		return err
	}
	defer closeClocks()
	cluster, err := kv.StartCluster(clocks, time.Second, 20*time.Millisecond)
	if err != nil {
		return err
	}
	defer cluster.Close()
	leader, err := cluster.Leader(ctx)
	if err != nil {
		return err
	}
	for _, c := range [][2]string{{"city", "Basel"}, {"river", "Rhine"}} { // the second one says that the first is settled
		if _, err := leader.Put(ctx, c[0], c[1]); err != nil {
			return err
		}
	}
	if err := compare(ctx, out, leader); err != nil {
		return err
	}
	return cutOff(ctx, out, cluster, leader)
}

// startClocks starts clocks that ask the same servers.
func startClocks(ctx context.Context, n int) ([]truetime.Reader, func(), error) {
	servers, err := demo.Start()
	if err != nil {
		return nil, nil, err
	}
	var clocks []truetime.Reader
	closeAll := servers.Close
	for range n {
		var sources []truetime.Source
		for _, address := range servers.Addresses() {
			sources = append(sources, ntpsrc.Server(address, ntpsrc.WithLocalReference()))
		}
		clock, err := truetime.New(sources, truetime.WithPoll(time.Second, time.Minute))
		if err == nil {
			before := closeAll
			closeAll = func() { _ = clock.Close(); before() }
			err = clock.WaitSynchronized(ctx, 10*time.Millisecond)
		}
		if err != nil {
			closeAll()
			return nil, nil, err
		}
		clocks = append(clocks, clock)
	}
	return clocks, closeAll, nil
}

// compare reads in both ways.
func compare(ctx context.Context, out io.Writer, leader *kv.Node) error {
	const reads = 1000
	for _, way := range []struct {
		name string
		get  func(context.Context, string) (string, error)
	}{
		{"by its lease", leader.Get},
		{"by ReadIndex", leader.GetByQuorum},
	} {
		began := time.Now()
		for range reads {
			if _, err := way.get(ctx, "city"); err != nil {
				return err
			}
		}
		fmt.Fprintf(out, "The leader reads %s in %v, one after the other.\n", way.name, (time.Since(began) / reads).Round(10*time.Nanosecond))
	}
	return nil
}

// cutOff shows that the old leader answers as long as nobody can have been told of anything newer.
func cutOff(ctx context.Context, out io.Writer, cluster *kv.Cluster, old *kv.Node) error {
	cluster.Isolate(old, true)
	fmt.Fprintf(out, "The leader is cut off. Its lease is until %v.\n", old.Lease().Status().Expiry)
	successor, err := cluster.Leader(ctx)
	if err != nil {
		return err
	}
	now := successor.Lease().Status()
	value, err := old.GetByLease("city")
	fmt.Fprintf(out, "Another leads in term %d, and can tell nothing new until %v. At the old leader: %s\n", now.Term, now.Deferred, said(value, err))
	value, err = successor.GetByLease("city")
	fmt.Fprintf(out, "At the new leader, which inherits the lease: %s\n", said(value, err))
	value, err = successor.GetByLease("river")
	fmt.Fprintf(out, "But the last write may not have been told to the old one: %s\n", said(value, err))
	if _, err := successor.Put(ctx, "city", "Bern"); err != nil {
		return err
	}
	value, err = old.GetByLease("city")
	if !errors.Is(err, epsilonraft.ErrExpired) {
		return fmt.Errorf("a write was told while the old leader answered: %q, %v", value, err)
	}
	fmt.Fprintf(out, "A write has been told. At the old leader: %s\n", said(value, err))
	value, err = successor.Get(ctx, "city")
	fmt.Fprintf(out, "At the new leader: %s\n", said(value, err))
	return err
}

func said(value string, err error) string {
	if err != nil {
		return err.Error()
	}
	return value
}
