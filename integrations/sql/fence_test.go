package epsilonsql_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	epsilonsql "github.com/epsilontime/epsilon/integrations/sql"
	"github.com/epsilontime/epsilon/lease"
	"github.com/epsilontime/epsilon/truetime"
)

// settable is a clock that the test sets.
type settable struct {
	mu  sync.Mutex
	now truetime.Time
}

func (s *settable) Now() (truetime.Interval, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return truetime.Interval{Earliest: s.now.Add(-time.Millisecond), Latest: s.now.Add(time.Millisecond)}, nil
}

func (s *settable) pass(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now = s.now.Add(d)
}

func newSettable() *settable { return &settable{now: 1_800_000_000_000_000_000} }

// acquire has a process, whose clock is its own, acquire the lease "writer".
func acquire(t *testing.T, db database, holder string, clock truetime.Reader) *lease.Lease {
	t.Helper()
	candidate, err := lease.NewCandidate(clock, newLeaseStore(t, db), "writer", time.Minute, lease.WithHolder(holder))
	require.NoError(t, err)
	held, err := candidate.TryAcquire(t.Context())
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, held.Close()) })
	return held
}

// admitAndWrite is what a holder does in its transaction.
func admitAndWrite(ctx context.Context, db database, tx *sql.Tx, token lease.Token, text string) error {
	if err := epsilonsql.Admit(ctx, tx, db.dialect, "writer", token); err != nil {
		return err
	}
	_, err := tx.ExecContext(ctx, "UPDATE note SET text = '"+text+"'")
	return err
}

// write does that and commits.
func write(ctx context.Context, db database, token lease.Token, text string, level sql.IsolationLevel) error {
	tx, err := db.BeginTx(ctx, &sql.TxOptions{Isolation: level})
	if err != nil {
		return err
	}
	defer tx.Rollback()
	if err := admitAndWrite(ctx, db, tx, token, text); err != nil {
		return err
	}
	return tx.Commit()
}

func newNote(t *testing.T, db database) {
	t.Helper()
	exec1(t, db, "CREATE TABLE note (text VARCHAR(100) NOT NULL)")
	exec1(t, db, "INSERT INTO note VALUES ('')")
}

func note(t *testing.T, on interface {
	QueryRowContext(ctx context.Context, query string, parameters ...any) *sql.Row
}) (text string) {
	t.Helper()
	require.NoError(t, on.QueryRowContext(t.Context(), "SELECT text FROM note").Scan(&text))
	return text
}

// levels are the isolation levels that a database has.
func levels(dialect epsilonsql.Dialect) []sql.IsolationLevel {
	if dialect == epsilonsql.SQLite {
		return []sql.IsolationLevel{sql.LevelDefault}
	}
	return []sql.IsolationLevel{sql.LevelReadCommitted, sql.LevelRepeatableRead, sql.LevelSerializable}
}

// raise is what a holder does as soon as it has its lease.
func raise(t *testing.T, db database, token lease.Token) {
	t.Helper()
	tx, err := db.BeginTx(t.Context(), &sql.TxOptions{Isolation: levels(db.dialect)[0]})
	require.NoError(t, err)
	defer tx.Rollback()
	require.NoError(t, epsilonsql.Admit(t.Context(), tx, db.dialect, "writer", token))
	require.NoError(t, tx.Commit())
}

// The story for which there are fences: a holder has its lease, is paused for longer than that lasts, and goes
// on. In its memory and by its clock, which has been paused with it, the lease is Held.
func TestAPausedHolderIsRefused(t *testing.T) {
	each(t, func(t *testing.T, db database) {
		newNote(t, db)
		clock := newSettable()
		for _, level := range levels(db.dialect) {
			t.Run(level.String(), func(t *testing.T) {
				clock.pass(time.Hour)
				paused := acquire(t, db, "paused", clock)
				token := paused.Token()
				raise(t, db, token)
				require.NoError(t, write(t.Context(), db, token, "of the first", level))

				clock.pass(time.Hour)
				successor := acquire(t, db, "successor", clock)
				require.Greater(t, successor.Token(), token)
				raise(t, db, successor.Token())
				require.NoError(t, write(t.Context(), db, successor.Token(), "of the second", level))

				require.ErrorIs(t, write(t.Context(), db, token, "of the past", level), lease.ErrStaleToken)
				require.Equal(t, "of the second", note(t, db))
				require.NoError(t, write(t.Context(), db, successor.Token(), "again", level))
				require.ErrorIs(t, write(t.Context(), db, token, "of the past", level), lease.ErrStaleToken)
				require.Equal(t, "again", note(t, db))
			})
		}
	})
}

