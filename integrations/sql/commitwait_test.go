package epsilonsql_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/commitwait"
	epsilonsql "github.com/epsilontime/epsilon/integrations/sql"
	"github.com/epsilontime/epsilon/truetime"
	"github.com/epsilontime/epsilon/truetime/truetimetest"
)

// ticking is a clock that goes on by a millisecond whenever it is looked at, unless it stands.
type ticking struct {
	mu     sync.Mutex
	now    truetime.Time
	stands bool
	fails  error
	looked chan struct{} // closed at the first look after it was set
}

func newTicking() *ticking { return &ticking{now: 1_800_000_000_000_000_000} }

func (c *ticking) Now() (truetime.Interval, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.looked != nil {
		close(c.looked)
		c.looked = nil
	}
	if !c.stands {
		c.now = c.now.Add(time.Millisecond)
	}
	return truetime.Interval{Earliest: c.now.Add(-5 * time.Millisecond), Latest: c.now.Add(5 * time.Millisecond)}, c.fails
}

func (c *ticking) set(stands bool, fails error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stands, c.fails = stands, fails
}

// look returns a channel that is closed at the next look at the clock.
func (c *ticking) look() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.looked = make(chan struct{})
	return c.looked
}

func newWaiter(t testing.TB, clock truetime.Reader) *commitwait.Waiter {
	t.Helper()
	waiter, err := commitwait.NewWaiter(clock)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, waiter.Close()) })
	return waiter
}

// commits are both ways to do it.
var commits = map[string]func(context.Context, *sql.DB, *commitwait.Waiter, epsilonsql.Work, ...epsilonsql.CommitOption) (truetime.Time, error){
	"CommitWait": epsilonsql.CommitWait,
	"WaitCommit": epsilonsql.WaitCommit,
}

// eachWay runs a test on a new database of each kind, in both ways.
func eachWay(t *testing.T, test func(t *testing.T, db database, commit func(context.Context, *commitwait.Waiter, epsilonsql.Work, ...epsilonsql.CommitOption) (truetime.Time, error))) {
	t.Helper()
	each(t, func(t *testing.T, db database) {
		exec1(t, db, "CREATE TABLE entry (id BIGINT NOT NULL PRIMARY KEY, at BIGINT NOT NULL)")
		for name, way := range commits {
			t.Run(name, func(t *testing.T) {
				exec1(t, db, "DELETE FROM entry")
				test(t, db, func(ctx context.Context, waiter *commitwait.Waiter, work epsilonsql.Work, options ...epsilonsql.CommitOption) (truetime.Time, error) {
					return way(ctx, db.DB, waiter, work, options...)
				})
				require.Zero(t, db.Stats().InUse, "a connection was not given back")
			})
		}
	})
}

// insert is a transaction that writes one row.
func insert(id int) epsilonsql.Work {
	return func(ctx context.Context, tx *sql.Tx, timestamp truetime.Time) error {
		_, err := tx.ExecContext(ctx, fmt.Sprintf("INSERT INTO entry (id, at) VALUES (%d, %d)", id, int64(timestamp)))
		return err
	}
}

func entries(t testing.TB, db *sql.DB) (n int) {
	t.Helper()
	require.NoError(t, db.QueryRowContext(t.Context(), "SELECT COUNT(*) FROM entry").Scan(&n))
	return n
}

func TestATransactionIsToldOnceItsTimestampHasPassed(t *testing.T) {
	eachWay(t, func(t *testing.T, db database, commit func(context.Context, *commitwait.Waiter, epsilonsql.Work, ...epsilonsql.CommitOption) (truetime.Time, error)) {
		clock := newTicking()
		waiter := newWaiter(t, clock)
		var last truetime.Time
		for i := range 5 {
			timestamp, err := commit(t.Context(), waiter, insert(i))
			require.NoError(t, err)
			clock.set(true, nil)
			now, _ := clock.Now()
			clock.set(false, nil)
			require.True(t, now.After(timestamp))
			require.Greater(t, timestamp, last)
			last = timestamp
			var at truetime.Time
			require.NoError(t, db.QueryRowContext(t.Context(), fmt.Sprintf("SELECT at FROM entry WHERE id = %d", i)).Scan(&at))
			require.Equal(t, timestamp, at)
		}
	})
}

