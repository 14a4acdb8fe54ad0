// Followerreads is the program of docs/guides/followerreads.md: a leader that takes writes, and a follower that answers
// reads at a timestamp without asking it.
//
//	go run ./examples/followerreads -server ntp1.example.net -server ntp2.example.net -server ntp3.example.net
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/epsilontime/epsilon/commitwait"
	"github.com/epsilontime/epsilon/ntpsrc"
	"github.com/epsilontime/epsilon/truetime"
)

func main() {
	var servers []string
	flag.Func("server", "NTP server, `host[:port]`; repeat it for three or more", func(address string) error {
		servers = append(servers, address)
		return nil
	})
	flag.Parse()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := run(ctx, servers, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "followerreads:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, servers []string, out io.Writer) error {
	clock, err := truetime.New(ntpsrc.Servers(servers...))
	if err != nil {
		return err // every mistake in the configuration
	}
	defer clock.Close()
	if err := clock.WaitSynchronized(ctx, 100*time.Millisecond); err != nil {
		return err // which servers did not answer, and why
	}
	return demonstrate(ctx, clock, out)
}

// demonstrate writes at the leader and reads at the follower.
func demonstrate(ctx context.Context, clock truetime.Reader, out io.Writer) error {
	waiter, err := commitwait.NewWaiter(clock)
	if err != nil {
		return err
	}
	defer waiter.Close()
	leader, err := newLeader(clock, waiter, func(version) error { return nil }) // in memory, for once
	if err != nil {
		return err
	}
	follower := newFollower()
	following, stop := context.WithCancel(ctx)
	followed := make(chan error, 1)
	go func() { followed <- follower.follow(following, leader, 5*time.Millisecond) }()
	defer func() { stop(); <-followed }()

	first, err := leader.write(ctx, "alice", "100")
	if err != nil {
		return err
	}
	second, err := leader.write(ctx, "alice", "70")
	if err != nil {
		return err
	}
	now, err := clock.Now()
	if err != nil {
		return err
	}
	for _, at := range []truetime.Time{first, second, now.Latest} { // now.Latest: all that was told to anybody before now
		value, err := follower.read(ctx, "alice", at)
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "alice at %v: %s\n", at, value)
	}
	return nil
}
