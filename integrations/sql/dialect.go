package epsilonsql

import (
	"database/sql"
	"fmt"
	"strconv"
	"strings"

	"github.com/epsilontime/epsilon/internal/mistakes"
)

// Dialect is which SQL a database speaks. It is told and not guessed: a driver that is wrapped, for
// traces or metrics, does not show what it talks to. The zero value is none.
type Dialect uint8

const (
	// PostgreSQL 9.5 or later, by any driver whose parameters are $1, $2 and so on.
	PostgreSQL Dialect = iota + 1

	// MySQL 8, and MariaDB 10.2 or later, with tables of InnoDB.
	MySQL

	// SQLite 3.24 or later. Give its connections a busy timeout, such as _pragma=busy_timeout(10000) in
	// the name of the data source, or whoever finds the database locked fails at once.
	SQLite
)

// String returns the name of the database.
func (d Dialect) String() string {
	switch d {
	case PostgreSQL:
		return "PostgreSQL"
	case MySQL:
		return "MySQL"
	case SQLite:
		return "SQLite"
	}
	return strconv.Itoa(int(d))
}

func (d Dialect) valid() bool { return d >= PostgreSQL && d <= SQLite }

// unknown is the error of a dialect that is not valid.
func (d Dialect) unknown() error {
	return fmt.Errorf("no such dialect: %d: give PostgreSQL, MySQL or SQLite", uint8(d))
}

// check returns everything that is wrong with what a store is made of.
func (d Dialect) check(db *sql.DB) error {
	var wrong mistakes.List
	if db == nil {
		wrong.Addf("the database is nil")
	}
	if !d.valid() {
		wrong.Add(d.unknown())
	}
	if err := wrong.Err(); err != nil {
		return fmt.Errorf("epsilonsql: %w", err)
	}
	return nil
}

// bind writes the parameters of a statement, which are question marks, as the database wants them.
func (d Dialect) bind(statement string) string {
	if d != PostgreSQL {
		return statement
	}
	var bound strings.Builder
	for i, part := range strings.Split(statement, "?") {
		if i > 0 {
			bound.WriteString("$" + strconv.Itoa(i))
		}
		bound.WriteString(part)
	}
	return bound.String()
}

// insertNew returns a statement that inserts a row, and affects no row where there is one with that
// key. In MySQL it is INSERT IGNORE and not ON DUPLICATE KEY UPDATE, which affects one row in either
// case if the connection counts the rows that it finds (clientFoundRows). What else IGNORE ignores, such
// as values that are cut to fit, is kept away by fits.
func (d Dialect) insertNew(table, columns string) string {
	values := "(" + strings.Repeat("?, ", strings.Count(columns, ",")) + "?)"
	into := "INTO " + table + " (" + columns + ") VALUES " + values
	if d == MySQL {
		return "INSERT IGNORE " + into
	}
	return d.bind("INSERT " + into + " ON CONFLICT DO NOTHING")
}
