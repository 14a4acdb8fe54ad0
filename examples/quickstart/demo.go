package main

import (
	"fmt"
	"time"

	"github.com/epsilontime/epsilon/internal/testing/ntpserver"
)

// demoServers are what the quickstart starts for itself: each off by a little and claiming a little
// more than that, and one that claims to be the best of them and is off by 250 ms.
var demoServers = []ntpserver.Behavior{
	{Offset: 20 * time.Microsecond, Dispersion: 100 * time.Microsecond},
	{Offset: -60 * time.Microsecond, Dispersion: 200 * time.Microsecond},
	{Offset: 250 * time.Millisecond, Dispersion: 50 * time.Microsecond},
	{Offset: 150 * time.Microsecond, Dispersion: 400 * time.Microsecond},
	{Offset: -300 * time.Microsecond, Dispersion: 800 * time.Microsecond},
}

const demoLiar = 2

// demo is a set of NTP servers on loopback that serve this host's clock.
type demo []*ntpserver.Server

func startDemo() (demo, error) {
	var d demo
	for _, b := range demoServers {
		s, err := ntpserver.Start("127.0.0.1:0", b)
		if err != nil {
			d.close()
			return nil, fmt.Errorf("cannot start a demonstration server: %w", err)
		}
		d = append(d, s)
	}
	return d, nil
}

func (d demo) addresses() (addresses []string) {
	for _, s := range d {
		addresses = append(addresses, s.Address())
	}
	return addresses
}

func (d demo) describe() string {
	return fmt.Sprintf("%d NTP servers of our own on loopback. The one at %s lies: it is off by %v, and claims to be off by %v at most.\n",
		len(d), d[demoLiar].Address(), demoServers[demoLiar].Offset, demoServers[demoLiar].Dispersion)
}

func (d demo) close() {
	for _, s := range d {
		s.Close()
	}
}