// The holder is paused within its transaction, after it has read, so that at the higher levels it sees a database
// in which it has no successor.
func TestAHolderThatWasPausedInItsTransactionIsRefused(t *testing.T) {
	each(t, func(t *testing.T, db database) {
		newNote(t, db)
		exec1(t, db, "UPDATE note SET text = 'before'")
		token := lease.Token(1)
		for _, level := range levels(db.dialect) {
			t.Run(level.String(), func(t *testing.T) {
				require.NoError(t, write(t.Context(), db, token, "before", sql.LevelDefault))
				tx, err := db.BeginTx(t.Context(), &sql.TxOptions{Isolation: level})
				require.NoError(t, err)
				defer tx.Rollback()
				serialized := db.dialect == epsilonsql.MySQL && level == sql.LevelSerializable
				if !serialized { // where to read is to lock
					require.Equal(t, "before", note(t, tx))
				}

				require.NoError(t, write(t.Context(), db, token+1, "after", sql.LevelDefault))

				err = admitAndWrite(t.Context(), db, tx, token, "of the past")
				require.Error(t, err)
				// PostgreSQL at its higher levels, and SQLite, refuse a transaction whose view of the world is over.
				require.True(t, errors.Is(err, lease.ErrStaleToken) || errors.Is(err, epsilonsql.ErrAgain), err)
				if level == sql.LevelReadCommitted {
					require.ErrorIs(t, err, lease.ErrStaleToken)
				}
				require.NoError(t, tx.Rollback())
				require.Equal(t, "after", note(t, db))
				require.ErrorIs(t, write(t.Context(), db, token, "of the past", level), lease.ErrStaleToken)
				token++
			})
		}
	})
}

// A holder that was admitted and has not committed keeps its successor waiting, and the successor sees what it
// has written, at every level. Where it could not, it is not admitted.
func TestASuccessorWaitsForWhoWasAdmitted(t *testing.T) {
	each(t, func(t *testing.T, db database) {
		exec1(t, db, "CREATE TABLE journal (token BIGINT NOT NULL)")
		last := lease.Token(1)
		raise(t, db, last)
		for _, level := range append(levels(db.dialect), sql.LevelDefault) {
			t.Run(level.String(), func(t *testing.T) {
				token := last
				last++
				// Like this one the predecessor has been admitted before: it locks the row, and does not change it.
				first, err := db.BeginTx(t.Context(), nil)
				require.NoError(t, err)
				defer first.Rollback()
				require.NoError(t, epsilonsql.Admit(t.Context(), first, db.dialect, "writer", token))
				exec1(t, first, fmt.Sprintf("INSERT INTO journal VALUES (%d)", token))

				admitted := make(chan error, 1)
				go func() { admitted <- succeed(t.Context(), db, token+1, level) }()
				if db.dialect == epsilonsql.PostgreSQL && level > sql.LevelReadCommitted {
					require.ErrorContains(t, <-admitted, "transaction of its own at READ COMMITTED")
					go func() { admitted <- succeed(t.Context(), db, token+1, sql.LevelReadCommitted) }()
				}
				awaitBlocked(t, db, admitted)
				require.NoError(t, first.Commit())
				require.NoError(t, <-admitted)
				require.NoError(t, succeed(t.Context(), db, token+1, level), "it has been raised")
				require.ErrorIs(t, succeed(t.Context(), db, token, sql.LevelDefault), lease.ErrStaleToken)
			})
		}
	})
}

