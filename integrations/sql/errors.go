package epsilonsql

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
)

// What is wrong with a database, as far as its error tells. Compare with errors.Is; the database's own
// error is wrapped too.
var (
	// ErrNoTable: a table is missing. [CreateTables] makes it.
	ErrNoTable = errors.New("epsilonsql: the table is missing: call CreateTables, or look which schema the connection is in")

	// ErrDialect: the database does not understand the statement. Most likely it is another one than the
	// [Dialect] says.
	ErrDialect = errors.New("epsilonsql: the database does not understand")

	// ErrReadOnly: the database cannot be written to: it is a standby, or was opened so.
	ErrReadOnly = errors.New("epsilonsql: the database is read-only: connect to the primary, or open it for writing")

	// ErrAccess: the database does not let the user in, or does not let it do this.
	ErrAccess = errors.New("epsilonsql: access denied by the database: look at the user's password and rights")

	// ErrAgain: the transaction cannot go on because of others that were under way: a deadlock, a
	// serialization failure, a lock that was waited for too long. Roll it back, which CommitWait and WaitCommit
	// have done. It is worth another try, from its beginning.
	ErrAgain = errors.New("epsilonsql: failed because of another transaction: try again from the beginning")
)

// explain wraps what an error of the database stands for, unless that was done before.
func explain(err error) error {
	if kind := kindOf(err); kind != nil && !errors.Is(err, kind) {
		return fmt.Errorf("%w: %w", kind, err)
	}
	return err
}

// explain does so for a statement in the dialect.
func (d Dialect) explain(err error) error {
	if kindOf(err) == ErrDialect {
		return fmt.Errorf("%w %v: is it that? %w", ErrDialect, d, err)
	}
	return explain(err)
}

// kindOf returns which of the errors above it is, or nil. Drivers are told by what their errors look
// like, so that whoever uses one need not have the others.
func kindOf(err error) error {
	if err == nil {
		return nil
	}
	if state, ok := sqlState(err); ok {
		return kindOfState(state)
	}
	if number, ok := mysqlNumber(err); ok {
		return kindOfNumber(number, err.Error())
	}
	if code, ok := sqliteCode(err); ok {
		return kindOfCode(code, err.Error())
	}
	return nil
}

// sqlState returns the SQLSTATE of an error of PostgreSQL. Those of pgx and pq have this method.
func sqlState(err error) (string, bool) {
	var coded interface{ SQLState() string }
	if errors.As(err, &coded) {
		return coded.SQLState(), true
	}
	return "", false
}

// kindOfState knows the codes of https://www.postgresql.org/docs/current/errcodes-appendix.html.
func kindOfState(state string) error {
	switch {
	case state == "42P01": // undefined_table
		return ErrNoTable
	case state == "42501", strings.HasPrefix(state, "28"): // insufficient_privilege, invalid authorization
		return ErrAccess
	case state == "42601", state == "42883", state == "42704": // syntax_error, undefined_function, undefined_object
		return ErrDialect
	case state == "25006": // read_only_sql_transaction
		return ErrReadOnly
	case state == "55P03", strings.HasPrefix(state, "40") && state != "40003": // lock_not_available, transaction rollback
		return ErrAgain
	}
	return nil
}

// createdByAnother reports whether a table could not be created because somebody else has just done so:
// unique_violation in the catalogue, duplicate_table or duplicate_object.
func createdByAnother(err error) bool {
	state, _ := sqlState(err)
	return state == "23505" || state == "42P07" || state == "42710"
}

// mysqlNumber returns the number of an error of MySQL. That of go-sql-driver is a struct with a field for
// it, and no method.
func mysqlNumber(err error) (uint16, bool) {
	return find(err, "mysql", func(_ error, fields reflect.Value) (uint16, bool) {
		number := fieldOf(fields, "Number")
		if !number.IsValid() || number.Kind() != reflect.Uint16 {
			return 0, false
		}
		return uint16(number.Uint()), true
	})
}

