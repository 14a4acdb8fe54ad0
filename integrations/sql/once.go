package epsilonsql

import (
	"context"
	"database/sql"
)

// affectOnce executes a statement once, outside of any transaction, and returns how many rows it has
// affected. A sql.DB tries again on another connection when a driver calls one bad, and then "no row
// affected" may be the echo of a first attempt that did take effect. A sql.Conn does not.
func affectOnce(ctx context.Context, db *sql.DB, statement string, parameters ...any) (int64, error) {
	conn, err := db.Conn(ctx)
	if err != nil {
		return 0, err
	}
	defer conn.Close()
	result, err := conn.ExecContext(ctx, statement, parameters...)
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}
