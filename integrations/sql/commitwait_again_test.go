package epsilonsql_test

import (
	"context"
	"database/sql"
	"fmt"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	epsilonsql "github.com/epsilontime/epsilon/integrations/sql"
	"github.com/epsilontime/epsilon/truetime"
)

// Two transactions read what the other one writes: one of them cannot be serialized, and is told to try
// again.
func TestATransactionThatCannotBeSerialized(t *testing.T) {
	db := newDatabase(t, epsilonsql.PostgreSQL)
	exec1(t, db, "CREATE TABLE entry (id BIGINT NOT NULL PRIMARY KEY, at BIGINT NOT NULL)")
	waiter := newWaiter(t, newTicking())
	for name, way := range commits {
		t.Run(name, func(t *testing.T) {
			exec1(t, db, "DELETE FROM entry")
			_, err := way(t.Context(), db.DB, waiter, func(ctx context.Context, tx *sql.Tx, at truetime.Time) error {
				other, err := db.BeginTx(ctx, &sql.TxOptions{Isolation: sql.LevelSerializable})
				require.NoError(t, err)
				defer other.Rollback()
				for _, tx := range []*sql.Tx{tx, other} {
					var n int
					require.NoError(t, tx.QueryRowContext(ctx, "SELECT COUNT(*) FROM entry").Scan(&n))
				}
				require.NoError(t, insert(1)(ctx, tx, at))
				require.NoError(t, insert(2)(ctx, other, at))
				return other.Commit()
			}, epsilonsql.WithTxOptions(sql.TxOptions{Isolation: sql.LevelSerializable}))
			require.ErrorIs(t, err, epsilonsql.ErrRolledBack)
			require.ErrorIs(t, err, epsilonsql.ErrAgain)
			require.Equal(t, 1, entries(t, db.DB))
		})
	}
}

func TestADeadlockIsWorthAnotherTry(t *testing.T) {
	each(t, func(t *testing.T, db database) {
		if db.dialect == epsilonsql.SQLite {
			t.Skip("SQLite has one writer at a time")
		}
		exec1(t, db, "CREATE TABLE entry (id BIGINT NOT NULL PRIMARY KEY, at BIGINT NOT NULL)")
		exec1(t, db, "INSERT INTO entry (id, at) VALUES (1, 0), (2, 0)")
		waiter := newWaiter(t, newTicking())
		var both sync.WaitGroup
		both.Add(2)
		errs := make(chan error, 2)
		for _, order := range [][2]int{{1, 2}, {2, 1}} {
			go func() {
				_, err := epsilonsql.CommitWait(t.Context(), db.DB, waiter, func(ctx context.Context, tx *sql.Tx, at truetime.Time) error {
					for i, id := range order {
						if _, err := tx.ExecContext(ctx, fmt.Sprintf("UPDATE entry SET at = %d WHERE id = %d", int64(at), id)); err != nil {
							return err
						}
						if i == 0 {
							both.Done()
							both.Wait()
						}
					}
					return nil
				})
				errs <- err
			}()
		}
		first, second := <-errs, <-errs
		if first == nil {
			first, second = second, first
		}
		require.NoError(t, second, "one of the two goes on")
		require.ErrorIs(t, first, epsilonsql.ErrRolledBack)
		require.ErrorIs(t, first, epsilonsql.ErrAgain)
	})
}
