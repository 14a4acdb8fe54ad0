package epsilonsql_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/go-sql-driver/mysql"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/commitwait"
	"github.com/epsilontime/epsilon/hlc"
	epsilonsql "github.com/epsilontime/epsilon/integrations/sql"
	"github.com/epsilontime/epsilon/lease"
	"github.com/epsilontime/epsilon/truetime"
)

// usedBy is every operation on a database, by its name.
func usedBy(t *testing.T, db database) map[string]func() error {
	t.Helper()
	leases := newLeaseStore(t, db)
	clocks := newHLCStore(t, db.DB, db.dialect, "node")
	record := lease.Record{Holder: "holder", Session: lease.Session{1}, Token: 1, Expiry: 1, TTL: 1}
	swap := func(version uint64) func() error {
		return func() error {
			_, err := leases.CompareAndSwap(t.Context(), "writer", version, record)
			return err
		}
	}
	return map[string]func() error{
		"Load of a lease":           func() error { _, err := leases.Load(t.Context(), "writer"); return err },
		"CompareAndSwap, inserting": swap(0),
		"CompareAndSwap, updating":  swap(1),
		"Load of a bound":           func() error { _, err := clocks.Load(t.Context()); return err },
		"Save":                      func() error { return clocks.Save(t.Context(), 1) },
		"Admit": func() error {
			tx, err := db.BeginTx(t.Context(), nil)
			if err != nil {
				return err
			}
			defer tx.Rollback()
			return epsilonsql.Admit(t.Context(), tx, db.dialect, "writer", 1)
		},
	}
}

// each operation of them fails with this error, and whoever waits for a lease is told whether to go on.
func requireEach(t *testing.T, db database, want error, permanent bool, names ...string) {
	t.Helper()
	for name, use := range usedBy(t, db) {
		if len(names) > 0 && !slices.Contains(names, name) {
			continue
		}
		err := use()
		require.ErrorIs(t, err, want, name)
		require.NotErrorIs(t, err, lease.ErrConflict, name)
		if strings.Contains(name, "lease") || strings.Contains(name, "Swap") {
			require.Equal(t, permanent, errors.Is(err, lease.ErrPermanent), "%s: %v", name, err)
		}
	}
}

func TestAMissingTableIsTold(t *testing.T) {
	for _, dialect := range []epsilonsql.Dialect{epsilonsql.PostgreSQL, epsilonsql.MySQL, epsilonsql.SQLite} {
		t.Run(dialect.String(), func(t *testing.T) {
			requireEach(t, newEmptyDatabase(t, dialect), epsilonsql.ErrNoTable, true)
		})
	}
}

func TestAnotherDialectIsTold(t *testing.T) {
	each(t, func(t *testing.T, db database) {
		for _, wrong := range []epsilonsql.Dialect{epsilonsql.PostgreSQL, epsilonsql.MySQL, epsilonsql.SQLite} {
			if wrong == db.dialect || db.dialect == epsilonsql.SQLite && wrong == epsilonsql.PostgreSQL {
				continue // SQLite understands what is written for PostgreSQL, and does it
			}
			t.Run(wrong.String(), func(t *testing.T) {
				told := db
				told.dialect = wrong
				names := []string{"CompareAndSwap, inserting", "Load of a bound", "Save", "Admit"}
				if db.dialect == epsilonsql.PostgreSQL || wrong == epsilonsql.PostgreSQL {
					names = nil // parameters are written in another way
				}
				requireEach(t, told, epsilonsql.ErrDialect, true, names...)
				err := usedBy(t, told)["CompareAndSwap, inserting"]()
				require.ErrorContains(t, err, wrong.String()+": is it that?")
			})
		}
	})
}

func TestADatabaseThatIsReadOnlyIsTold(t *testing.T) {
	each(t, func(t *testing.T, db database) {
		require.NoError(t, usedBy(t, db)["CompareAndSwap, inserting"]())
		require.NoError(t, usedBy(t, db)["Save"]())
		reader := db
		source := db.source
		switch db.dialect {
		case epsilonsql.PostgreSQL:
			source += " default_transaction_read_only=on"
		case epsilonsql.MySQL:
			source += "?tx_read_only=1"
		case epsilonsql.SQLite:
			source += "&mode=ro"
		}
		reader.DB = open(t, db.driver, source)
		requireEach(t, reader, epsilonsql.ErrReadOnly, db.dialect == epsilonsql.SQLite,
			"CompareAndSwap, inserting", "CompareAndSwap, updating", "Load of a bound", "Save", "Admit")
		require.NoError(t, usedBy(t, reader)["Load of a lease"]())
	})
}

