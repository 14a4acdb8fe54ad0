package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"time"

	"github.com/epsilontime/epsilon/internal/testing/testbed"
)

// pause between reads is prime to the polls, so that the reads go through all of their phases.
const pause = 97 * time.Millisecond

// phase is beds that are tried at the same time, which does not change the delays: nobody is busy for more than a
// few hundredths of a second in each.
type phase struct {
	what         string
	beds         []*bed
	variants     []variant
	awake        bool // the network spins all the time, as its path is shorter than it takes to wake it
	busy         bool // as many processes as there are processors do nothing but spin
	settle, span time.Duration

	network networkReport
	start   networkStart
	steered string // what was done to the host's clock meanwhile, or nothing
	version string // of chronyd
}

// run starts everything, lets it settle, reads, and stops everything.
func (p *phase) run(ctx context.Context) error {
	return run(ctx, func(c *command) {
		before := readSteering()
		fmt.Fprintf(os.Stderr, "beside: %s: settling for %v, then reading for %v\n", p.what, p.settle, p.span)
		servers := map[bool][]string{} // by whether they are ours
		// 0.3 ms is longer than it usually takes to wake a thread, in a virtual machine too.
		plan := networkPlan{Seed: 1, Spin: 300 * time.Microsecond, Awake: p.awake && runtime.NumCPU() > 1}
		for i, b := range p.beds {
			if servers[b.ours] == nil {
				servers[b.ours] = p.startServers(c, b.ours)
			}
			for j, s := range servers[b.ours] {
				// chronyd takes two servers at one address for one, whatever their ports.
				plan.Links = append(plan.Links, linkPlan{Bed: i, Listen: fmt.Sprintf("127.0.0.%d:0", j+1), Server: s, Path: b.path})
			}
		}
		n, addresses := startNetwork(c, plan)
		p.start = n.start
		for i, b := range p.beds {
			b.start(c, addresses[i*serverCount:(i+1)*serverCount], p.variants)
		}
		if p.busy {
			startLoad(c)
		}
		c.sleep(p.settle)
		for start := time.Now(); time.Since(start) < p.span; c.sleep(pause) {
			block := min(int(time.Since(start)*blockCount/p.span), blockCount-1)
			for _, b := range p.beds {
				b.read(c, block)
			}
		}
		p.steered = before.until(readSteering())
		n.stop()
		p.network = n.report
	})
}

// startServers starts the servers of beds.
func (p *phase) startServers(c *command, ours bool) (addresses []string) {
	if ours {
		return ownServers(c)
	}
	return p.chronydServers(c)
}

// chronydServers are daemons which serve the host's clock. They stand for other machines, so they do not wait for this one's processors.
func (p *phase) chronydServers(c *command) (addresses []string) {
	for range serverCount {
		s := testbed.StartChronyd(c)
		_ = prefer(s.PID()) // where it is not allowed, the network says so
		addresses = append(addresses, s.Address())
		p.version = chronydVersion(s.PID())
	}
	return addresses
}

// chronydVersion is what the program of that process says of itself, as in "chronyd (chrony) version 4.3".
func chronydVersion(pid int) string {
	output, err := exec.Command(fmt.Sprintf("/proc/%d/exe", pid), "-v").Output()
	if err != nil {
		return fmt.Sprintf("chronyd does not say its version: %v", err)
	}
	text, _, _ := strings.Cut(string(output), "(+") // what it was built with
	return strings.TrimSpace(text)
}

// lateShare is what part of the least one-way path the 99th percentile of lateness may be; where it is more the path was not what its name says.
const lateShare = 10

// row is what a bed is called in a table, with a mark if its path was not what it is named.
func (p *phase) row(i int) string {
	if p.network.Late[i].P99 > p.beds[i].path.Least/lateShare {
		return p.beds[i].name + " †"
	}
	return p.beds[i].name
}
