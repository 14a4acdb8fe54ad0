package epsilonsql

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/epsilontime/epsilon/truetime"
)

// transaction is one of which it is known how far it got.
//
// It has a context of its own. By the caller's package sql would roll it back behind our back as soon as
// that ends, and then an error of Commit could mean that COMMIT was never sent, or that it was and the
// answer was not waited for.
type transaction struct {
	conn      *sql.Conn
	tx        *sql.Tx
	own       context.Context
	cancel    context.CancelFunc
	do        Work
	timestamp truetime.Time // 0 until the work begins
	worked    bool          // the work is done, without an error
	ended     bool
	unknown   bool // how
}

// rollbackLimit is how long ROLLBACK is waited for, whatever the context says, before the connection is closed.
const rollbackLimit = time.Second

func begin(ctx context.Context, db *sql.DB, options *sql.TxOptions, work Work) (*transaction, error) {
	conn, err := db.Conn(ctx)
	if err != nil {
		return nil, explain(err)
	}
	own, cancel := context.WithCancel(context.WithoutCancel(ctx))
	t := &transaction{conn: conn, own: own, cancel: cancel, do: work}
	stop := context.AfterFunc(ctx, cancel)
	t.tx, err = conn.BeginTx(own, options)
	if !stop() && err == nil { // ctx has ended, and so own has
		err = errors.Join(ctx.Err(), t.tx.Rollback())
	}
	if err != nil {
		t.discard()
		t.close()
		return nil, explain(errors.Join(ctx.Err(), err))
	}
	return t, nil
}

// work does the caller's work, and rolls back if it fails.
func (t *transaction) work(ctx context.Context, timestamp truetime.Time) error {
	t.timestamp = timestamp
	if err := t.do(ctx, t.tx, timestamp); err != nil {
		return t.rollback(err)
	}
	t.worked = true
	return nil
}

func (t *transaction) commit(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return t.rollback(err)
	}
	t.ended = true
	stop := context.AfterFunc(ctx, t.cancel)
	defer stop()
	err := t.tx.Commit()
	switch {
	case err == nil:
		return nil
	case errors.Is(err, sql.ErrTxDone) && t.own.Err() == nil:
		t.unknown = true
		return fmt.Errorf("%w: the work has ended the transaction itself", ErrCommitUnknown)
	}
	// In MySQL a transaction that could not commit is still open, and BEGIN by the next user of the connection
	// would commit it.
	t.discard()
	if refused(err) {
		return fmt.Errorf("%w by COMMIT: %w", ErrRolledBack, explain(err))
	}
	t.unknown = true
	return fmt.Errorf("%w: %w", ErrCommitUnknown, explain(errors.Join(ctx.Err(), err)))
}

// rollback returns why. COMMIT was not sent, so whatever becomes of ROLLBACK, the end of the connection
// does the same.
func (t *transaction) rollback(why error) error {
	t.ended = true
	// Not as soon as ctx ends: package sql would roll back first, and Rollback could not tell that from a work
	// that has committed.
	limit := time.AfterFunc(rollbackLimit, t.cancel)
	defer limit.Stop()
	if err := t.tx.Rollback(); errors.Is(err, sql.ErrTxDone) {
		t.unknown = true
		return fmt.Errorf("%w: the work has ended the transaction itself, and then failed: %w", ErrCommitUnknown, reason{why})
	} else if err != nil {
		t.discard()
	}
	return fmt.Errorf("%w: %w", ErrRolledBack, reason{explain(why)})
}

// end ends the transaction if it was not, as where there was no timestamp, or the work panics.
func (t *transaction) end() {
	if !t.ended {
		_ = t.rollback(errors.New("epsilonsql: the work was not called, or has panicked")) // which the caller knows
	}
	t.close()
}

func (t *transaction) close() {
	t.cancel()
	_ = t.conn.Close() // it was returned, or discarded before
}

// discard has the connection closed, and not used again.
func (t *transaction) discard() {
	_ = t.conn.Raw(func(any) error { return driver.ErrBadConn })
}

// refused reports whether an error of COMMIT is the database's own word that the transaction is rolled
// back. Where there is a doubt it is not.
func refused(err error) bool {
	if state, ok := sqlState(err); ok {
		// Connection exception, operator intervention, system error, internal error. An administrator may end
		// the connection of a transaction that has committed and waits for its replica.
		for _, class := range []string{"08", "57", "58", "XX", "F0"} {
			if strings.HasPrefix(state, class) {
				return false
			}
		}
		return state != "40003" // statement_completion_unknown
	}
	if number, ok := mysqlNumber(err); ok {
		return number == 1213 || number == 3101 // deadlock; rolled back during commit by the replicas
	}
	if code, ok := sqliteCode(err); ok {
		return code == sqliteBusy || code == sqliteLocked || code == sqliteFull || code == sqliteConstraint
	}
	// pgx.ErrTxCommitRollback: the work went on after a statement had failed.
	return strings.Contains(err.Error(), "commit unexpectedly resulted in rollback")
}
