package epsilonsql_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/commitwait"
	epsilonsql "github.com/epsilontime/epsilon/integrations/sql"
	"github.com/epsilontime/epsilon/truetime"
)

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
