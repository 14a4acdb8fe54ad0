package epsilonsql

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math"

	"github.com/epsilontime/epsilon/lease"
)

// Admit is [lease.Fence.Admit] as a part of a transaction: nil if no higher token of the lease of that name
// has been admitted in this database, and then the token is the highest. Otherwise the error wraps
// [lease.ErrStaleToken], and the transaction has to be rolled back.
//
//	tx, err := db.BeginTx(ctx, nil)
//	if err != nil {
//		return err
//	}
//	defer tx.Rollback()
//	if err := epsilonsql.Admit(ctx, tx, epsilonsql.PostgreSQL, "compactor", token); err != nil {
//		return err
//	}
//	// … what is to be written
//	return tx.Commit()
//
// Call it before everything else in the transaction. It locks a row of the table epsilon_fence until the
// transaction ends: one with a higher token waits for it, and so sees all that it has written. One with a
// lower token that comes after a higher one is refused by the row itself, however long its process was
// paused, and whatever its clock said.
//
// In MySQL, MariaDB and SQLite any isolation level will do. In PostgreSQL a transaction above READ COMMITTED
// sees the database as it was when Admit began, and so not what was committed while Admit waited. There Admit
// does not raise the token, but returns an error that says so: raise it in a transaction of its own first.
//
// It may fail with [ErrAgain]: at the higher levels of PostgreSQL, and in MySQL and MariaDB when two raise
// a token at once. At their default level, REPEATABLE READ, those may be tokens of different leases, as gaps
// between rows are locked, too.
//
// Transactions with the same token do not wait for each other, unless they are the first ones. Call Admit
// in a transaction of its own as soon as the lease is acquired: then all transactions of earlier holders
// have ended or will be refused when it returns, and none of the new holder's is a first one.
//
// A holder that is paused within a transaction, after Admit, keeps its successors waiting, because it may
// still commit. The server must end such a transaction: set idle_in_transaction_session_timeout in
// PostgreSQL, idle_transaction_timeout in MariaDB (idle_write_transaction_timeout lets one be that has written
// nothing since it was admitted), wait_timeout in MySQL.
//
// The leases need not be in this database. A token above 2⁶³ − 1 is refused, because no column can order
// it.
func Admit(ctx context.Context, tx *sql.Tx, dialect Dialect, name string, token lease.Token) error {
	switch err := errors.Join(lease.Admit(0, token), fits(name)); {
	case tx == nil:
		return errors.New("epsilonsql: the transaction is nil")
	case !dialect.valid():
		return fmt.Errorf("epsilonsql: %w", dialect.unknown())
	case err != nil:
		return err
	case token > math.MaxInt64:
		return fmt.Errorf("epsilonsql: token %d is above %d, the highest that a column can hold in its order", token, int64(math.MaxInt64))
	}
	highest, err := fence{dialect, []byte(name), int64(token)}.admit(ctx, tx)
	if err != nil {
		return fmt.Errorf("epsilonsql: fence of %.80q: %w", name, dialect.explain(err))
	}
	if err := lease.Admit(lease.Token(highest), token); err != nil {
		return fmt.Errorf("epsilonsql: fence of %.80q: %w", name, err)
	}
	return nil
}

type fence struct {
	dialect Dialect
	name    []byte
	token   int64
}

// admit returns the highest token, which is locked.
func (f fence) admit(ctx context.Context, tx *sql.Tx) (highest int64, err error) {
	if f.dialect != SQLite { // where there are no locks of rows, and to read first would be to ask for SQLITE_BUSY
		// The common case, in one step: a row that has the token already. It is locked against those who
		// would raise it, and not against those who come to read it, too: eight clients that do so commit
		// four times as many transactions in PostgreSQL as they do one after the other. A row with a lower
		// token is not to be locked so, or two who want to raise it would wait for each other.
		highest, err = f.read(ctx, tx, " AND token >= ?", f.token)
		if !errors.Is(err, sql.ErrNoRows) {
			return highest, err
		}
	}
	if f.dialect == PostgreSQL {
		if err := f.mayRaise(ctx, tx); err != nil {
			return 0, err
		}
	}
	// The row count of an upsert is not the same in all databases and with all options of a connection,
	// so the row is looked at, under the lock that the upsert has got. A read without a lock could show
	// the past, in a transaction that has read before.
	if _, err := tx.ExecContext(ctx, f.raise(), f.name, f.token); err != nil {
		return 0, err
	}
	if highest, err = f.read(ctx, tx, ""); err == nil && highest < f.token {
		err = fmt.Errorf("the row has token %d after it was raised to %d", highest, f.token)
	}
	return highest, err
}

// mayRaise returns an error if PostgreSQL shows the transaction the past. To raise is to wait for holders of
// the past, who have locked the row and have not changed it. When the last of them has committed, READ
// COMMITTED goes on with what they have written; the higher levels go on with a snapshot without it, and call
// that no serialization failure.
func (f fence) mayRaise(ctx context.Context, tx *sql.Tx) error {
	var level string
	if err := tx.QueryRowContext(ctx, "SELECT current_setting('transaction_isolation')").Scan(&level); err != nil {
		return err
	}
	if level == "repeatable read" || level == "serializable" {
		return fmt.Errorf("token %d is not raised at isolation level %s, which would not show what earlier holders have written meanwhile: "+
			"call Admit in a transaction of its own at READ COMMITTED first, as soon as the lease is acquired", f.token, level)
	}
	return nil
}

func (f fence) raise() string {
	const insert = "INSERT INTO " + fenceTable + " (name, token) VALUES (?, ?) "
	switch f.dialect {
	case MySQL:
		return insert + "ON DUPLICATE KEY UPDATE token = GREATEST(token, VALUES(token))"
	case SQLite:
		return insert + "ON CONFLICT (name) DO UPDATE SET token = max(token, excluded.token)"
	}
	return f.dialect.bind(insert + "ON CONFLICT (name) DO UPDATE SET token = GREATEST(" + fenceTable + ".token, excluded.token)")
}

// read returns the token, and locks the row so that nobody raises it.
func (f fence) read(ctx context.Context, tx *sql.Tx, condition string, parameters ...any) (highest int64, err error) {
	lock := ""
	switch f.dialect {
	case PostgreSQL:
		lock = " FOR SHARE"
	case MySQL:
		lock = " LOCK IN SHARE MODE" // which MariaDB knows too
	}
	parameters = append([]any{f.name}, parameters...)
	query := f.dialect.bind("SELECT token FROM " + fenceTable + " WHERE name = ?" + condition + lock)
	return highest, tx.QueryRowContext(ctx, query, parameters...).Scan(&highest)
}
