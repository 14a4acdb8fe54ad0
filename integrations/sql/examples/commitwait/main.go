// Commitwait is the program of docs/guides/commitwait.md: a bank with two branches, each with a database and a clock of
// its own, whose timestamps are in the order in which people have seen things happen.
//
//	go run -C integrations/sql ./examples/commitwait -data /tmp -server ntp1.example.net -server ntp2.example.net -server ntp3.example.net
package main

import (
	"cmp"
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/epsilontime/epsilon/ntpsrc"
	"github.com/epsilontime/epsilon/truetime"
)

func main() {
	var servers []string
	flag.Func("server", "NTP server, `host[:port]`; repeat it for three or more", func(address string) error {
		servers = append(servers, address)
		return nil
	})
	data := flag.String("data", ".", "`directory` for the databases of the branches")
	flag.Parse()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := run(ctx, servers, *data, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "commitwait:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, servers []string, data string, out io.Writer) error {
	clock, err := truetime.New(ntpsrc.Servers(servers...))
	if err != nil {
		return err // every mistake in the configuration
	}
	defer clock.Close()
	if err := clock.WaitSynchronized(ctx, 100*time.Millisecond); err != nil {
		return err // which servers did not answer, and why
	}
	return demonstrate(ctx, clock, data, out)
}

// demonstrate pays something in at one branch, out at the other, and prints the statement of both.
func demonstrate(ctx context.Context, clock truetime.Reader, data string, out io.Writer) error {
	north, err := openBranch(ctx, filepath.Join(data, "north.db"), clock)
	if err != nil {
		return err
	}
	defer north.close()
	south, err := openBranch(ctx, filepath.Join(data, "south.db"), clock)
	if err != nil {
		return err
	}
	defer south.close()

	if _, err := north.book(ctx, entry{ID: "1", Account: "alice", Cents: 10000}); err != nil {
		return err
	}
	// Whoever has been told may act on it, wherever she likes: what she does has a later timestamp.
	if _, err := south.book(ctx, entry{ID: "2", Account: "alice", Cents: -7000}); err != nil {
		return err
	}
	all, err := statement(ctx, north, south)
	if err != nil {
		return err
	}
	for _, e := range all {
		fmt.Fprintln(out, e.At, e.Account, e.Cents)
	}
	return nil
}

// statement returns the entries of all branches by timestamp.
func statement(ctx context.Context, branches ...*branch) (all []entry, err error) {
	for _, b := range branches {
		entries, err := b.entries(ctx)
		if err != nil {
			return nil, err
		}
		all = append(all, entries...)
	}
	slices.SortFunc(all, func(a, b entry) int { return cmp.Compare(a.At, b.At) })
	return all, nil
}
