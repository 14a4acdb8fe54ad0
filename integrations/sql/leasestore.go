package epsilonsql

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/epsilontime/epsilon/lease"
	"github.com/epsilontime/epsilon/truetime"
)

// LeaseStore is a [lease.Store] in the table epsilon_lease.
//
// Load is a SELECT and CompareAndSwap one UPDATE or INSERT, each in a transaction of its own, and each
// made once: nothing is tried again behind the caller's back.
type LeaseStore struct {
	db      *sql.DB
	dialect Dialect

	load, insert, update string
}

var _ lease.Store = (*LeaseStore)(nil)

// NewLeaseStore returns a store in the database. The tables have to be there when it is used, see
// [CreateTables]. The database stays open when the store is not used any more.
func NewLeaseStore(db *sql.DB, dialect Dialect) (*LeaseStore, error) {
	if err := dialect.check(db); err != nil {
		return nil, err
	}
	return &LeaseStore{
		db: db, dialect: dialect,
		load:   dialect.bind("SELECT version, holder, session, token, expiry, ttl FROM " + leaseTable + " WHERE name = ?"),
		insert: dialect.insertNew(leaseTable, "holder, session, token, expiry, ttl, version, name"),
		update: dialect.bind("UPDATE " + leaseTable + " SET holder = ?, session = ?, token = ?, expiry = ?, ttl = ?, version = ? WHERE name = ? AND version = ?"),
	}, nil
}

// Load implements [lease.Store].
func (s *LeaseStore) Load(ctx context.Context, name string) (lease.Record, error) {
	var version, token, expiry, ttl int64
	var holder, session []byte
	row := s.db.QueryRowContext(ctx, s.load, []byte(name))
	err := row.Scan(&version, &holder, &session, &token, &expiry, &ttl)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return lease.Record{}, nil
	case err != nil:
		return lease.Record{}, s.failed(name, err)
	case len(session) != len(lease.Session{}) || version <= 0:
		return lease.Record{}, fmt.Errorf("%w: row of %.80q in %s: version %d, session of %d bytes",
			lease.ErrCorrupt, name, leaseTable, version, len(session))
	}
	return lease.Record{
		Version: uint64(version),
		Holder:  string(holder),
		Session: lease.Session(session),
		Token:   lease.Token(token), // uint64: see CompareAndSwap
		Expiry:  truetime.Time(expiry),
		TTL:     time.Duration(ttl),
	}, nil
}

// CompareAndSwap implements [lease.Store].
func (s *LeaseStore) CompareAndSwap(ctx context.Context, name string, version uint64, next lease.Record) (uint64, error) {
	if err := fits(name, next.Holder); err != nil {
		return 0, err
	}
	if err := ctx.Err(); err != nil {
		return 0, s.failed(name, err)
	}
	if version >= math.MaxInt64 {
		return 0, fmt.Errorf("%w: %.80q cannot have version %d: it counts from 1", lease.ErrConflict, name, version)
	}
	// A token is kept as the same 64 bits, which have a sign in SQL.
	parameters := []any{
		[]byte(next.Holder), next.Session[:], int64(next.Token), int64(next.Expiry), int64(next.TTL), int64(version + 1), []byte(name),
	}
	statement := s.insert
	if version > 0 {
		statement, parameters = s.update, append(parameters, int64(version))
	}
	rows, err := affectOnce(ctx, s.db, statement, parameters...)
	switch {
	case err != nil:
		return 0, s.failed(name, err)
	case rows == 0:
		return 0, fmt.Errorf("%w: %.80q does not have version %d", lease.ErrConflict, name, version)
	}
	return version + 1, nil
}

// failed says what an error of the database means to who waits for a lease. To be read-only is not
// permanent on a server: a standby is promoted some time.
func (s *LeaseStore) failed(name string, err error) error {
	kind := kindOf(err)
	err = fmt.Errorf("epsilonsql: lease %.80q: %w", name, s.dialect.explain(err))
	switch {
	case kind == ErrNoTable, kind == ErrDialect, kind == ErrAccess, kind == ErrReadOnly && s.dialect == SQLite, isClosed(err):
		return fmt.Errorf("%w: %w", lease.ErrPermanent, err)
	}
	return err
}

// fits returns an error for what a column could not hold, as some would cut it and say nothing.
func fits(names ...string) error {
	for _, name := range names {
		if len(name) > maxName {
			return fmt.Errorf("epsilonsql: %.80q… has %d bytes: a name has at most %d", name, len(name), maxName)
		}
	}
	return nil
}
