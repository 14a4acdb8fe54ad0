package epsilonsql

import (
	"context"
	"database/sql"
	"fmt"
	"strings"

	"github.com/epsilontime/epsilon/lease"
)

// The tables. Names are bytes and not text: text has an encoding, a collation by which "a" may equal
// "A", and cannot hold a zero byte.
const (
	leaseTable = "epsilon_lease"
	fenceTable = "epsilon_fence"
	hlcTable   = "epsilon_hlc"
)

// maxName is the longest name, in bytes. 1024 of them fit a key of InnoDB (3072).
const maxName = lease.MaxName

// Schema returns the statements that create the tables, for those who keep their schema in files of
// migrations. All are in the schema in which the connection works (in PostgreSQL the first of its
// search_path). In SQL for PostgreSQL:
//
//	CREATE TABLE IF NOT EXISTS epsilon_lease (
//		name    BYTEA  NOT NULL PRIMARY KEY, -- of the lease
//		version BIGINT NOT NULL,             -- grows by 1 with every change
//		holder  BYTEA  NOT NULL,             -- empty if it was given up
//		session BYTEA  NOT NULL,             -- 16 bytes; zeros if it was given up
//		token   BIGINT NOT NULL,
//		expiry  BIGINT NOT NULL,             -- nanoseconds since 1970; 0 if it was given up
//		ttl     BIGINT NOT NULL              -- nanoseconds
//	);
//	CREATE TABLE IF NOT EXISTS epsilon_fence (
//		name    BYTEA  NOT NULL PRIMARY KEY, -- of the lease
//		token   BIGINT NOT NULL              -- the highest that has been admitted
//	);
//	CREATE TABLE IF NOT EXISTS epsilon_hlc (
//		name     BYTEA  NOT NULL PRIMARY KEY, -- of the clock
//		bound    BIGINT NOT NULL,             -- nanoseconds since 1970; 0 before the first Save
//		session  BYTEA  NOT NULL,             -- 16 bytes: who may save
//		sequence BIGINT NOT NULL              -- of the last Save of the session
//	);
//
// In MySQL BYTEA is VARBINARY, and in SQLite BLOB. To see who holds what:
//
//	SELECT convert_from(name, 'UTF8'), convert_from(holder, 'UTF8'), token, to_timestamp(expiry / 1e9) FROM epsilon_lease;
//
// Never delete a row: tokens and timestamps would begin again.
func (d Dialect) Schema() []string {
	name, sixteen, tail := "BYTEA", "BYTEA", ""
	switch d {
	case MySQL:
		name, sixteen, tail = fmt.Sprintf("VARBINARY(%d)", maxName), "VARBINARY(16)", " ENGINE=InnoDB"
	case SQLite:
		name, sixteen, tail = "BLOB", "BLOB", " WITHOUT ROWID"
	}
	table := func(table string, columns ...string) string {
		return "CREATE TABLE IF NOT EXISTS " + table + " (name " + name + " NOT NULL PRIMARY KEY, " + strings.Join(columns, " NOT NULL, ") + " NOT NULL)" + tail
	}
	return []string{
		table(leaseTable, "version BIGINT", "holder "+name, "session "+sixteen, "token BIGINT", "expiry BIGINT", "ttl BIGINT"),
		table(fenceTable, "token BIGINT"),
		table(hlcTable, "bound BIGINT", "session "+sixteen, "sequence BIGINT"),
	}
}

// CreateTables creates the tables of [Dialect.Schema] that are not there yet. Many may call it at once.
func CreateTables(ctx context.Context, db *sql.DB, dialect Dialect) error {
	if err := dialect.check(db); err != nil {
		return err
	}
	for _, statement := range dialect.Schema() {
		_, err := db.ExecContext(ctx, statement)
		// In PostgreSQL two who create one table at once collide in its catalogue, and one of them fails
		// although it was to do nothing. It is there when the other has committed.
		for range 3 {
			if !createdByAnother(err) {
				break
			}
			_, err = db.ExecContext(ctx, statement)
		}
		if err != nil {
			return fmt.Errorf("epsilonsql: create the tables: %w", dialect.explain(err))
		}
	}
	return nil
}