func TestAUserWithoutRightsIsTold(t *testing.T) {
	for _, dialect := range []epsilonsql.Dialect{epsilonsql.PostgreSQL, epsilonsql.MySQL} {
		t.Run(dialect.String(), func(t *testing.T) {
			db := newDatabase(t, dialect)
			stranger := db
			stranger.source = strings.NewReplacer("user=postgres", "user="+db.name, "root@", db.name+"@").Replace(db.source)
			stranger.DB = stranger.again(t)
			// There is no such user. What comes of BeginTx is not of this package.
			requireEach(t, stranger, epsilonsql.ErrAccess, true, "Load of a lease", "CompareAndSwap, inserting", "CompareAndSwap, updating", "Load of a bound", "Save")
			_, err := epsilonsql.CommitWait(t.Context(), stranger.DB, newWaiter(t, newTicking()), insert(1))
			require.ErrorIs(t, err, commitwait.ErrNotBegun)
			require.ErrorIs(t, err, epsilonsql.ErrAccess)
			exec1(t, db, "CREATE USER "+db.name)
			if dialect == epsilonsql.MySQL {
				exec1(t, db, "CREATE TABLE other (id INT)")
				exec1(t, db, "GRANT ALL ON "+db.name+".other TO "+db.name)
			}
			requireEach(t, stranger, epsilonsql.ErrAccess, true)
		})
	}
}

func TestADatabaseThatIsClosedIsTold(t *testing.T) {
	each(t, func(t *testing.T, db database) {
		require.NoError(t, db.Close())
		for _, name := range []string{"Load of a lease", "CompareAndSwap, updating"} {
			require.ErrorIs(t, usedBy(t, db)[name](), lease.ErrPermanent)
		}
		require.Error(t, usedBy(t, db)["Save"]())
	})
}

// A server that is away comes back, so that is not permanent, and nothing is called a conflict.
func TestAServerThatIsAway(t *testing.T) {
	for _, dialect := range []epsilonsql.Dialect{epsilonsql.PostgreSQL, epsilonsql.MySQL} {
		t.Run(dialect.String(), func(t *testing.T) {
			db := newDatabase(t, dialect)
			require.NoError(t, usedBy(t, db)["CompareAndSwap, inserting"]())
			db.server.kill()
			for range 3 {
				for name, use := range usedBy(t, db) {
					err := use()
					require.Error(t, err, name)
					require.NotErrorIs(t, err, lease.ErrPermanent, name)
					require.NotErrorIs(t, err, lease.ErrConflict, name)
					require.NotErrorIs(t, err, hlc.ErrInUse, name)
					require.NotErrorIs(t, err, lease.ErrStaleToken, name)
				}
			}
			db.server.restart(t)
			back := db
			back.DB = db.again(t)
			for name, use := range usedBy(t, back) {
				if name != "CompareAndSwap, inserting" && name != "CompareAndSwap, updating" {
					require.NoError(t, use(), name)
				}
			}
			_, err := newLeaseStore(t, back).CompareAndSwap(t.Context(), "writer", 1, lease.Record{Token: 1, TTL: 1})
			require.NoError(t, err, "the record is there")
		})
	}
}

func TestRowsThatNobodyHasWrittenAreTold(t *testing.T) {
	each(t, func(t *testing.T, db database) {
		byte1 := map[epsilonsql.Dialect]string{epsilonsql.PostgreSQL: `'\x61'`, epsilonsql.MySQL: "x'61'", epsilonsql.SQLite: "x'61'"}[db.dialect]
		exec1(t, db, fmt.Sprintf("INSERT INTO epsilon_lease (name, version, holder, session, token, expiry, ttl) VALUES (%s, 1, %s, %s, 1, 1, 1)", byte1, byte1, byte1))
		_, err := newLeaseStore(t, db).Load(t.Context(), "a")
		require.ErrorIs(t, err, lease.ErrCorrupt)
		exec1(t, db, fmt.Sprintf("INSERT INTO epsilon_hlc (name, bound, session, sequence) VALUES (%s, 1, %s, 1)", byte1, byte1))
		clocks := newHLCStore(t, db.DB, db.dialect, "a")
		_, err = clocks.Load(t.Context())
		require.ErrorIs(t, err, hlc.ErrCorrupt)
		require.ErrorIs(t, clocks.Save(t.Context(), 5), hlc.ErrCorrupt, "and is not written over")

		deleted := newHLCStore(t, db.DB, db.dialect, "b")
		require.NoError(t, deleted.Save(t.Context(), 5))
		exec1(t, db, "DELETE FROM epsilon_hlc")
		require.ErrorIs(t, deleted.Save(t.Context(), 6), hlc.ErrCorrupt)
	})
}

// disconnect is an error of somebody else that happens to have what the drivers' errors have.
type disconnect struct{ Number uint16 }

func (disconnect) Error() string { return "websocket: close 1005" }
func (disconnect) Code() int     { return 5 } // SQLITE_BUSY

