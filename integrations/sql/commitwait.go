package epsilonsql

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/epsilontime/epsilon/commitwait"
	"github.com/epsilontime/epsilon/truetime"
)

// What became of a transaction, as errors of [CommitWait] and [WaitCommit], beside
// [commitwait.ErrNotBegun] and [commitwait.ErrNotPassed]. Compare with errors.Is. They wrap the reason.
var (
	// ErrRolledBack: nothing that the transaction has written is in the database, nor will it be.
	ErrRolledBack = errors.New("epsilonsql: rolled back")

	// ErrCommitUnknown: COMMIT was sent, and there was no answer that says what came of it: the
	// connection was lost, the server died, or the context ended. What the transaction has written may be
	// in the database, with the timestamp that is returned. Look, before you try again. If it is there,
	// wait until the timestamp has passed (Until of package commitwait) before you tell anybody.
	ErrCommitUnknown = errors.New("epsilonsql: it is not known whether COMMIT took effect: look before you try again")
)

// Work is what a transaction does. It must use ctx for its statements, return an error when one has failed (MySQL
// may have rolled back all that came before it, and commits what comes after it by itself), and leave COMMIT and
// ROLLBACK to the caller; in MySQL that includes statements that commit by themselves, such as CREATE TABLE.
type Work func(ctx context.Context, tx *sql.Tx, timestamp truetime.Time) error

// CommitWait runs work in a transaction with a timestamp, commits, and returns the timestamp once it has
// certainly passed. Whoever begins after that, anywhere, gets a later timestamp. The wait begins with the
// work, so only what is left after the COMMIT is waited for.
//
// The database shows what was written as soon as it has committed, and so before the timestamp has
// passed. Who acts on a row that she has read must not take a timestamp below that of the row: read only
// rows whose timestamp has passed (it is below Earliest), or wait for it, or raise the next timestamp
// above it ([commitwait.Sequencer.Raise], TimestampAfter of a lease). Where readers do not do that, use
// [WaitCommit].
//
// The timestamp is not earlier than Latest when the work begins, or comes from [WithTimestamp], which
// says how to have the order of the timestamps be that in which the database serializes transactions that
// write the same rows; rows that are only read have to be locked as well.
//
// The error says what is known:
//
//   - [commitwait.ErrNotBegun]: work was not called. It comes with [ErrAgain] if a lock was not got before
//     that, in what [WithTimestamp] calls or at BEGIN: that is worth another try.
//   - [ErrRolledBack]: with the error of work, or of the database. With [ErrAgain] it is worth another try.
//   - [ErrCommitUnknown]: the timestamp is returned.
//   - [commitwait.ErrNotPassed]: committed, but the timestamp, which is returned, may lie ahead: tell
//     nobody, and call Until with it to go on waiting.
//
// It is one of them. If the error of work, or of the source of timestamps, is one of these itself, because it
// tells of something else, errors.Is finds in it all the rest but not that. The timestamp is zero with the
// first two.
//
// If ctx ends the transaction is rolled back, or, when COMMIT has been sent, unknown. Some drivers do not
// heed a context in COMMIT and ROLLBACK: give go-sql-driver a readTimeout. A connection on which COMMIT has
// failed is closed, so that nothing remains open on it.
func CommitWait(ctx context.Context, db *sql.DB, waiter *commitwait.Waiter, work Work, options ...CommitOption) (truetime.Time, error) {
	return run(ctx, db, waiter, work, options, func(t *transaction, do waitAround) (truetime.Time, error) {
		timestamp, err := do(func(ctx context.Context, timestamp truetime.Time) error {
			if err := t.work(ctx, timestamp); err != nil {
				return err
			}
			return t.commit(ctx)
		})
		if t.unknown {
			timestamp = t.timestamp
		}
		return timestamp, err
	})
}

// WaitCommit is [CommitWait], except that it waits before it commits. So nobody sees anything that the
// transaction has written before its timestamp has passed, and nobody has to look at timestamps: the
// rule of Spanner. Its locks are held for as much longer.
//
// The error is never [commitwait.ErrNotPassed]: if the wait does not come to its end the transaction is
// rolled back.
func WaitCommit(ctx context.Context, db *sql.DB, waiter *commitwait.Waiter, work Work, options ...CommitOption) (truetime.Time, error) {
	return run(ctx, db, waiter, work, options, func(t *transaction, do waitAround) (truetime.Time, error) {
		timestamp, err := do(t.work)
		switch {
		case err == nil:
			err = t.commit(ctx)
		case t.worked: // and the wait has failed
			err = t.rollback(err)
		}
		switch {
		case t.unknown:
			timestamp = t.timestamp
		case err != nil:
			timestamp = 0
		}
		return timestamp, err
	})
}

// reason is why a transaction has ended as it has. What it says of the outcome is of another one, which the
// work had to do with, or of a wait that does not matter any more: errors.Is is not to find that.
type reason struct{ error }

