package core

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/epsilontime/epsilon/commitwait"
	"github.com/epsilontime/epsilon/examples/ledger/engine"
	"github.com/epsilontime/epsilon/truetime"
)

type readRequest struct {
	At       truetime.Time
	Accounts []string
}

// read returns the balances as of a timestamp. It takes no lock and stops no writer: it waits until
// nothing can be committed at or before the timestamp any more, and picks the versions.
func (l *leader) read(ctx context.Context, r readRequest) (map[string]int64, error) {
	if err := l.safeAt(ctx, r.At); err != nil {
		return nil, err
	}
	balances := make(map[string]int64)
	for i := 0; i < len(r.Accounts); i += atOnce {
		var ranges []engine.Range
		chunk := r.Accounts[i:min(i+atOnce, len(r.Accounts))]
		for _, account := range chunk {
			ranges = append(ranges, versionAt(l.shard, account, r.At))
		}
		ranges = append(ranges, engine.Key(horizonKey(l.shard))) // as of the same moment as the versions
		found, err := l.find(ctx, ranges...)
		if err != nil {
			return nil, err
		}
		horizon, _, err := read[truetime.Time](found[len(chunk)])
		if err != nil {
			return nil, err
		}
		if r.At.Before(horizon) {
			return nil, fmt.Errorf("%w: %v is before %v", ErrTooOld, r.At, horizon)
		}
		for i, account := range chunk {
			balance, exists, err := read[int64](found[i])
			if err != nil {
				return nil, err
			}
			if exists {
				balances[account] = balance
			}
		}
	}
	return balances, nil
}

// oldest is before every timestamp of a ledger. What is less was not meant in nanoseconds.
var oldest = truetime.FromStd(time.Date(1990, 1, 1, 0, 0, 0, 0, time.UTC))

// safeAt waits until the timestamp is not after the shard's safe time: no commit at or before it is
// under way, and none will be, here or under a later leader (lease.Raise).
func (l *leader) safeAt(ctx context.Context, at truetime.Time) error {
	if at.Before(oldest) {
		return fmt.Errorf("%w: a read at %v: there was no ledger then", ErrBadRequest, at)
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(l.ctx, func() { cancel(context.Cause(l.ctx)) })()
	switch err := l.safe.Wait(ctx, at); {
	case errors.Is(err, commitwait.ErrWaitTooLong):
		return fmt.Errorf("%w: a read at %v: %w", ErrBadRequest, at, err)
	case errors.Is(err, ErrRetry):
		return err
	case err != nil:
		return fmt.Errorf("%w: %w", ErrRetry, err)
	case l.ctx.Err() != nil:
		return fmt.Errorf("%w: %w", ErrRetry, context.Cause(l.ctx)) // what was waited for may not be over
	}
	return nil
}

// promise keeps every timestamp from now on, also those of later leaders, above the floor.
func (l *leader) promise(floor truetime.Time) error {
	if err := l.lease.Raise(floor); err != nil && !l.node.unsafe.NoFence {
		return l.fail(err)
	}
	return nil
}
