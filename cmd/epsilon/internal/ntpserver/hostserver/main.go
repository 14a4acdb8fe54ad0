// Command hostserver serves this host's clock as if that were true time, with no uncertainty, by package ntpserver. It is for the
// bench in bench/beside, where true time is the host's clock; nobody else should believe it. It says at which address of loopback
// it listens, and ends with its standard input.
package main

import (
	"context"
	"fmt"
	"io"
	"net/netip"
	"os"

	"github.com/epsilontime/epsilon/cmd/epsilon/internal/ntpserver"
	"github.com/epsilontime/epsilon/internal/testing/testbed"
	"github.com/epsilontime/epsilon/truetime"
)

func main() {
	if err := serve(); err != nil {
		fmt.Fprintln(os.Stderr, "hostserver:", err)
		os.Exit(1)
	}
}

// hostClock is the host's clock, certain to the nanosecond.
type hostClock struct{}

func (hostClock) Now() (truetime.Interval, error) {
	now := truetime.Time(testbed.Realtime())
	return truetime.Interval{Earliest: now, Latest: now}, nil
}

func serve() error {
	server, err := ntpserver.New(ntpserver.Config{
		Reader:   hostClock{},
		Listen:   []netip.AddrPort{netip.MustParseAddrPort("127.0.0.1:0")},
		Upstream: ntpserver.Fixed(1, ntpserver.OwnReference),
		Workers:  1,
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
