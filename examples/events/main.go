// Events is the program of docs/guides/events.md: two services that tell each other of events over HTTP, and stamp them
// so that a cause comes before its effect, whatever their clocks do.
//
//	go run ./examples/events -data /tmp -server ntp1.example.net -server ntp2.example.net -server ntp3.example.net
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/epsilontime/epsilon/hlc"
	"github.com/epsilontime/epsilon/ntpsrc"
	"github.com/epsilontime/epsilon/truetime"
)

func main() {
	var servers []string
	flag.Func("server", "NTP server, `host[:port]`; repeat it for three or more", func(address string) error {
		servers = append(servers, address)
		return nil
	})
	data := flag.String("data", ".", "`directory` for the bounds of the services' timestamps")
	flag.Parse()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := run(ctx, servers, *data, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "events:", err)
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

// demonstrate sells something, and prints what the two services have written down, by timestamp.
func demonstrate(ctx context.Context, clock truetime.Reader, data string, out io.Writer) error {
	started := make(map[string]*service)
	for _, name := range []string{"billing", "orders"} {
		store, err := hlc.OpenFileStore(filepath.Join(data, name+".hlc"))
		if err != nil {
			return err // another process has it, or the directory cannot be written to
		}
		defer store.Close()
		s, err := newService(ctx, name, clock, store)
		if err != nil {
			return err
		}
		defer s.close() // an error costs the next start a wait, and nothing else
		started[name] = s
	}
	// A server for tests is enough here. An http.Server takes the same handler.
	billing := httptest.NewServer(started["billing"].handler())
	defer billing.Close()
	orders := started["orders"]
	orders.next = billing.URL

	for _, text := range []string{"a chair", "a table"} {
		if err := orders.happens(ctx, text); err != nil {
			return err
		}
	}
	all := slices.Concat(started["billing"].events, orders.events)
	slices.SortFunc(all, func(a, b event) int { return a.Stamp.Compare(b.Stamp) })
	for _, e := range all {
		fmt.Fprintln(out, e.Stamp.Time(), e.Service, e.Text)
	}
	return nil
}
