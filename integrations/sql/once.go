package epsilonsql

import (
	"context"
	"database/sql"
)

// affectAttempts bounds how often a statement is tried that the database could not serialize. The second
// attempt sees what the first has run into, so more are a matter of many clients.
const affectAttempts = 10

// affectOnce lets a statement take effect once, in a transaction of its own, and returns how many rows it has
// affected. Where it returns an error it may have had its effect, or may have it yet.
//
// A sql.DB tries again on another connection when a driver calls one bad, and then "no row affected" may be
// the echo of a first attempt that did take effect. A sql.Conn does not. What is tried again here is a
// statement of which the database has said that it has rolled it back, as it does where the isolation level of
// the connection is above READ COMMITTED.
func affectOnce(ctx context.Context, db *sql.DB, statement string, parameters ...any) (rows int64, err error) {
	conn, err := db.Conn(ctx)
	if err != nil {
		return 0, err
	}
	defer conn.Close()
	for range affectAttempts {
		var result sql.Result
		if result, err = conn.ExecContext(ctx, statement, parameters...); err == nil {
			return result.RowsAffected()
		}
		if !unserializable(err) {
			break
		}
	}
	return 0, err
}

// unserializable reports whether the database has rolled a transaction back because of others, and another
// try does not have to wait.
func unserializable(err error) bool {
	if state, ok := sqlState(err); ok {
		return state == "40001" || state == "40P01" // serialization_failure, deadlock_detected
	}
	number, _ := mysqlNumber(err)
	return number == 1213 || number == 1020 // deadlock, record has changed since last read
}