// What others can see while the timestamp has not passed is the difference between the two.
func TestWhatIsVisibleBeforeTheTimestampHasPassed(t *testing.T) {
	eachWay(t, func(t *testing.T, db database, commit func(context.Context, *commitwait.Waiter, epsilonsql.Work, ...epsilonsql.CommitOption) (truetime.Time, error)) {
		hidden := strings.HasSuffix(t.Name(), "WaitCommit")
		clock := newTicking()
		clock.set(true, nil) // it never passes
		waiter := newWaiter(t, clock)
		ctx, cancel := context.WithCancelCause(t.Context())
		reason := errors.New("not waited for any longer")
		var waits <-chan struct{}
		type outcome struct {
			timestamp truetime.Time
			err       error
		}
		done := make(chan outcome)
		worked := make(chan struct{})
		go func() {
			timestamp, err := commit(ctx, waiter, func(ctx context.Context, tx *sql.Tx, timestamp truetime.Time) error {
				defer close(worked)
				waits = clock.look()
				return insert(1)(ctx, tx, timestamp)
			})
			done <- outcome{timestamp, err}
		}()
		<-worked
		<-waits // the work is done, and so is COMMIT where that comes first
		want := 1
		if hidden {
			want = 0
		}
		require.Equal(t, want, entries(t, db.again(t)))
		cancel(reason)
		got := <-done
		require.ErrorIs(t, got.err, context.Canceled)
		require.Equal(t, want, entries(t, db.again(t)))
		if hidden {
			require.ErrorIs(t, got.err, epsilonsql.ErrRolledBack)
			require.NotErrorIs(t, got.err, commitwait.ErrNotPassed)
			require.Zero(t, got.timestamp)
			return
		}
		require.ErrorIs(t, got.err, commitwait.ErrNotPassed)
		require.NotZero(t, got.timestamp)
		clock.set(false, nil)
		require.NoError(t, waiter.Until(t.Context(), got.timestamp), "it can be waited for again")
	})
}

func TestATransactionThatHasNotBegun(t *testing.T) {
	eachWay(t, func(t *testing.T, db database, commit func(context.Context, *commitwait.Waiter, epsilonsql.Work, ...epsilonsql.CommitOption) (truetime.Time, error)) {
		clock := newTicking()
		waiter := newWaiter(t, clock)
		never := func(context.Context, *sql.Tx, truetime.Time) error { panic("called") }
		refuse := func(ctx context.Context, waiter *commitwait.Waiter, work epsilonsql.Work, reason error, options ...epsilonsql.CommitOption) {
			t.Helper()
			timestamp, err := commit(ctx, waiter, work, options...)
			require.ErrorIs(t, err, commitwait.ErrNotBegun)
			require.Zero(t, timestamp)
			if reason != nil {
				require.ErrorIs(t, err, reason)
			}
		}
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		refuse(ended, waiter, never, context.Canceled)
		late, cancel := context.WithTimeout(t.Context(), -1)
		defer cancel()
		refuse(late, waiter, never, context.DeadlineExceeded)
		refuse(t.Context(), nil, never, nil)
		refuse(t.Context(), waiter, nil, nil)
		refuse(t.Context(), waiter, never, nil, nil)
		why := errors.New("no timestamp today")
		refuse(t.Context(), waiter, never, why, epsilonsql.WithTimestamp(func(ctx context.Context, tx *sql.Tx) (truetime.Time, error) {
			exec1(t, tx, "INSERT INTO entry (id, at) VALUES (1, 1)")
			return 0, why
		}))
		require.Zero(t, entries(t, db.DB))
		clock.set(false, truetime.ErrNotSynchronized)
		refuse(t.Context(), waiter, never, truetime.ErrNotSynchronized)
		closed := newWaiter(t, clock)
		require.NoError(t, closed.Close())
		refuse(t.Context(), closed, never, commitwait.ErrClosed)
	})
	_, err := epsilonsql.CommitWait(t.Context(), nil, newWaiter(t, newTicking()), insert(1))
	require.ErrorIs(t, err, commitwait.ErrNotBegun)
}

