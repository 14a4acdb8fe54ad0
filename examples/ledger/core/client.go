package core

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/epsilontime/epsilon/hlc/hlchttp"
)

// Client talks to a cluster. It finds the leaders, and asks again until it knows what became of a
// transaction. It has no clock: it hands on the highest timestamp that it has seen.
type Client struct {
	nodes  []string
	shards int
	http   *http.Client
	turn   atomic.Int64

	mu      sync.Mutex
	leaders map[int]string
}

// NewClient returns a client for the nodes at the URLs, which have so many shards. A node that has
// not answered after 1.5 s is given up, and another asked.
func NewClient(shards int, nodes ...string) *Client {
	return NewPatientClient(1500*time.Millisecond, shards, nodes...)
}

// NewPatientClient returns a client that gives a node so much time.
func NewPatientClient(patience time.Duration, shards int, nodes ...string) *Client {
	c := &Client{nodes: nodes, shards: shards, leaders: make(map[int]string)}
	c.http = &http.Client{Transport: hlchttp.Transport(new(hlchttp.Relay), &http.Transport{MaxIdleConnsPerHost: 256}), Timeout: patience}
	return c
}

// Transact returns when the transaction has been committed, or certainly has not and will not be.
// Only if ctx ends it does not know, and the error wraps ErrRetry.
func (c *Client) Transact(ctx context.Context, t Transaction) (r Result, err error) {
	if err := t.validate(); err != nil {
		return r, err
	}
	order, _ := t.split(c.shards)
	return r, c.retry(ctx, order[len(order)-1], "/transact", t, &r)
}

// Read returns balances as of one timestamp, from any node.
func (c *Client) Read(ctx context.Context, request ReadRequest) (s Snapshot, err error) {
	return s, c.retry(ctx, -1, "/read", request, &s)
}

// How long the client waits before it asks again: longer each time, because every question to a
// cluster without a leader becomes one to its engine, and an engine that is coming back has to be
// left time to do so.
const firstPause, longestPause = 5 * time.Millisecond, 250 * time.Millisecond

func (c *Client) retry(ctx context.Context, shard int, path string, question, answer any) error {
	var last error
	for pause := firstPause; ; pause = min(2*pause, longestPause) {
		url := c.where(shard)
		err := post(ctx, c.http, url+path, question, answer)
		var other *NotLeaderError
		switch {
		case errors.As(err, &other) && other.Leader != "" && other.Leader != url:
			c.learn(shard, other.Leader)
			pause = firstPause
		case errors.Is(err, ErrRetry):
			c.learn(shard, "")
		default:
			return err
		}
		if last == nil || ctx.Err() == nil {
			last = err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("given up, %w; before that: %w", ctx.Err(), last)
		case <-time.After(pause/2 + rand.N(pause/2)): // not all at once
		}
	}
}

func (c *Client) where(shard int) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	if url := c.leaders[shard]; url != "" {
		return url
	}
	return c.nodes[int(c.turn.Add(1))%len(c.nodes)]
}

func (c *Client) learn(shard int, url string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.leaders[shard] = url
}

// Close lets go of connections.
func (c *Client) Close() { c.http.CloseIdleConnections() }