// succeed is a transaction of a holder whose predecessor has written to the journal.
func succeed(ctx context.Context, db database, token lease.Token, level sql.IsolationLevel) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute) // if it waits where it ought not to
	defer cancel()
	tx, err := db.BeginTx(ctx, &sql.TxOptions{Isolation: level})
	if err != nil {
		return err
	}
	defer tx.Rollback()
	if err := epsilonsql.Admit(ctx, tx, db.dialect, "writer", token); err != nil {
		return err
	}
	var n lease.Token
	if err := tx.QueryRowContext(ctx, "SELECT COUNT(*) FROM journal").Scan(&n); err != nil {
		return err
	}
	if n != token-1 {
		return fmt.Errorf("the holder of token %d was admitted and has not seen what its predecessors have written: %d entries", token, n)
	}
	return tx.Commit()
}

// awaitBlocked returns once somebody waits for a lock in the database. Done has something if nobody will. SQLite has
// nothing to show, so there whoever is to wait may come later, and not wait at all.
func awaitBlocked(t *testing.T, db database, done chan error) {
	t.Helper()
	waiting := map[epsilonsql.Dialect]string{
		epsilonsql.PostgreSQL: "SELECT COUNT(*) FROM pg_locks JOIN pg_stat_activity USING (pid) WHERE NOT granted AND datname = current_database()",
		epsilonsql.MySQL:      "SELECT COUNT(*) FROM information_schema.innodb_trx WHERE trx_state = 'LOCK WAIT'",
	}[db.dialect]
	if waiting == "" {
		return
	}
	for n := 0; n == 0; {
		select {
		case err := <-done:
			t.Fatalf("it did not wait: %v", err)
		case <-time.After(120 * time.Millisecond): // MariaDB does not renew the table if it is asked again within 100 ms
		}
		require.NoError(t, db.QueryRowContext(t.Context(), waiting).Scan(&n))
	}
}

// Whoever waits has a limit, and is told that it may try again.
func TestASuccessorThatHasWaitedForTooLongMayTryAgain(t *testing.T) {
	each(t, func(t *testing.T, db database) {
		newNote(t, db)
		raise(t, db, 1)
		first, err := db.BeginTx(t.Context(), nil)
		require.NoError(t, err)
		defer first.Rollback()
		require.NoError(t, admitAndWrite(t.Context(), db, first, 1, "of the first"))

		impatient := db
		impatient.DB = db.again(t)
		impatient.SetMaxOpenConns(1)
		switch db.dialect {
		case epsilonsql.PostgreSQL:
			exec1(t, impatient, "SET lock_timeout = '20ms'")
		case epsilonsql.MySQL:
			exec1(t, impatient, "SET innodb_lock_wait_timeout = 1")
		case epsilonsql.SQLite:
			exec1(t, impatient, "PRAGMA busy_timeout = 20")
		}
		require.ErrorIs(t, write(t.Context(), impatient, 2, "of the second", sql.LevelDefault), epsilonsql.ErrAgain)
		require.NoError(t, first.Commit())
		require.NoError(t, write(t.Context(), impatient, 2, "of the second", sql.LevelDefault))
	})
}

// Transactions of one holder go on side by side.
func TestTransactionsOfOneHolderDoNotWaitForEachOther(t *testing.T) {
	each(t, func(t *testing.T, db database) {
		if db.dialect == epsilonsql.SQLite {
			t.Skip("SQLite has one writer at a time")
		}
		newNote(t, db)
		require.NoError(t, write(t.Context(), db, 7, "", sql.LevelDefault))
		var open []*sql.Tx
		for range 3 {
			tx, err := db.BeginTx(t.Context(), nil)
			require.NoError(t, err)
			defer tx.Rollback()
			require.NoError(t, epsilonsql.Admit(t.Context(), tx, db.dialect, "writer", 7))
			open = append(open, tx)
		}
		for _, tx := range open {
			require.NoError(t, tx.Commit())
		}
	})
}

