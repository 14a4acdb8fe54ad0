package epsilonraft_test

import (
	"errors"
	"fmt"
	"io"
	"log"
	"time"

	"go.etcd.io/raft/v3"
	"go.etcd.io/raft/v3/raftpb"

	epsilonraft "github.com/epsilontime/epsilon/integrations/raft"
	"github.com/epsilontime/epsilon/truetime/truetimetest"
)

// One member, so that there is no network. What is special to leases is what calls the lease.
func Example() {
	clock := truetimetest.NewManual(start, time.Millisecond) // in life, a truetime.Clock
	storage := raft.NewMemoryStorage()
	lease, err := epsilonraft.New(clock, 1, time.Second, storage)
	if err != nil {
		panic(err)
	}
	node, err := raft.NewRawNode(&raft.Config{
		ID: 1, ElectionTick: 10, HeartbeatTick: 1, Storage: storage, MaxSizePerMsg: 1 << 20, MaxInflightMsgs: 256,
		Logger: &raft.DefaultLogger{Logger: log.New(io.Discard, "", 0)},
	})
	if err != nil {
		panic(err)
	}
	if err := node.Bootstrap([]raft.Peer{{ID: 1}}); err != nil {
		panic(err)
	}

	var value string
	var applied uint64
	apply := func(entry *raftpb.Entry) {
		applied = entry.GetIndex()
		if entry.GetType() != raftpb.EntryNormal {
			return
		}
		command, err := epsilonraft.Unwrap(entry.GetData())
		if err != nil {
			panic(err)
		}
		if len(command) > 0 {
			value = string(command)
			fmt.Printf("%s: may be told: %v\n", command, lease.Released(entry.GetIndex()) == nil)
		}
	}
	run := func() {
		for node.HasReady() {
			ready := node.Ready()
			if err := lease.Ready(ready); err != nil { // first of all
				panic(err)
			}
			if !raft.IsEmptyHardState(ready.HardState) {
				_ = storage.SetHardState(ready.HardState)
			}
			_ = storage.Append(ready.Entries)
			for _, entry := range ready.CommittedEntries {
				apply(entry)
			}
			node.Advance(ready)
		}
	}
	get := func() {
		read, err := lease.Begin()
		if err != nil || applied < read.Index {
			panic("in life, wait or ask another member")
		}
		seen := value
		err = read.Confirm(nil) // last of all
		switch {
		case errors.Is(err, epsilonraft.ErrExpired):
			fmt.Println("no lease: in life, ask by ReadIndex")
		case err != nil:
			panic(err)
		default:
			fmt.Println("read:", seen)
		}
	}

	run() // the configuration, before the member can campaign
	_ = node.Campaign()
	run()
	_ = node.Propose(lease.Wrap([]byte("Basel")))
	run()
	get()
	clock.Advance(2 * time.Second)
	get()
	_ = node.Propose(lease.Wrap(nil)) // as NeedsRenewal says
	run()
	get()
	// Output:
	// Basel: may be told: true
	// read: Basel
	// no lease: in life, ask by ReadIndex
	// read: Basel
}