func (r reason) Is(target error) bool {
	switch target {
	case ErrRolledBack, ErrCommitUnknown, commitwait.ErrNotBegun, commitwait.ErrNotPassed:
		return false
	}
	return errors.Is(r.error, target)
}

func (r reason) As(target any) bool { return errors.As(r.error, target) }

// A CommitOption changes what [CommitWait] and [WaitCommit] do.
type CommitOption func(*commitConfig)

type commitConfig struct {
	next      func(ctx context.Context, tx *sql.Tx) (truetime.Time, error)
	txOptions *sql.TxOptions
}

// WithTimestamp has the timestamp come from next, which is called once, in the transaction, right before
// the work. What DoFrom of [commitwait.Waiter] says of its source holds for it. If it fails work is not
// called: [commitwait.ErrNotBegun].
//
// Locks that are taken in next are held when the timestamp is taken. If every transaction there locks
// the rows that it is going to write, then of two that write the same row the one that comes second in
// the database has the later timestamp; otherwise it may have taken an earlier one before it waited for
// the lock. In PostgreSQL:
//
//	epsilonsql.WithTimestamp(func(ctx context.Context, tx *sql.Tx) (truetime.Time, error) {
//		if _, err := tx.ExecContext(ctx, "SELECT 1 FROM account WHERE id = $1 FOR UPDATE", id); err != nil {
//			return 0, err
//		}
//		return sequencer.Next()
//	})
//
// Where the order of who reads a row and who writes it matters, the reader has to lock it as well: FOR SHARE. A
// row that is not there yet cannot be locked: lock one that stands for it, as that of the account stands for its
// entries, or call pg_advisory_xact_lock with a number that does.
//
// The order holds with one [commitwait.Sequencer], or a lease whose token is the fence:
//
//	epsilonsql.WithTimestamp(func(ctx context.Context, tx *sql.Tx) (truetime.Time, error) {
//		if err := epsilonsql.Admit(ctx, tx, epsilonsql.PostgreSQL, "ledger", held.Token()); err != nil {
//			return 0, err
//		}
//		if _, err := tx.ExecContext(ctx, "SELECT … FOR UPDATE", …); err != nil {
//			return 0, err
//		}
//		return held.Timestamp()
//	})
//
// With CommitWait it does not hold for processes that have a Sequencer each. CommitWait lets go of the locks
// when the transaction has committed, and its timestamp may lie ahead by twice the uncertainty of that clock.
// A process whose clock is more certain then takes an earlier one. There next must read the timestamp of the
// row under the lock, too, and take a later one, by Raise of its Sequencer or TimestampAfter of its lease:
//
//	err := tx.QueryRowContext(ctx, "SELECT at … FOR UPDATE", …).Scan(&at)
//	…
//	if err := sequencer.Raise(at); err != nil {
//		return 0, err
//	}
//	return sequencer.Next()
//
// With WaitCommit that is not needed: the timestamp has passed before the locks are let go.
func WithTimestamp(next func(ctx context.Context, tx *sql.Tx) (truetime.Time, error)) CommitOption {
	return func(c *commitConfig) { c.next = next }
}

// WithTxOptions sets the isolation level of the transaction. By default it is the database's.
func WithTxOptions(options sql.TxOptions) CommitOption {
	return func(c *commitConfig) { c.txOptions = &options }
}

// waitAround is Do or DoFrom of a Waiter, with all but the work.
type waitAround func(work func(ctx context.Context, timestamp truetime.Time) error) (truetime.Time, error)

// run begins a transaction, has finish end it in its way, and ends it if that was not done.
func run(
	ctx context.Context, db *sql.DB, waiter *commitwait.Waiter, work Work, options []CommitOption,
	finish func(*transaction, waitAround) (truetime.Time, error),
) (truetime.Time, error) {
	var config commitConfig
	switch {
	case db == nil:
		return 0, notBegun(errors.New("epsilonsql: the database is nil"))
	case waiter == nil:
		return 0, notBegun(errors.New("epsilonsql: the waiter is nil"))
	case work == nil:
		return 0, notBegun(errors.New("epsilonsql: the work is nil"))
	}
	for _, option := range options {
		if option == nil {
			return 0, notBegun(errors.New("epsilonsql: an option is nil"))
		}
		option(&config)
	}
	t, err := begin(ctx, db, config.txOptions, work)
	if err != nil {
		return 0, notBegun(err)
	}
	defer t.end()
	return finish(t, func(work func(ctx context.Context, timestamp truetime.Time) error) (truetime.Time, error) {
		if config.next == nil {
			return waiter.Do(ctx, work)
		}
		return waiter.DoFrom(ctx, func() (truetime.Time, error) {
			timestamp, err := config.next(ctx, t.tx)
			if err != nil {
				return 0, reason{explain(err)}
			}
			return timestamp, nil
		}, work)
	})
}

func notBegun(reason error) error { return fmt.Errorf("%w: %w", commitwait.ErrNotBegun, reason) }
