package main

import (
	"bytes"
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/epsilontime/epsilon/commitwait"
	"github.com/epsilontime/epsilon/ntpsrc/ntptest"
	"github.com/epsilontime/epsilon/truetime"
	"github.com/epsilontime/epsilon/truetime/truetimetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestTheProgramRunsOnRealServers(t *testing.T) {
	var servers []string
	for range 3 {
		s := ntptest.NewServer(ntptest.Behavior{})
		defer s.Close()
		servers = append(servers, s.Address())
	}
	data := t.TempDir()
	var first, second bytes.Buffer
	require.NoError(t, run(t.Context(), servers, data, &first))
	require.Regexp(t, `^\S+ alice 10000\n\S+ alice -7000\n$`, first.String())
	require.NoError(t, run(t.Context(), servers, data, &second))
	require.Equal(t, first.String(), second.String(), "an entry that was booked before is booked once")
	require.ErrorContains(t, run(t.Context(), nil, data, &second), "no sources")
	require.ErrorContains(t, run(t.Context(), servers, filepath.Join(data, "nowhere"), &second), "unable to open database file")
}

const epsilon = 5 * time.Millisecond

// inBubble runs a test with two branches whose clocks are at the opposite ends of what they promise: north is ahead.
func inBubble(t *testing.T, test func(t *testing.T, north, south *branch)) {
	data := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		open := func(name string, offset time.Duration) *branch {
			b, err := openBranch(t.Context(), filepath.Join(data, name), truetimetest.NewFollowing(offset, epsilon))
			require.NoError(t, err)
			return b
		}
		north, south := open("north.db", epsilon), open("south.db", -epsilon)
		defer north.close()
		defer south.close()
		test(t, north, south)
	})
}

func TestWhatWasSeenFirstHasTheEarlierTimestamp(t *testing.T) {
	inBubble(t, func(t *testing.T, north, south *branch) {
		random := rand.New(rand.NewPCG(1, 2))
		var last truetime.Time
		for i := range 50 { // one after the other, here or there
			at, err := []*branch{north, south}[random.IntN(2)].book(t.Context(), entry{ID: fmt.Sprint(i), Account: "alice", Cents: int64(i)})
			require.NoError(t, err)
			require.Greater(t, at, last)
			last = at
		}
		all, err := statement(t.Context(), north, south)
		require.NoError(t, err)
		require.Len(t, all, 50)
		for i, e := range all {
			require.Equal(t, fmt.Sprint(i), e.ID)
		}
	})
}

// The story of the guide: the same without the wait.
func TestWithoutTheWaitMoneyIsPaidOutBeforeItWasPaidIn(t *testing.T) {
	inBubble(t, func(t *testing.T, north, south *branch) {
		hasty := func(b *branch, offset time.Duration, id string, cents int64) {
			now, err := truetimetest.NewFollowing(offset, epsilon).Now()
			require.NoError(t, err)
			_, err = b.db.ExecContext(t.Context(), "INSERT INTO entry (id, at, account, cents) VALUES (?, ?, ?, ?)", id, now.Latest, "alice", cents)
			require.NoError(t, err)
		}
		hasty(north, epsilon, "1", 10000)
		time.Sleep(3 * time.Millisecond)
		hasty(south, -epsilon, "2", -7000)
		all, err := statement(t.Context(), north, south)
		require.NoError(t, err)
		require.EqualValues(t, []int64{-7000, 10000}, []int64{all[0].Cents, all[1].Cents})
	})
}

func TestTransactionsOfOneBranchHaveTimestampsInTheirOrder(t *testing.T) {
	inBubble(t, func(t *testing.T, north, _ *branch) {
		var all sync.WaitGroup
		for i := range 10 {
			all.Go(func() {
				_, err := north.book(t.Context(), entry{ID: fmt.Sprint(i), Account: "alice", Cents: 1})
				require.NoError(t, err)
			})
		}
		all.Wait()
		rows, err := north.db.QueryContext(t.Context(), "SELECT at FROM entry ORDER BY rowid")
		require.NoError(t, err)
		defer rows.Close()
		var last truetime.Time
		for rows.Next() {
			var at truetime.Time
			require.NoError(t, rows.Scan(&at))
			require.Greater(t, at, last)
			last = at
		}
		require.NotZero(t, last)
	})
}

// The answer to a COMMIT is lost. Nobody knows what came of it, and the next try finds out.
func TestAnEntryWhoseCommitIsUnknownIsBookedOnce(t *testing.T) {
	inBubble(t, func(t *testing.T, north, _ *branch) {
		deaf := &lossy{Connector: connectorOf(north.db, filepath.Join(t.TempDir(), "deaf.db")), lose: 2}
		db := sql.OpenDB(deaf)
		branch, err := newBranch(t.Context(), db, truetimetest.NewFollowing(0, epsilon))
		require.NoError(t, err)
		defer branch.close()
		at, err := branch.book(t.Context(), entry{ID: "1", Account: "alice", Cents: 10000})
		require.NoError(t, err)
		require.Zero(t, deaf.lose)
		all, err := branch.entries(t.Context())
		require.NoError(t, err)
		require.Equal(t, []entry{{"1", at, "alice", 10000}}, all)
		require.Less(t, at, truetime.FromStd(time.Now()).Add(-2*epsilon), "of the first try")
	})
}

func TestWhenTheClockRefusesNothingIsBooked(t *testing.T) {
	db, err := sql.Open("sqlite", filepath.Join(t.TempDir(), "north.db"))
	require.NoError(t, err)
	clock := truetimetest.NewManual(1_800_000_000_000_000_000, epsilon)
	branch, err := newBranch(t.Context(), db, clock)
	require.NoError(t, err)
	defer branch.close()
	clock.Disrupt()
	_, err = branch.book(t.Context(), entry{ID: "1", Account: "alice", Cents: 10000})
	require.ErrorIs(t, err, commitwait.ErrNotBegun)
	require.ErrorIs(t, err, truetime.ErrNotSynchronized)
	all, err := branch.entries(t.Context())
	require.NoError(t, err)
	require.Empty(t, all)
}

// connector opens connections of a driver.
type connector struct {
	driver driver.Driver
	name   string
}

func connectorOf(db *sql.DB, path string) driver.Connector {
	return connector{db.Driver(), "file:" + path + "?_txlock=immediate"}
}
func (c connector) Connect(context.Context) (driver.Conn, error) { return c.driver.Open(c.name) }
func (c connector) Driver() driver.Driver                        { return c.driver }

// lossy loses the answers to some of the first commits.
type lossy struct {
	driver.Connector
	lose int
}

func (l *lossy) Connect(ctx context.Context) (driver.Conn, error) {
	conn, err := l.Connector.Connect(ctx)
	return lossyConn{conn, l}, err
}

type lossyConn struct {
	driver.Conn
	lossy *lossy
}

func (c lossyConn) BeginTx(ctx context.Context, options driver.TxOptions) (driver.Tx, error) {
	tx, err := c.Conn.(driver.ConnBeginTx).BeginTx(ctx, options)
	return lossyTx{tx, c.lossy}, err
}

type lossyTx struct {
	driver.Tx
	lossy *lossy
}

func (t lossyTx) Commit() error {
	if err := t.Tx.Commit(); err != nil || t.lossy.lose == 0 {
		return err
	}
	t.lossy.lose--
	return driver.ErrBadConn
}