func TestATransactionThatIsRolledBack(t *testing.T) {
	eachWay(t, func(t *testing.T, db database, commit func(context.Context, *commitwait.Waiter, epsilonsql.Work, ...epsilonsql.CommitOption) (truetime.Time, error)) {
		waiter := newWaiter(t, newTicking())
		refuse := func(ctx context.Context, work epsilonsql.Work) error {
			t.Helper()
			timestamp, err := commit(ctx, waiter, work)
			require.ErrorIs(t, err, epsilonsql.ErrRolledBack)
			require.NotErrorIs(t, err, epsilonsql.ErrCommitUnknown)
			require.Zero(t, timestamp)
			require.Zero(t, entries(t, db.DB))
			return err
		}
		mistake := errors.New("the account is overdrawn")
		require.ErrorIs(t, refuse(t.Context(), func(ctx context.Context, tx *sql.Tx, at truetime.Time) error {
			return errors.Join(insert(1)(ctx, tx, at), mistake)
		}), mistake)
		require.Error(t, refuse(t.Context(), func(ctx context.Context, tx *sql.Tx, at truetime.Time) error {
			return errors.Join(insert(1)(ctx, tx, at), insert(1)(ctx, tx, at)) // the same key twice
		}))

		ctx, cancel := context.WithCancel(t.Context())
		require.ErrorIs(t, refuse(ctx, func(ctx context.Context, tx *sql.Tx, at truetime.Time) error {
			defer cancel() // it ends before COMMIT
			return insert(1)(ctx, tx, at)
		}), context.Canceled)

		require.PanicsWithValue(t, "a bug", func() {
			_, _ = commit(t.Context(), waiter, func(ctx context.Context, tx *sql.Tx, at truetime.Time) error {
				require.NoError(t, insert(1)(ctx, tx, at))
				panic("a bug")
			})
		})
		require.Zero(t, entries(t, db.DB))

		if db.dialect == epsilonsql.PostgreSQL {
			err := refuse(t.Context(), func(ctx context.Context, tx *sql.Tx, at truetime.Time) error {
				_ = errors.Join(insert(1)(ctx, tx, at), insert(1)(ctx, tx, at))
				return nil // which PostgreSQL does not forget
			})
			require.ErrorContains(t, err, "COMMIT")
		}
	})
}

// The database refuses at COMMIT: a constraint that is checked then, a transaction that cannot be serialized.
func TestATransactionThatCommitRefuses(t *testing.T) {
	each(t, func(t *testing.T, db database) {
		if db.dialect == epsilonsql.MySQL {
			t.Skip("MySQL checks everything before")
		}
		exec1(t, db, "CREATE TABLE entry (id BIGINT NOT NULL PRIMARY KEY, at BIGINT NOT NULL)")
		exec1(t, db, "CREATE TABLE part (of BIGINT NOT NULL REFERENCES entry (id) DEFERRABLE INITIALLY DEFERRED)")
		waiter := newWaiter(t, newTicking())
		for name, way := range commits {
			t.Run(name, func(t *testing.T) {
				timestamp, err := way(t.Context(), db.DB, waiter, func(ctx context.Context, tx *sql.Tx, at truetime.Time) error {
					exec1(t, tx, "INSERT INTO part VALUES (17)")
					return insert(1)(ctx, tx, at)
				})
				require.ErrorIs(t, err, epsilonsql.ErrRolledBack)
				require.ErrorContains(t, err, "COMMIT")
				require.Zero(t, timestamp)
				require.Zero(t, entries(t, db.DB))
				require.Zero(t, db.Stats().InUse)
			})
		}
	})
}

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

