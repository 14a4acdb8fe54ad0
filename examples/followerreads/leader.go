package main

import (
	"context"
	"slices"
	"sync"

	"github.com/epsilontime/epsilon/commitwait"
	"github.com/epsilontime/epsilon/truetime"
)

// version is what a key is from a timestamp on.
type version struct {
	at         truetime.Time
	key, value string
}

// leader takes the writes.
type leader struct {
	waiter    *commitwait.Waiter
	sequencer *commitwait.Sequencer
	safe      *commitwait.SafeTime
	persist   func(version) error // returns when it is on disk, or at a majority

	mu  sync.Mutex
	log []version // as they became durable, which is not the order of their timestamps
}

func newLeader(clock truetime.Reader, waiter *commitwait.Waiter, persist func(version) error) (*leader, error) {
	sequencer, err := commitwait.NewSequencer(clock)
	if err != nil {
		return nil, err
	}
	safe, err := commitwait.NewSafeTime(waiter, sequencer.Raise)
	if err != nil {
		return nil, err
	}
	return &leader{waiter: waiter, sequencer: sequencer, safe: safe, persist: persist}, nil
}

// write returns the timestamp of a write, once it has passed on every machine.
func (l *leader) write(ctx context.Context, key, value string) (truetime.Time, error) {
	timestamp, done, err := l.safe.Begin(l.sequencer.Next)
	if err != nil {
		return 0, err // the clock refuses: nothing was written
	}
	v := version{timestamp, key, value}
	if err := l.persist(v); err != nil {
		// It may be durable or not. Without done no read at this timestamp or a later one is
		// answered until somebody has found out, as a new leader does.
		return timestamp, err
	}
	l.mu.Lock()
	l.log = append(l.log, v)
	l.mu.Unlock()
	done() // whoever reads the log from now on finds it
	return timestamp, l.waiter.Until(ctx, timestamp)
}

// since is what a follower asks for: what the log has from a position on, and the timestamp at which reads are safe for
// whoever has the log up to there.
func (l *leader) since(position int) ([]version, truetime.Time, error) {
	safe, err := l.safe.Safe() // first: all that is at or before it is in the log by now
	if err != nil {
		return nil, 0, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.log[position:]), safe, nil
}
