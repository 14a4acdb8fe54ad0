// Package demo brings NTP servers of its own, so that a clock can be tried without a network.
package demo

import (
	"fmt"
	"time"

	"github.com/epsilontime/epsilon/ntpsrc/ntptest"
)

// behaviors are those of the servers: each is off by a little and claims a little more than that, and one
// claims to be the best of them and is off by 250 ms.
var behaviors = []ntptest.Behavior{
	{Offset: 20 * time.Microsecond, Dispersion: 100 * time.Microsecond},
	{Offset: -60 * time.Microsecond, Dispersion: 200 * time.Microsecond},
	{Offset: 250 * time.Millisecond, Dispersion: 50 * time.Microsecond},
	{Offset: 150 * time.Microsecond, Dispersion: 400 * time.Microsecond},
	{Offset: -300 * time.Microsecond, Dispersion: 800 * time.Microsecond},
}

const liar = 2

// Servers are NTP servers on loopback that serve this host's wall clock, and one that lies.
type Servers []*ntptest.Server

// Start starts them at ports that are free.
func Start() (Servers, error) {
	var started Servers
	for _, behavior := range behaviors {
		s, err := ntptest.Listen("127.0.0.1:0", behavior)
		if err != nil {
			started.Close()
			return nil, fmt.Errorf("cannot start a demonstration server: %w", err)
		}
		started = append(started, s)
	}
	return started, nil
}

// Addresses are where they answer.
func (s Servers) Addresses() (addresses []string) {
	for _, server := range s {
		addresses = append(addresses, server.Address())
	}
	return addresses
}

// Liar is the address of the one that lies.
func (s Servers) Liar() string { return s[liar].Address() }

// Describe says what they are.
func (s Servers) Describe() string {
	return fmt.Sprintf("%d NTP servers of our own on loopback. The one at %s lies: it is off by %v, and claims to be off by %v at most.",
		len(s), s.Liar(), behaviors[liar].Offset, behaviors[liar].Dispersion)
}

// Close stops them.
func (s Servers) Close() {
	for _, server := range s {
		_ = server.Close()
	}
}