// The connection is lost during COMMIT: before the server hears of it, or after it has done it.
func TestACommitWhoseAnswerIsLostIsUnknown(t *testing.T) {
	behindProxy(t, func(t *testing.T, direct database, db *sql.DB, p *proxy) {
		exec1(t, direct, "CREATE TABLE entry (id BIGINT NOT NULL PRIMARY KEY, at BIGINT NOT NULL)")
		waiter := newWaiter(t, newTicking())
		id := 0
		for name, way := range commits {
			for _, arrives := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s, arrives %v", name, arrives), func(t *testing.T) {
					id++
					before := entries(t, direct.DB)
					p.onRequest(func(request []byte, l *link) bool {
						if !isCommit(request) {
							return true
						}
						if arrives {
							l.mute()
							_, _ = l.server.Write(request)
							<-l.answered
						}
						l.cut()
						return false
					})
					timestamp, err := way(t.Context(), db, waiter, insert(id))
					p.onRequest(nil)
					require.ErrorIs(t, err, epsilonsql.ErrCommitUnknown)
					require.NotErrorIs(t, err, epsilonsql.ErrRolledBack)
					require.NotErrorIs(t, err, commitwait.ErrNotPassed)
					require.NotZero(t, timestamp, "so that it can be looked for")
					now := before
					if arrives {
						now++
					}
					require.Equal(t, now, entries(t, direct.DB))
					require.Zero(t, db.Stats().InUse)
				})
			}
		}
	})
}

// The context ends during COMMIT.
func TestACommitThatIsNotWaitedForIsUnknown(t *testing.T) {
	direct := newDatabase(t, epsilonsql.PostgreSQL) // go-sql-driver does not heed a context there
	db, p := through(t, direct)
	exec1(t, direct, "CREATE TABLE entry (id BIGINT NOT NULL PRIMARY KEY, at BIGINT NOT NULL)")
	waiter := newWaiter(t, newTicking())
	for name, way := range commits {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			p.onRequest(func(request []byte, _ *link) bool {
				if !isCommit(request) {
					return true
				}
				cancel()
				return false
			})
			_, err := way(ctx, db, waiter, insert(1))
			p.onRequest(nil)
			require.ErrorIs(t, err, epsilonsql.ErrCommitUnknown)
			require.ErrorIs(t, err, context.Canceled)
		})
	}
}

// The server is killed when it has been sent COMMIT, and when it has carried that out.
func TestAServerThatIsKilledDuringCommit(t *testing.T) {
	behindProxy(t, func(t *testing.T, direct database, db *sql.DB, p *proxy) {
		exec1(t, direct, "CREATE TABLE entry (id BIGINT NOT NULL PRIMARY KEY, at BIGINT NOT NULL)")
		waiter := newWaiter(t, newTicking())
		for id, arrives := range []bool{false, true} {
			p.onRequest(func(request []byte, l *link) bool {
				if !isCommit(request) {
					return true
				}
				if arrives {
					l.mute()
					_, _ = l.server.Write(request)
					<-l.answered
				}
				direct.server.kill()
				l.cut()
				return false
			})
			timestamp, err := epsilonsql.CommitWait(t.Context(), db, waiter, insert(id))
			p.onRequest(nil)
			require.ErrorIs(t, err, epsilonsql.ErrCommitUnknown)
			require.NotZero(t, timestamp)
			_, err = epsilonsql.CommitWait(t.Context(), db, waiter, insert(id))
			require.ErrorIs(t, err, commitwait.ErrNotBegun, "there is no server")
			direct.server.restart(t)
			want := 0
			if arrives {
				want = 1
			}
			require.Equal(t, want, entries(t, direct.again(t)))
		}
	})
}

func TestAWorkThatCommitsItself(t *testing.T) {
	eachWay(t, func(t *testing.T, db database, commit func(context.Context, *commitwait.Waiter, epsilonsql.Work, ...epsilonsql.CommitOption) (truetime.Time, error)) {
		waiter := newWaiter(t, newTicking())
		_, err := commit(t.Context(), waiter, func(ctx context.Context, tx *sql.Tx, at truetime.Time) error {
			return errors.Join(insert(1)(ctx, tx, at), tx.Commit())
		})
		require.ErrorIs(t, err, epsilonsql.ErrCommitUnknown)
		mistake := errors.New("and fails")
		_, err = commit(t.Context(), waiter, func(ctx context.Context, tx *sql.Tx, at truetime.Time) error {
			return errors.Join(insert(2)(ctx, tx, at), tx.Commit(), mistake)
		})
		require.ErrorIs(t, err, epsilonsql.ErrCommitUnknown)
		require.ErrorIs(t, err, mistake)
	})
}