// find returns what of returns for the first error that it knows, of err and all that it wraps: in a chain,
// or side by side as errors.Join and several %w have them. Only errors of a package with that word in its
// path are asked, because others have a Code or a Number of their own.
func find[T any](err error, word string, of func(err error, fields reflect.Value) (T, bool)) (found T, ok bool) {
	if err == nil {
		return found, false
	}
	if fields := reflect.Indirect(reflect.ValueOf(err)); fields.IsValid() && strings.Contains(fields.Type().PkgPath(), word) {
		if found, ok = of(err, fields); ok {
			return found, true
		}
	}
	switch wrapping := err.(type) {
	case interface{ Unwrap() error }:
		return find(wrapping.Unwrap(), word, of)
	case interface{ Unwrap() []error }:
		for _, err := range wrapping.Unwrap() {
			if found, ok = find(err, word, of); ok {
				return found, true
			}
		}
	}
	return found, false
}

// fieldOf returns the field of that name, or an invalid Value.
func fieldOf(fields reflect.Value, name string) reflect.Value {
	if fields.Kind() != reflect.Struct {
		return reflect.Value{}
	}
	return fields.FieldByName(name)
}

// kindOfNumber knows the numbers of https://dev.mysql.com/doc/mysql-errors/8.4/en/server-error-reference.html.
func kindOfNumber(number uint16, text string) error {
	switch number {
	case 1146: // ER_NO_SUCH_TABLE
		return ErrNoTable
	case 1044, 1045, 1142, 1143, 1227: // access denied to the database, user, table, column; a privilege is needed
		return ErrAccess
	case 1064, 1305: // ER_PARSE_ERROR, ER_SP_DOES_NOT_EXIST
		return ErrDialect
	case 1054: // ER_BAD_FIELD_ERROR, also of a parameter as PostgreSQL has them
		if strings.Contains(text, "'$") {
			return ErrDialect
		}
	case 1290, 1792, 1836: // --read-only, a transaction that is READ ONLY, read-only mode
		return ErrReadOnly
	case 1205, 1213, 1020: // lock wait timeout, deadlock, record has changed since last read
		return ErrAgain
	}
	return nil
}

// sqliteCode returns the result code of an error of SQLite without its extension. That of modernc.org has
// a method; that of mattn a field.
func sqliteCode(err error) (int, bool) {
	return find(err, "sqlite", func(err error, fields reflect.Value) (int, bool) {
		if coded, ok := err.(interface{ Code() int }); ok {
			return coded.Code() & 0xff, true
		}
		code := fieldOf(fields, "Code")
		if !code.IsValid() || !code.CanInt() || !fieldOf(fields, "ExtendedCode").IsValid() {
			return 0, false
		}
		return int(code.Int()) & 0xff, true
	})
}

// The result codes of https://www.sqlite.org/rescode.html.
const (
	sqliteError      = 1
	sqliteBusy       = 5
	sqliteLocked     = 6
	sqliteReadOnly   = 8
	sqliteFull       = 13
	sqliteConstraint = 19
	sqliteAuth       = 23
)

func kindOfCode(code int, text string) error {
	switch code {
	case sqliteError: // of what kind is told in words only
		if strings.Contains(text, "no such table") {
			return ErrNoTable
		}
		if strings.Contains(text, "syntax error") || strings.Contains(text, "no such function") || strings.Contains(text, "unrecognized token") {
			return ErrDialect
		}
	case sqliteBusy, sqliteLocked:
		return ErrAgain
	case sqliteReadOnly:
		return ErrReadOnly
	case sqliteAuth:
		return ErrAccess
	}
	return nil
}

// isClosed reports whether the sql.DB has been closed, for which package sql has no name.
func isClosed(err error) bool { return strings.HasSuffix(err.Error(), "sql: database is closed") }
