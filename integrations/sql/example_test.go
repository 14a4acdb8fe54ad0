package epsilonsql_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/epsilontime/epsilon/commitwait"
	epsilonsql "github.com/epsilontime/epsilon/integrations/sql"
	"github.com/epsilontime/epsilon/lease"
	"github.com/epsilontime/epsilon/truetime"
)

// wallClock stands in for a truetime.Clock, so that the examples need no network: it believes that the
// machine's clock is right within 1 ms, which a program must not.
type wallClock struct{}

func (wallClock) Now() (truetime.Interval, error) {
	now := truetime.FromStd(time.Now())
	return truetime.Interval{Earliest: now.Add(-time.Millisecond), Latest: now.Add(time.Millisecond)}, nil
}

// openExample opens a new database of SQLite. With PostgreSQL and MySQL the same is written.
func openExample() (db *sql.DB, remove func()) {
	folder, err := os.MkdirTemp("", "example")
	if err != nil {
		panic(err)
	}
	db, err = sql.Open("sqlite", "file:"+filepath.Join(folder, "data")+"?_pragma=busy_timeout(10000)")
	if err != nil {
		panic(err)
	}
	return db, func() {
		db.Close()
		os.RemoveAll(folder)
	}
}

// A holder of the past is refused by the database, in the transaction by which it would write.
func ExampleAdmit() {
	ctx := context.Background()
	db, remove := openExample()
	defer remove()
	if err := epsilonsql.CreateTables(ctx, db, epsilonsql.SQLite); err != nil {
		fmt.Println(err)
		return
	}
	store, err := epsilonsql.NewLeaseStore(db, epsilonsql.SQLite)
	if err != nil {
		fmt.Println(err)
		return
	}
	acquire := func(holder string) lease.Token {
		candidate, err := lease.NewCandidate(wallClock{}, store, "compactor", time.Minute, lease.WithHolder(holder))
		if err != nil {
			panic(err)
		}
		held, err := candidate.Acquire(ctx)
		if err != nil {
			panic(err)
		}
		defer held.Release(ctx)
		return held.Token()
	}
	compact := func(token lease.Token) error {
		tx, err := db.BeginTx(ctx, nil)
		if err != nil {
			return err
		}
		defer tx.Rollback()
		if err := epsilonsql.Admit(ctx, tx, epsilonsql.SQLite, "compactor", token); err != nil {
			return err
		}
		// … what is to be written
		return tx.Commit()
	}

	alice, bob := acquire("alice"), acquire("bob") // alice has been paused since, and does not know
	fmt.Println("bob writes:", compact(bob))
	fmt.Println("alice is refused:", errors.Is(compact(alice), lease.ErrStaleToken))
	// Output:
	// bob writes: <nil>
	// alice is refused: true
}

func ExampleCommitWait() {
	ctx, clock := context.Background(), wallClock{}
	db, remove := openExample()
	defer remove()
	if _, err := db.ExecContext(ctx, "CREATE TABLE entry (at BIGINT NOT NULL, text VARCHAR(100) NOT NULL)"); err != nil {
		fmt.Println(err)
		return
	}
	waiter, err := commitwait.NewWaiter(clock)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer waiter.Close()

	timestamp, err := epsilonsql.CommitWait(ctx, db, waiter, func(ctx context.Context, tx *sql.Tx, timestamp truetime.Time) error {
		_, err := tx.ExecContext(ctx, "INSERT INTO entry (at, text) VALUES (?, ?)", timestamp, "paid")
		return err
	})
	switch {
	case errors.Is(err, commitwait.ErrNotBegun), errors.Is(err, epsilonsql.ErrRolledBack):
		fmt.Println("nothing was written:", err)
	case errors.Is(err, epsilonsql.ErrCommitUnknown):
		fmt.Println("look for the row with the timestamp", timestamp, "before trying again:", err)
	case errors.Is(err, commitwait.ErrNotPassed):
		fmt.Println("written, but not to be told yet:", err)
	default:
		now, err := clock.Now()
		fmt.Println("written, and later than its timestamp on every machine:", err == nil && now.After(timestamp))
	}
	// Output: written, and later than its timestamp on every machine: true
}
