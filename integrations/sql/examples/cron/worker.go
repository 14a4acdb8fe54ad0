package main

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/epsilontime/epsilon/commitwait"
	epsilonsql "github.com/epsilontime/epsilon/integrations/sql"
	"github.com/epsilontime/epsilon/lease"
	"github.com/epsilontime/epsilon/truetime"
)

// job is the name of the lease, and of its fence.
const job = "prices"

// ttl is for how long the others wait when a process has died while it was at the job.
const ttl = 10 * time.Second

// worker is one of the processes that share a job.
type worker struct {
	db        *sql.DB
	clock     truetime.Reader
	candidate *lease.Candidate
	compute   func(ctx context.Context, tick truetime.Time) (string, error) // slow; may be done twice, its result counts once
}

func newWorker(
	db *sql.DB, clock truetime.Reader, name string, compute func(context.Context, truetime.Time) (string, error),
) (*worker, error) {
	store, err := epsilonsql.NewLeaseStore(db, epsilonsql.SQLite)
	if err != nil {
		return nil, err
	}
	candidate, err := lease.NewCandidate(clock, store, job, ttl, lease.WithHolder(name))
	if err != nil {
		return nil, err
	}
	return &worker{db, clock, candidate, compute}, nil
}

// work sees to the job at every full multiple of a time, until ctx ends. A tick at which it fails is left to the others.
func (w *worker) work(ctx context.Context, every time.Duration, failed func(tick truetime.Time, err error)) {
	for ctx.Err() == nil {
		now, err := w.clock.Now()
		tick := (now.Earliest/truetime.Time(every) + 1) * truetime.Time(every)
		if err == nil {
			err = commitwait.Until(ctx, w.clock, tick) // its time has come, on every machine
		}
		if err == nil {
			err = w.do(ctx, tick, every)
		}
		if err != nil && ctx.Err() == nil {
			failed(tick, err)
			time.Sleep(time.Second) // such as for a clock that refuses
		}
	}
}

// do does the job of a tick, unless another process has done it.
func (w *worker) do(ctx context.Context, tick truetime.Time, every time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, every) // then the next tick is due
	defer cancel()
	held, err := w.candidate.Acquire(ctx) // waits while another process is at it, or has died at it
	if err != nil {
		return err
	}
	err = held.Do(ctx, func(ctx context.Context, token lease.Token) error {
		var done bool
		err := w.transaction(ctx, token, func(tx *sql.Tx) error {
			return tx.QueryRowContext(ctx, "SELECT EXISTS (SELECT 1 FROM done WHERE tick = ?)", tick).Scan(&done)
		})
		if err != nil || done {
			return err
		}
		prices, err := w.compute(ctx, tick)
		if err != nil {
			return err
		}
		return w.transaction(ctx, token, func(tx *sql.Tx) error {
			if _, err := tx.ExecContext(ctx, "REPLACE INTO prices (id, text) VALUES (1, ?)", prices); err != nil {
				return err
			}
			_, err := tx.ExecContext(ctx, "INSERT INTO done (tick) VALUES (?)", tick)
			return err
		})
	})
	return errors.Join(err, held.Release(ctx)) // an error of Release: the others have to wait for the expiry
}

// transaction runs statements in a transaction that the database refuses once a later holder has begun one. So
// everything that an earlier holder does is there when the first one returns, or will never be.
func (w *worker) transaction(ctx context.Context, token lease.Token, statements func(*sql.Tx) error) error {
	tx, err := w.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() // does nothing after Commit
	if err := epsilonsql.Admit(ctx, tx, epsilonsql.SQLite, job, token); err != nil {
		return err
	}
	if err := statements(tx); err != nil {
		return err
	}
	return tx.Commit()
}