// Holders follow on each other while transactions of all of them are under way. In the order in which the
// database has let them write no token goes back.
func TestTokensNeverGoBack(t *testing.T) {
	each(t, func(t *testing.T, db database) {
		id := map[epsilonsql.Dialect]string{
			epsilonsql.PostgreSQL: "id BIGSERIAL PRIMARY KEY", epsilonsql.MySQL: "id BIGINT AUTO_INCREMENT PRIMARY KEY",
			epsilonsql.SQLite: "id INTEGER PRIMARY KEY AUTOINCREMENT",
		}[db.dialect]
		exec1(t, db, "CREATE TABLE entry ("+id+", token BIGINT NOT NULL)")
		tokensNeverGoBack(t, db, levels(db.dialect)[0])
		if db.dialect == epsilonsql.MySQL { // whose default is higher, and has deadlocks
			exec1(t, db, "DELETE FROM entry")
			exec1(t, db, "DELETE FROM epsilon_fence")
			tokensNeverGoBack(t, db, sql.LevelDefault)
		}
	})
}

func tokensNeverGoBack(t *testing.T, db database, level sql.IsolationLevel) {
	t.Helper()
	seed := rand.Uint64()
	t.Log("seed", seed)
	var wg sync.WaitGroup
	var admitted, refused int
	var mu sync.Mutex
	for client := range 6 {
		random := rand.New(rand.NewPCG(seed, uint64(client)))
		wg.Go(func() {
			for i := range 40 {
				token := lease.Token(1 + i/4 + random.IntN(3))
				err := appendEntry(t.Context(), db, token, level)
				for errors.Is(err, epsilonsql.ErrAgain) {
					err = appendEntry(t.Context(), db, token, level)
				}
				mu.Lock()
				if err == nil {
					admitted++
				} else if errors.Is(err, lease.ErrStaleToken) {
					refused++
				} else {
					t.Error(err)
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	rows, err := db.QueryContext(t.Context(), "SELECT token FROM entry ORDER BY id")
	require.NoError(t, err)
	defer rows.Close()
	var last, n int64
	for rows.Next() {
		var token int64
		require.NoError(t, rows.Scan(&token))
		require.GreaterOrEqual(t, token, last, "entry %d of %d", n, admitted)
		last, n = token, n+1
	}
	require.NoError(t, rows.Err())
	require.EqualValues(t, admitted, n)
	require.NotZero(t, refused, "nobody came too late, so this has shown nothing")
}

func appendEntry(ctx context.Context, db database, token lease.Token, level sql.IsolationLevel) error {
	tx, err := db.BeginTx(ctx, &sql.TxOptions{Isolation: level})
	if err != nil {
		return err
	}
	defer tx.Rollback()
	if err := epsilonsql.Admit(ctx, tx, db.dialect, "entries", token); err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, fmt.Sprintf("INSERT INTO entry (token) VALUES (%d)", token)); err != nil {
		return err
	}
	return tx.Commit()
}

func TestFencesHaveARowEachAndMistakesAreTold(t *testing.T) {
	each(t, func(t *testing.T, db database) {
		tx, err := db.BeginTx(t.Context(), nil)
		require.NoError(t, err)
		defer tx.Rollback()
		admit := func(name string, token lease.Token) error {
			return epsilonsql.Admit(t.Context(), tx, db.dialect, name, token)
		}
		for i, name := range []string{"a", "A", "a ", "a\x00", "\xff", ""} {
			require.NoError(t, admit(name, lease.Token(10-i)), "%q", name)
			require.NoError(t, admit(name, lease.Token(10-i)), "%q", name)
			require.ErrorIs(t, admit(name, lease.Token(9-i)), lease.ErrStaleToken, "%q", name)
		}
		require.ErrorIs(t, admit("a", 0), lease.ErrStaleToken)
		require.NoError(t, admit("a", math.MaxInt64))
		require.ErrorContains(t, admit("a", math.MaxInt64+1), "highest that a column can hold")
		require.ErrorContains(t, admit(string(make([]byte, 1025)), 1), "at most 1024")
		require.ErrorContains(t, epsilonsql.Admit(t.Context(), nil, db.dialect, "a", 1), "transaction is nil")
		require.ErrorContains(t, epsilonsql.Admit(t.Context(), tx, 0, "a", 1), "no such dialect: 0: give PostgreSQL, MySQL or SQLite")
	})
}