// What an error wraps side by side is found as well as what it wraps alone, and nobody else's numbers are taken for
// the database's.
func TestWhetherToTryAgainIsFoundWhereverTheErrorIs(t *testing.T) {
	mistake := errors.New("the account is overdrawn")
	db := newDatabase(t, epsilonsql.SQLite)
	exec1(t, db, "PRAGMA busy_timeout = 0")
	blocking, err := db.BeginTx(t.Context(), nil)
	require.NoError(t, err)
	defer blocking.Rollback()
	require.NoError(t, epsilonsql.Admit(t.Context(), blocking, db.dialect, "writer", 1))
	hasty := open(t, db.driver, strings.Replace(db.source, "busy_timeout(60000)", "busy_timeout(0)", 1))
	_, busy := hasty.ExecContext(t.Context(), "CREATE TABLE other (id INT)")
	require.Error(t, busy)
	require.NoError(t, blocking.Rollback())

	exec1(t, db, "CREATE TABLE entry (id BIGINT NOT NULL PRIMARY KEY, at BIGINT NOT NULL)")
	for _, inner := range []error{busy, &mysql.MySQLError{Number: 1213}, &pgconn.PgError{Code: "40001"}} {
		for _, cause := range []error{inner, errors.Join(mistake, inner), fmt.Errorf("%w after %w", mistake, errors.Join(nil, inner))} {
			_, err := epsilonsql.CommitWait(t.Context(), db.DB, newWaiter(t, newTicking()), func(context.Context, *sql.Tx, truetime.Time) error { return cause })
			require.ErrorIs(t, err, epsilonsql.ErrRolledBack)
			require.ErrorIs(t, err, epsilonsql.ErrAgain, "%T", inner)
			require.Equal(t, 1, strings.Count(err.Error(), epsilonsql.ErrAgain.Error()))

			_, err = epsilonsql.WaitCommit(t.Context(), db.DB, newWaiter(t, newTicking()), insert(1),
				epsilonsql.WithTimestamp(func(context.Context, *sql.Tx) (truetime.Time, error) { return 0, cause }))
			require.ErrorIs(t, err, commitwait.ErrNotBegun)
			require.ErrorIs(t, err, epsilonsql.ErrAgain, "%T", inner)
		}
	}
	for _, other := range []error{disconnect{1213}, &disconnect{1213}, (*disconnect)(nil), mistake} {
		_, err := epsilonsql.CommitWait(t.Context(), db.DB, newWaiter(t, newTicking()), func(context.Context, *sql.Tx, truetime.Time) error { return other })
		require.ErrorIs(t, err, epsilonsql.ErrRolledBack)
		require.NotErrorIs(t, err, epsilonsql.ErrAgain)
	}
}

func TestManyCreateTheTablesAtOnce(t *testing.T) {
	for _, dialect := range []epsilonsql.Dialect{epsilonsql.PostgreSQL, epsilonsql.MySQL, epsilonsql.SQLite} {
		t.Run(dialect.String(), func(t *testing.T) {
			for range 5 {
				db := newEmptyDatabase(t, dialect)
				var wg sync.WaitGroup
				errs := make([]error, 6)
				start := make(chan struct{})
				for i := range errs {
					own := db.again(t)
					require.NoError(t, own.PingContext(t.Context()))
					wg.Go(func() {
						<-start
						errs[i] = epsilonsql.CreateTables(t.Context(), own, dialect)
					})
				}
				close(start)
				wg.Wait()
				require.NoError(t, errors.Join(errs...))
				require.NoError(t, usedBy(t, db)["Save"]())
			}
		})
	}
}

func TestMistakesOfConstructorsAreTold(t *testing.T) {
	_, err := epsilonsql.NewLeaseStore(nil, 0)
	require.ErrorContains(t, err, "database is nil")
	require.ErrorContains(t, err, "no such dialect: 0")
	db := open(t, "sqlite", filepath.Join(t.TempDir(), "data"))
	_, err = epsilonsql.NewLeaseStore(db, 4)
	require.ErrorContains(t, err, "no such dialect: 4")
	_, err = epsilonsql.NewHLCStore(db, epsilonsql.SQLite, "")
	require.ErrorContains(t, err, "no name")
	_, err = epsilonsql.NewHLCStore(db, epsilonsql.SQLite, strings.Repeat("x", 1025))
	require.ErrorContains(t, err, "at most 1024")
	require.ErrorContains(t, epsilonsql.CreateTables(context.Background(), nil, epsilonsql.SQLite), "database is nil")
	require.Error(t, newHLCStore(t, db, epsilonsql.SQLite, "x").Save(t.Context(), 0))
	_, err = os.Stat("data")
	require.ErrorIs(t, err, os.ErrNotExist)
}
