package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"time"
)

// network is a process that stands for the network between the clients and their servers: datagrams take there as
// long as a path says. It is one of its own so that Go's scheduler, which runs our clocks, has no part in when a
// datagram leaves.
type network struct {
	command *exec.Cmd
	input   io.WriteCloser
	output  *json.Decoder
	start   networkStart
	report  networkReport
}

// networkPlan is what the process is told: the first line of its standard input.
type networkPlan struct {
	Seed  uint64
	Spin  time.Duration // for how long before it is due a departure is waited for on the processor
	Awake bool          // it spins but for short rests, and has a processor to itself
	Links []linkPlan
}

// linkPlan is the way between all clients of one bed and one server.
type linkPlan struct {
	Bed    int    // whose lateness it counts with
	Listen string // the address at which clients see the server
	Server string
	Path   path // of either way
}

// networkStart is the first line that it says, networkReport the last.
type networkStart struct {
	Addresses []string      // where each link listens
	Crossing  time.Duration // what a datagram takes from one program to the next, which is taken off
	Realtime  string        // why it has no real-time priority; empty if it has
	Err       string        // why it cannot start
}

type networkReport struct {
	Late    map[int]lateness // by bed
	Dropped int              // datagrams that it did not pass on: they were none of NTP's, or too many
}

// lateness is how long after it was due a datagram had left: what the bed adds to a path, each way. All is percentiles, from the lowest.
type lateness struct {
	P50, P90, P99, Max time.Duration
	All                []time.Duration
}

// latenessParts is into how many parts of equal size datagrams are divided by how late they were.
const latenessParts = 500

// latenessOf is that of sorted durations.
func latenessOf(late []time.Duration) lateness {
	l := lateness{P50: percentile(late, 50), P90: percentile(late, 90), P99: percentile(late, 99), Max: late[len(late)-1]}
	for part := range latenessParts {
		l.All = append(l.All, late[(2*part+1)*len(late)/(2*latenessParts)])
	}
	return l
}

// networkArgument makes this program such a process.
const networkArgument = "-as-network"

func startNetwork(c *command, plan networkPlan) (n *network, addresses []string) {
	n = &network{command: c.itself(networkArgument)}
	var err error
	if n.input, err = n.command.StdinPipe(); err != nil {
		c.Fatalf("the network: %v", err)
	}
	output, err := n.command.StdoutPipe()
	if err != nil {
		c.Fatalf("the network: %v", err)
	}
	n.output = json.NewDecoder(output)
	if err := n.command.Start(); err != nil {
		c.Fatalf("start the network: %v", err)
	}
	c.Cleanup(n.stop)
	if err := json.NewEncoder(n.input).Encode(plan); err != nil {
		c.Fatalf("tell the network its paths: %v", err)
	}
	if err := n.output.Decode(&n.start); err != nil || n.start.Err != "" {
		c.Fatalf("the network did not start: %v %s", err, n.start.Err)
	}
	return n, n.start.Addresses
}

// stop ends the process. It may be called twice.
func (n *network) stop() {
	if n.command.ProcessState != nil {
		return
	}
	_ = n.input.Close() // which is the sign to end
	if err := n.output.Decode(&n.report); err != nil {
		fmt.Fprintln(os.Stderr, "beside: the network ended without a report:", err)
	}
	_ = n.command.Wait()
}
