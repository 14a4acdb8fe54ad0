package epsilonsql_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/commitwait"
	epsilonsql "github.com/epsilontime/epsilon/integrations/sql"
	"github.com/epsilontime/epsilon/truetime"
)

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
