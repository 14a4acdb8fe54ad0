package main

import (
	"context"
	"database/sql"
	"errors"

	_ "modernc.org/sqlite"

	"github.com/epsilontime/epsilon/commitwait"
	epsilonsql "github.com/epsilontime/epsilon/integrations/sql"
	"github.com/epsilontime/epsilon/truetime"
)

// entry is something that was paid in, or out.
type entry struct {
	ID      string // chosen by whoever pays, the same at every try
	At      truetime.Time
	Account string
	Cents   int64
}

// branch books entries in a database of its own.
type branch struct {
	db     *sql.DB
	waiter *commitwait.Waiter
}

// openBranch opens a database of SQLite. It takes the lock at BEGIN, and so before the timestamp is taken: the order of
// the timestamps is that of the transactions. Where rows are locked, see epsilonsql.WithTimestamp.
func openBranch(ctx context.Context, path string, clock truetime.Reader) (*branch, error) {
	db, err := sql.Open("sqlite", "file:"+path+"?_pragma=busy_timeout(10000)&_txlock=immediate")
	if err != nil {
		return nil, err
	}
	b, err := newBranch(ctx, db, clock)
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return b, nil
}

func newBranch(ctx context.Context, db *sql.DB, clock truetime.Reader) (*branch, error) {
	_, err := db.ExecContext(ctx, `CREATE TABLE IF NOT EXISTS entry
		(id TEXT NOT NULL PRIMARY KEY, at BIGINT NOT NULL, account TEXT NOT NULL, cents BIGINT NOT NULL)`)
	if err != nil {
		return nil, err
	}
	waiter, err := commitwait.NewWaiter(clock) // one for all transactions
	if err != nil {
		return nil, err
	}
	return &branch{db, waiter}, nil
}

func (b *branch) close() error { return errors.Join(b.waiter.Close(), b.db.Close()) }

// tries is how often an entry is booked that was in the way of others, or of which it is not known what came of it.
const tries = 5

// book books an entry and returns its timestamp, which has passed on every machine. Whatever the error is, the same
// entry can be given to it again.
func (b *branch) book(ctx context.Context, e entry) (at truetime.Time, err error) {
	for range tries {
		at, err = b.tryBook(ctx, e)
		switch {
		case errors.Is(err, epsilonsql.ErrAgain): // rolled back for the sake of another transaction
		case errors.Is(err, epsilonsql.ErrCommitUnknown): // the next try finds it by its ID, or not
		default:
			return at, err
		}
	}
	return 0, err
}

func (b *branch) tryBook(ctx context.Context, e entry) (at truetime.Time, err error) {
	_, err = epsilonsql.WaitCommit(ctx, b.db, b.waiter, func(ctx context.Context, tx *sql.Tx, timestamp truetime.Time) error {
		_, err := tx.ExecContext(ctx, "INSERT INTO entry (id, at, account, cents) VALUES (?, ?, ?, ?) ON CONFLICT (id) DO NOTHING",
			e.ID, timestamp, e.Account, e.Cents)
		if err != nil {
			return err
		}
		// Its own timestamp, or that of an earlier try.
		return tx.QueryRowContext(ctx, "SELECT at FROM entry WHERE id = ?", e.ID).Scan(&at)
	})
	return at, err
}

// entries returns what has been booked. All of it has passed: it is not visible before.
func (b *branch) entries(ctx context.Context) (all []entry, err error) {
	rows, err := b.db.QueryContext(ctx, "SELECT id, at, account, cents FROM entry")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var e entry
		if err := rows.Scan(&e.ID, &e.At, &e.Account, &e.Cents); err != nil {
			return nil, err
		}
		all = append(all, e)
	}
	return all, rows.Err()
}