// told is an error that has a type.
type told struct{ error }

func (t told) Unwrap() error { return t.error }

// What an error of the work says of an outcome is of something else that the work has done, such as a wait for a
// timestamp that it has read. What became of the transaction is what the error says first, and nothing beside it.
func TestWhatAWorkSaysOfAnOutcomeIsNotOfTheTransaction(t *testing.T) {
	outcomes := []error{commitwait.ErrNotBegun, commitwait.ErrNotPassed, epsilonsql.ErrRolledBack, epsilonsql.ErrCommitUnknown}
	eachWay(t, func(t *testing.T, db database, commit func(context.Context, *commitwait.Waiter, epsilonsql.Work, ...epsilonsql.CommitOption) (truetime.Time, error)) {
		waiter := newWaiter(t, newTicking())
		is := func(err, want, mistake error) {
			t.Helper()
			for _, outcome := range outcomes {
				require.Equal(t, outcome == want, errors.Is(err, outcome), "%v: %v", outcome, err)
			}
			require.ErrorIs(t, err, mistake)
			_, ok := errors.AsType[told](err)
			require.True(t, ok, "its own type is found")
		}
		for id, of := range outcomes {
			mistake := errors.New("a mistake")
			says := told{fmt.Errorf("%w: of another transaction: %w", of, mistake)}
			t.Run(of.Error(), func(t *testing.T) {
				timestamp, err := commit(t.Context(), waiter, func(ctx context.Context, tx *sql.Tx, at truetime.Time) error {
					return errors.Join(insert(id)(ctx, tx, at), says)
				})
				is(err, epsilonsql.ErrRolledBack, mistake)
				require.Zero(t, timestamp)
				require.Zero(t, entries(t, db.DB))

				timestamp, err = commit(t.Context(), waiter, insert(id), epsilonsql.WithTimestamp(
					func(context.Context, *sql.Tx) (truetime.Time, error) { return 0, says }))
				is(err, commitwait.ErrNotBegun, mistake)
				require.Zero(t, timestamp)
				require.Zero(t, entries(t, db.DB))

				var at truetime.Time
				timestamp, err = commit(t.Context(), waiter, func(ctx context.Context, tx *sql.Tx, own truetime.Time) error {
					at = own
					return errors.Join(insert(id)(ctx, tx, at), tx.Commit(), says)
				})
				is(err, epsilonsql.ErrCommitUnknown, mistake)
				require.Equal(t, at, timestamp, "so that it can be looked for")
				require.Equal(t, 1, entries(t, db.DB))
				exec1(t, db, "DELETE FROM entry")
			})
		}
	})
}

// A work that waits for a timestamp that is too far away, the way in which such an error comes about.
func TestAWorkThatWaitsItselfAndFails(t *testing.T) {
	eachWay(t, func(t *testing.T, db database, commit func(context.Context, *commitwait.Waiter, epsilonsql.Work, ...epsilonsql.CommitOption) (truetime.Time, error)) {
		waiter := newWaiter(t, newTicking())
		timestamp, err := commit(t.Context(), waiter, func(ctx context.Context, tx *sql.Tx, at truetime.Time) error {
			return errors.Join(insert(1)(ctx, tx, at), waiter.Until(ctx, at.Add(24*time.Hour)))
		})
		require.ErrorIs(t, err, epsilonsql.ErrRolledBack)
		require.ErrorIs(t, err, commitwait.ErrWaitTooLong)
		require.NotErrorIs(t, err, commitwait.ErrNotPassed)
		require.NotErrorIs(t, err, epsilonsql.ErrCommitUnknown)
		require.Zero(t, timestamp)
		require.Zero(t, entries(t, db.DB))
	})
}

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
