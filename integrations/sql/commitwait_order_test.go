package epsilonsql_test

import (
	"context"
	"database/sql"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/commitwait"
	epsilonsql "github.com/epsilontime/epsilon/integrations/sql"
	"github.com/epsilontime/epsilon/truetime"
	"github.com/epsilontime/epsilon/truetime/truetimetest"
)

// Transactions that write the same row, and lock it before they take their timestamps, have these in the
// order in which they write.
func TestTimestampsThatAreTakenUnderTheLockAreInTheOrderOfTheWrites(t *testing.T) {
	eachWay(t, func(t *testing.T, db database, commit func(context.Context, *commitwait.Waiter, epsilonsql.Work, ...epsilonsql.CommitOption) (truetime.Time, error)) {
		clock := newTicking()
		waiter := newWaiter(t, clock)
		sequencer, err := commitwait.NewSequencer(clock)
		require.NoError(t, err)
		exec1(t, db, "INSERT INTO entry (id, at) VALUES (0, 0)") // the row that everybody writes: how many have
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				for range 5 {
					_, err := commit(t.Context(), waiter, func(ctx context.Context, tx *sql.Tx, at truetime.Time) error {
						var n int
						if err := tx.QueryRowContext(ctx, "SELECT at FROM entry WHERE id = 0").Scan(&n); err != nil {
							return err
						}
						return insert(n)(ctx, tx, at)
					}, epsilonsql.WithTimestamp(func(ctx context.Context, tx *sql.Tx) (truetime.Time, error) {
						if _, err := tx.ExecContext(ctx, "UPDATE entry SET at = at + 1 WHERE id = 0"); err != nil {
							return 0, err
						}
						return sequencer.Next()
					}))
					if err != nil {
						t.Error(err)
					}
				}
			})
		}
		wg.Wait()
		rows, err := db.QueryContext(t.Context(), "SELECT at FROM entry WHERE id > 0 ORDER BY id")
		require.NoError(t, err)
		defer rows.Close()
		var last truetime.Time
		n := 0
		for rows.Next() {
			var at truetime.Time
			require.NoError(t, rows.Scan(&at))
			require.Greater(t, at, last)
			last, n = at, n+1
		}
		require.NoError(t, rows.Err())
		require.Equal(t, 20, n)
	})
}

// Two processes, each with a clock and a Sequencer, write the same row one after the other. The first one's clock is
// the less certain. Where the second one does not look at the timestamp in the row CommitWait has the two in the wrong
// order: that is what [epsilonsql.WithTimestamp] warns of.
func TestTimestampsOfTwoProcessesThatWriteTheSameRow(t *testing.T) {
	for _, dialect := range []epsilonsql.Dialect{epsilonsql.PostgreSQL, epsilonsql.MySQL} {
		t.Run(dialect.String(), func(t *testing.T) {
			db := newDatabase(t, dialect)
			exec1(t, db, "CREATE TABLE entry (id BIGINT NOT NULL PRIMARY KEY, at BIGINT NOT NULL)")
			exec1(t, db, "INSERT INTO entry (id, at) VALUES (1, 1)")
			for _, row := range []struct {
				name             string
				commit           string
				heeds, isInOrder bool
			}{
				{"CommitWait that heeds the row", "CommitWait", true, true},
				{"CommitWait that does not", "CommitWait", false, false},
				{"WaitCommit that does not", "WaitCommit", false, true},
			} {
				t.Run(row.name, func(t *testing.T) {
					exec1(t, db, "UPDATE entry SET at = 1")
					first, second := newProcess(t, 10*time.Millisecond), newProcess(t, time.Millisecond)
					one, other := make(chan error, 1), make(chan error, 1)
					written := make(chan truetime.Time, 1)
					go func() { one <- first.write(t.Context(), db, row.commit, row.heeds, written) }()
					at := timestampOf(t, written, one)
					// The first one waits for its timestamp. The second one waits for the lock, or has it at once.
					if row.commit == "CommitWait" {
						awaitRow(t, db, at)
					}
					go func() { other <- second.write(t.Context(), db, row.commit, row.heeds, written) }()
					if row.commit == "WaitCommit" {
						awaitBlocked(t, db, other)
						pass(first, second, 21*time.Millisecond)
					}
					later := timestampOf(t, written, other)
					pass(first, second, time.Second)
					require.NoError(t, <-one)
					require.NoError(t, <-other)
					require.Equal(t, later, rowOf(t, db), "the second one has written last")
					require.Equal(t, row.isInOrder, later > at, "%v, then %v", at, later)
				})
			}
		})
	}
}

// process writes a row with timestamps of its own.
type process struct {
	clock     *truetimetest.Manual
	waiter    *commitwait.Waiter
	sequencer *commitwait.Sequencer
}

// newProcess returns one whose clock is ahead by as much as it may be.
func newProcess(t *testing.T, epsilon time.Duration) process {
	t.Helper()
	clock := truetimetest.NewManual(truetime.Time(1_800_000_000_000_000_000).Add(epsilon), epsilon)
	sequencer, err := commitwait.NewSequencer(clock)
	require.NoError(t, err)
	return process{clock, newWaiter(t, clock), sequencer}
}

// pass has time pass for both.
func pass(first, second process, d time.Duration) {
	first.clock.Advance(d)
	second.clock.Advance(d)
}

// write overwrites the row, and tells the timestamp when it has done so.
func (p process) write(ctx context.Context, db database, commit string, heeds bool, written chan<- truetime.Time) error {
	_, err := commits[commit](ctx, db.DB, p.waiter, func(ctx context.Context, tx *sql.Tx, at truetime.Time) error {
		_, err := tx.ExecContext(ctx, fmt.Sprintf("UPDATE entry SET at = %d WHERE id = 1", int64(at)))
		written <- at
		return err
	}, epsilonsql.WithTimestamp(func(ctx context.Context, tx *sql.Tx) (truetime.Time, error) {
		var before truetime.Time
		if err := tx.QueryRowContext(ctx, "SELECT at FROM entry WHERE id = 1 FOR UPDATE").Scan(&before); err != nil {
			return 0, err
		}
		if heeds && before > 1 { // which nobody has written
			if err := p.sequencer.Raise(before); err != nil {
				return 0, err
			}
		}
		return p.sequencer.Next()
	}))
	return err
}

// timestampOf returns the one with which somebody has written, unless she has failed before that.
func timestampOf(t *testing.T, written <-chan truetime.Time, done <-chan error) truetime.Time {
	t.Helper()
	select {
	case at := <-written:
		return at
	case err := <-done:
		t.Fatalf("it has written nothing: %v", err)
		return 0
	}
}

func rowOf(t *testing.T, db database) (at truetime.Time) {
	t.Helper()
	require.NoError(t, db.QueryRowContext(t.Context(), "SELECT at FROM entry WHERE id = 1").Scan(&at))
	return at
}

// awaitRow returns once everybody can see the row with that timestamp.
func awaitRow(t *testing.T, db database, at truetime.Time) {
	t.Helper()
	for rowOf(t, db) != at {
		require.NoError(t, t.Context().Err())
	}
}
