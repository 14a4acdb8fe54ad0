package hlc

import (
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/epsilontime/epsilon/internal/unset"
	"github.com/epsilontime/epsilon/truetime"
)

// Clocks for shards
//
// An engine that gives each processor a shard of its data, and lets shards send each other messages,
// has no use for one word that all processors write. Each shard can have a clock of its own, as each
// machine has: nothing is passed between processors but messages, and they carry timestamps anyway.
//
// What two machines may do and two shards of one process had better not is issue the same number, of
// which one is lost wherever it is a key. So the low bits of a timestamp are the number of the shard.
// It is the machine's order that is given up, not the order of cause and effect.

// maxShards bounds how many nanoseconds a timestamp may have to skip.
const maxShards = 1024

// NewShards makes n clocks for the n shards of one process, from 1 to 1024, on top of one interval
// clock. Their timestamps never collide: those of clock i have i in their low bits, as many as n-1
// needs. In all else they are clocks of [New] that know nothing of each other, and no call on one
// slows a call on another down.
//
// Use them where a shard stays on its processor and has its own data. Where any processor may serve
// any request one clock for all is right: of two calls on two shards, of which one begins after the
// other has returned, the later may get the smaller timestamp, by up to 2ε, or by what a message has
// pushed the other shard ahead. Give timestamps of messages between shards to [Clock.Update] or
// [Clock.Observe]. Both are as on two machines. Shards of two processes may collide.
//
// A timestamp may be up to n'-1 nanoseconds later than that of a clock alone, n' being the power of
// two at or above n; [WithTolerance] of whoever receives it must allow for that. There is one
// timestamp for each shard in n' nanoseconds. Calls that follow each other faster run ahead of time,
// at worst until [ErrTooFarAhead]: up to 32 shards hardly can, as a call takes about as long, and of
// 64 each gets 15 million timestamps a second. If that is too few, make a clock of [New] for each
// shard, and add the number of the shard to each timestamp.
func NewShards(clock truetime.Reader, n int, options ...Option) ([]*Clock, error) {
	config, err := configure(clock, n, options)
	if err != nil {
		return nil, err
	}
	clocks := newClocks(clock, n, config)
	for _, c := range clocks {
		c.durable.Store(math.MaxInt64)
	}
	return clocks, nil
}

// OpenShards is [Open] for the clocks of [NewShards]. They have one bound in one store together, so
// they cost the store what one clock costs, and n may change from one start to the next. Close them
// all: the last Close saves the bound.
func OpenShards(ctx context.Context, clock truetime.Reader, store Store, n int, options ...OpenOption) ([]*Clock, error) {
	if unset.Nil(store) {
		options = append(slices.Clip(options), openOption(func(c *config) { c.mistakes.Addf("the store is nil") }))
	}
	config, err := configure(clock, n, options)
	if err != nil {
		return nil, err
	}
	bound, err := store.Load(ctx)
	if err != nil {
		return nil, fmt.Errorf("hlc: cannot load the bound below which timestamps were issued: %w", err)
	}
	if bound < 0 {
		return nil, fmt.Errorf("%w: the store loaded %d, which is below zero", ErrCorrupt, int64(bound))
	}
	clocks := newClocks(clock, n, config)
	r := newReservation(store, config.reserve, clocks)
	for _, c := range clocks {
		c.last.Store(int64(bound))
		c.reservation = r
	}
	now, err := clocks[0].awaitPast(ctx, bound)
	if err != nil {
		return nil, err
	}
	// By the interval that was waited for: the clock may refuse the next time it is asked.
	if err := r.save(ctx, Timestamp(now.Latest)); err != nil {
		return nil, fmt.Errorf("%w: the first bound: %w", ErrNotDurable, err)
	}
	r.start()
	return clocks, nil
}

func newClocks(clock truetime.Reader, n int, config config) []*Clock {
	clocks := make([]*Clock, n)
	for i := range clocks {
		clocks[i] = &Clock{
			intervals: clock, physical: config.physical, tolerance: config.tolerance, maxAhead: config.maxAhead,
			mask: config.mask, shard: Timestamp(i),
		}
	}
	return clocks
}

// own returns the first number from t on that is the clock's own, at most the mask later.
func (c *Clock) own(t Timestamp) Timestamp { return t + (c.shard-t)&c.mask }
