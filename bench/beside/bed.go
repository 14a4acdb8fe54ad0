package main

import (
	"context"
	"fmt"
	"net"
	"slices"
	"time"

	"github.com/facebook/time/ntp/chrony"

	"github.com/epsilontime/epsilon/internal/testing/testbed"
	"github.com/epsilontime/epsilon/ntpsrc"
	"github.com/epsilontime/epsilon/truetime"
)

const (
	serverCount = 4
	driftPPM    = 200 // everybody assumes it, but on the beds that say otherwise
	wanderPPB   = 100 // per second: what the clocks with A4 assume besides, a preset of WithMaxWander

	// startLimit is for a machine that is busy: a clock has its first answers within two round trips.
	startLimit = 90 * time.Second
)

// bed is paths to four honest servers, and clients of them: a chronyd and clocks of ours.
type bed struct {
	name       string
	path       path
	poll       time.Duration
	ours       bool      // its servers are ours, and not chronyd's
	kilometres float64   // that the servers are declared to be away; 0 for nothing declared
	drift      float64   // that everybody assumes, in ppm
	extra      []variant // that are tried here besides those of the phase

	daemon chrony.Client
	clocks []*clockInBed
	chronyd
}

// variant is how a clock of ours is made.
type variant struct {
	name    string
	wander  bool                  // A4 is assumed
	often   int                   // polls in the time of one of the bed's
	twice   bool                  // two exchanges make a poll
	options []ntpsrc.ServerOption // of its sources
}

// fine is what makes some tens of microseconds where those show: the servers state their bounds to the nanosecond, and the kernel's stamps
// are proved to be worth more.
var fine = []ntpsrc.ServerOption{ntpsrc.WithFineBounds(), ntpsrc.WithSharpStamps()}

var (
	plain      = variant{name: "A1 to A3", often: 1}
	still      = variant{name: "with A4", often: 1, wander: true}
	finer      = variant{name: "A1 to A3, finer", often: 1, options: fine}
	finerStill = variant{name: "with A4, finer", often: 1, wander: true, options: fine}
)

// start starts the clients of a bed, whose servers they see at these addresses.
func (b *bed) start(c *command, addresses []string, variants []variant) {
	var directives []string
	for _, address := range addresses {
		host, port, err := net.SplitHostPort(address)
		if err != nil {
			c.Fatalf("%v", err)
		}
		directives = append(directives, fmt.Sprintf("server %s port %s minpoll %d maxpoll %[3]d", host, port, b.log2Poll()))
	}
	// The follower names the first server itself.
	follower := testbed.StartFollower(c, addresses[0], b.log2Poll(), append(directives[1:], fmt.Sprintf("maxclockerror %g", b.drift))...)
	conn, err := net.Dial("udp4", follower.CommandAddress())
	if err != nil {
		c.Fatalf("%v", err)
	}
	c.Cleanup(func() { _ = conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(10 * time.Minute)); err != nil {
		c.Fatalf("%v", err)
	}
	b.daemon = chrony.Client{Connection: conn}
	for _, v := range slices.Concat(variants, b.extra) {
		b.clocks = append(b.clocks, b.startClock(c, addresses, v))
	}
}

// log2Poll is the poll as chronyd wants it.
func (b *bed) log2Poll() int {
	log := 0
	for p := b.poll; p < time.Second; p *= 2 {
		log--
	}
	return log
}

func (b *bed) startClock(c *command, addresses []string, v variant) *clockInBed {
	options := append([]ntpsrc.ServerOption{ntpsrc.WithLocalReference()}, v.options...)
	if b.kilometres > 0 {
		options = append(options, ntpsrc.WithDistance(b.kilometres))
	}
	var sources []truetime.Source
	poll := b.poll / time.Duration(v.often)
	for _, a := range addresses {
		source := ntpsrc.Server(a, options...)
		if v.twice {
			source = askedTwice{source}
		}
		sources = append(sources, source)
	}
	choices := []truetime.Option{truetime.WithPoll(poll, poll), truetime.WithDrift(b.drift)}
	if v.wander {
		choices = append(choices, truetime.WithMaxWander(wanderPPB))
	}
	clock, err := truetime.New(sources, choices...)
	if err != nil {
		c.Fatalf("a clock on the bed %s: %v", b.name, err)
	}
	c.Cleanup(func() {
		if err := clock.Close(); err != nil {
			c.Errorf("%v", err)
		}
	})
	ctx, cancel := context.WithTimeout(c.ctx, startLimit)
	defer cancel()
	if err := clock.WaitSynchronized(ctx, time.Second); err != nil { // to any useful width
		c.Fatalf("a clock on the bed %s: %v: %s", b.name, err, clock.Status().Summary())
	}
	return &clockInBed{variant: v, clock: clock}
}

// read asks chronyd and all clocks, within a few milliseconds.
func (b *bed) read(c *command, block int) {
	b.chronyd.read(c, b, block)
	for _, clock := range b.clocks {
		clock.read(c, b, block)
	}
}
