package main

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/epsilontime/epsilon/truetime"
)

// follower has a copy of the leader's log, and answers reads by itself.
type follower struct {
	mu   sync.Mutex
	log  []version
	safe truetime.Time
	grew chan struct{} // closed when safe has grown
}

func newFollower() *follower { return &follower{grew: make(chan struct{})} }

// follow asks the leader for news, again and again, until ctx ends.
func (f *follower) follow(ctx context.Context, leader *leader, every time.Duration) error {
	position := 0
	for {
		// An error is a refusal of the leader's clock. It passes, and until then reads wait.
		if news, safe, err := leader.since(position); err == nil {
			position += len(news)
			f.apply(news, safe)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(every):
		}
	}
}

// apply takes over a piece of the log, and with it the timestamp at which reads are safe then.
func (f *follower) apply(news []version, safe truetime.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.log = append(f.log, news...)
	if safe.After(f.safe) {
		f.safe = safe
		close(f.grew)
		f.grew = make(chan struct{})
	}
}

// read returns what key is at a timestamp: today, tomorrow, and at every follower the same.
func (f *follower) read(ctx context.Context, key string, at truetime.Time) (value string, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for f.safe.Before(at) { // a write at or before it may still be on its way
		grew := f.grew
		f.mu.Unlock()
		select {
		case <-grew:
		case <-ctx.Done():
			err = fmt.Errorf("the follower is not there yet: %w", context.Cause(ctx))
		}
		f.mu.Lock()
		if err != nil {
			return "", err
		}
	}
	var from truetime.Time
	for _, v := range f.log { // a real store has an index
		if v.key == key && !v.at.After(at) && v.at.After(from) {
			from, value = v.at, v.value
		}
	}
	return value, nil
}
