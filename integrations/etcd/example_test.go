package epsilonetcd_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	epsilonetcd "github.com/epsilontime/epsilon/integrations/etcd"
	"github.com/epsilontime/epsilon/lease"
	"github.com/epsilontime/epsilon/truetime"
)

// wallClock stands in for a truetime.Clock, so that the examples need no servers of time: it believes that the
// machine's clock is right within 1 ms, which a program must not.
type wallClock struct{}

func (wallClock) Now() (truetime.Interval, error) {
	now := truetime.FromStd(time.Now())
	return truetime.Interval{Earliest: now.Add(-time.Millisecond), Latest: now.Add(time.Millisecond)}, nil
}

// connectExample connects to an etcd that was started for the examples.
func connectExample() *clientv3.Client {
	cluster, err := shared.start()
	if err != nil {
		panic(err)
	}
	client, err := newClient(clientv3.Config{Endpoints: cluster.endpoints()})
	if err != nil {
		panic(err)
	}
	return client
}

// Alice holds the lease, is paused, and writes when she has a successor. etcd itself refuses her.
func ExampleLeaseStore_Fence() {
	ctx := context.Background()
	client := connectExample()
	defer client.Close()
	store, err := epsilonetcd.NewLeaseStore(client, "leases/")
	if err != nil {
		fmt.Println(err)
		return
	}
	acquire := func(holder string, ttl time.Duration) *lease.Lease {
		candidate, err := lease.NewCandidate(wallClock{}, store, "compactor", ttl, lease.WithHolder(holder))
		if err != nil {
			panic(err)
		}
		held, err := candidate.Acquire(ctx) // waits its turn
		if err != nil {
			panic(err)
		}
		return held
	}
	compact := func(token lease.Token) error {
		response, err := client.Txn(ctx).
			If(store.Fence("compactor", token)).
			Then(clientv3.OpPut("state", "compacted")).
			Commit()
		if err == nil && !response.Succeeded {
			err = lease.ErrStaleToken
		}
		return err
	}

	alice := acquire("alice", time.Second)
	fmt.Println("alice writes:", compact(alice.Token()))
	alice.Close() // nothing is renewed while a process is paused

	bob := acquire("bob", time.Minute)
	fmt.Println("alice is refused:", errors.Is(compact(alice.Token()), lease.ErrStaleToken))
	fmt.Println("bob writes:", compact(bob.Token()))
	if err := bob.Release(ctx); err != nil {
		fmt.Println(err)
	}
	// Output:
	// alice writes: <nil>
	// alice is refused: true
	// bob writes: <nil>
}

func ExampleElection() {
	ctx := context.Background()
	client := connectExample()
	defer client.Close()
	election, err := epsilonetcd.NewElection(wallClock{}, client, "/compactor", 10*time.Second)
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := election.Campaign(ctx, "host-7"); err != nil { // waits until it leads
		fmt.Println(err)
		return
	}
	defer election.Resign(ctx)
	fence := election.Fence() // of this term, for all of its work

	leader, err := election.Leader(ctx)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%s leads\n", leader.Kvs[0].Value)

	work, cancel := election.Lease().Context(ctx) // ends in time before it stops leading
	defer cancel()
	response, err := client.Txn(work).If(fence).Then(clientv3.OpPut("state", "compacted")).Commit()
	if err != nil {
		fmt.Println("written or not:", err)
		return
	}
	fmt.Println("written:", response.Succeeded)
	// Output:
	// host-7 leads
	// written: true
}
