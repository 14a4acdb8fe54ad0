package kv

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"time"

	"go.etcd.io/raft/v3/raftpb"

	epsilonraft "github.com/epsilontime/epsilon/integrations/raft"
)

// ErrClosed: the node has been closed.
var ErrClosed = errors.New("kv: the node is closed")

// A Node runs a Replica in life: on a goroutine, with ticks of the machine's time. It is safe for use by many goroutines.
type Node struct {
	replica *Replica
	send    func(*raftpb.Message)
	nextID  uint64

	messages chan *raftpb.Message
	calls    chan func()
	reads    chan quorumRead
	quit     chan struct{}
	done     chan struct{}
	close    sync.Once
	err      error // why it has ended, after done
}

// queued is how much waits at a node. Messages beyond it are lost, as in a network; callers wait.
const queued = 1024

// Start starts a node. Send must not block, and may lose a message.
func Start(c Config, every time.Duration, send func(*raftpb.Message)) (*Node, error) {
	replica, err := NewReplica(c)
	if err != nil {
		return nil, err
	}
	n := &Node{
		replica: replica, send: send, nextID: c.ID<<56 | rand.Uint64()>>16, // no id of a life before
		messages: make(chan *raftpb.Message, queued), calls: make(chan func(), queued), reads: make(chan quorumRead, queued),
		quit: make(chan struct{}), done: make(chan struct{}),
	}
	replica.nextRead = rand.Uint64() >> 1
	go n.run(every)
	return n, nil
}

// Close ends the node, as a crash would.
func (n *Node) Close() {
	n.close.Do(func() { close(n.quit) })
	<-n.done
}

// Deliver gives the node a message of another one. It does not block.
func (n *Node) Deliver(m *raftpb.Message) {
	select {
	case n.messages <- m:
	default: // raft sends again
	}
}

// Lease is the node's.
func (n *Node) Lease() *epsilonraft.Lease { return n.replica.lease }

func (n *Node) run(every time.Duration) {
	defer close(n.done)
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	var reads quorumReads
	for {
		select {
		case <-n.quit:
			n.err = ErrClosed
			return
		case <-ticker.C:
			n.replica.Tick()
			reads.tick()
		case m := <-n.messages:
			n.replica.Step(m)
		case call := <-n.calls:
			call()
		case read := <-n.reads:
			reads.waiting = append(reads.waiting, read)
		}
		if reads.asked == nil && len(reads.waiting) > 0 {
			runtime.Gosched() // whoever is ready to ask, too, should be in the same question
		}
		reads.waiting = n.more(reads.waiting)
		reads.ask(n.replica)
		messages, err := n.replica.Run()
		if err != nil {
			n.err = err
			return
		}
		for _, m := range messages {
			n.send(m)
		}
	}
}

// more takes what else is there, so that one round is for all of it.
func (n *Node) more(reads []quorumRead) []quorumRead {
	for range queued {
		select {
		case m := <-n.messages:
			n.replica.Step(m)
		case call := <-n.calls:
			call()
		case read := <-n.reads:
			reads = append(reads, read)
		default:
			return reads
		}
	}
	return reads
}

// Put sets a key and returns the value that was there before. After an error it may be set or not.
func (n *Node) Put(ctx context.Context, key, value string) (string, error) {
	answer := make(chan string, 1)
	var failed error
	proposed := make(chan struct{})
	call := func() {
		n.nextID++
		failed = n.replica.Put(n.nextID, key, value, func(previous string) { answer <- previous })
		close(proposed)
	}
	if err := give(ctx, n, n.calls, call); err != nil {
		return "", err
	}
	select {
	case <-proposed:
		if failed != nil {
			return "", fmt.Errorf("kv: the write of %q: %w", key, failed)
		}
	case <-n.done:
		return "", n.err
	}
	return take(ctx, n, answer)
}

// Get reads a key at the leader: by its lease, or if that proves nothing now by asking a majority.
func (n *Node) Get(ctx context.Context, key string) (string, error) {
	value, err := n.replica.Get(key)
	if err == nil {
		return value, nil
	}
	return n.GetByQuorum(ctx, key)
}

// GetByLease reads a key, or says why the lease does not let it.
func (n *Node) GetByLease(key string) (string, error) { return n.replica.Get(key) }

// GetByQuorum reads a key by asking a majority.
func (n *Node) GetByQuorum(ctx context.Context, key string) (string, error) {
	answer := make(chan string, 1)
	if err := give(ctx, n, n.reads, quorumRead{key, answer}); err != nil {
		return "", err
	}
	return take(ctx, n, answer)
}

func give[T any](ctx context.Context, n *Node, to chan<- T, value T) error {
	select {
	case to <- value:
		return nil
	case <-n.done:
		return n.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

func take(ctx context.Context, n *Node, answer <-chan string) (string, error) {
	select {
	case value := <-answer:
		return value, nil
	case <-n.done:
		return "", n.err
	case <-ctx.Done():
		return "", ctx.Err()
	}
}
