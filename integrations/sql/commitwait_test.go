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
