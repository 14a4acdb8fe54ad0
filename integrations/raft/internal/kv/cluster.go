package kv

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"go.etcd.io/raft/v3/raftpb"

	"github.com/epsilontime/epsilon/truetime"
)

// A Cluster is a few nodes in one process, with a network of channels between them.
type Cluster struct {
	nodes []*Node
	apart []atomic.Bool // who is cut off from the others
}

// StartCluster starts a cluster with a node for each clock, which ticks every so often: a leader is missed after 10 ticks.
func StartCluster(clocks []truetime.Reader, lease, every time.Duration) (*Cluster, error) {
	c := &Cluster{nodes: make([]*Node, len(clocks)), apart: make([]atomic.Bool, len(clocks))}
	var voters []uint64
	for i := range clocks {
		voters = append(voters, uint64(i+1))
	}
	started := make(chan struct{}) // a node that is early must not find that there are no others
	send := func(m *raftpb.Message) {
		<-started
		from, to := m.GetFrom()-1, m.GetTo()-1
		if !c.apart[from].Load() && !c.apart[to].Load() {
			c.nodes[to].Deliver(m)
		}
	}
	var errs []error
	for i, clock := range clocks {
		var err error
		c.nodes[i], err = Start(Config{
			ID: voters[i], Clock: clock, Lease: lease, Storage: NewStorage(voters...),
			ElectionTicks: 10, HeartbeatTicks: 1, CompactEvery: 10_000,
		}, every, send)
		errs = append(errs, err)
	}
	close(started)
	if err := errors.Join(errs...); err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

// Close ends all nodes.
func (c *Cluster) Close() {
	for _, n := range c.nodes {
		if n != nil {
			n.Close()
		}
	}
}

// Isolate cuts a node off from the others, or connects it again.
func (c *Cluster) Isolate(n *Node, apart bool) { c.apart[n.replica.id-1].Store(apart) }

// Campaign makes the first node try to become the leader now.
func (c *Cluster) Campaign() *Node {
	n := c.nodes[0]
	n.calls <- n.replica.Campaign
	return n
}

// Leader waits for a node that leads and is not cut off.
func (c *Cluster) Leader(ctx context.Context) (*Node, error) {
	for {
		for i, n := range c.nodes {
			if n.Lease().Status().Leader && !c.apart[i].Load() {
				return n, nil
			}
		}
		select {
		case <-time.After(time.Millisecond):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}
