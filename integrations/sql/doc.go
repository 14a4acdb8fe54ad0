// Package epsilonsql keeps leases, fences and bounds of hybrid logical clocks in an SQL database, and gives
// transactions timestamps whose order is that of true time. It works on database/sql with PostgreSQL, MySQL
// or MariaDB, and SQLite, by whatever driver the program has chosen.
//
//	err := epsilonsql.CreateTables(ctx, db, epsilonsql.PostgreSQL) // or migrations with Dialect.Schema
//
// Leases: who of many may act ([LeaseStore]), and the fence, by which the database itself refuses a holder
// of the past ([Admit]).
//
//	store, err := epsilonsql.NewLeaseStore(db, epsilonsql.PostgreSQL)
//	candidate, err := lease.NewCandidate(clock, store, "compactor", 10*time.Second)
//	held, err := candidate.Acquire(ctx)
//
//	tx, err := db.BeginTx(ctx, nil)
//	err = epsilonsql.Admit(ctx, tx, epsilonsql.PostgreSQL, "compactor", held.Token()) // first of all
//	_, err = tx.ExecContext(ctx, "UPDATE …")
//	err = tx.Commit()
//
// Hybrid logical clocks: timestamps that go on after a crash ([HLCStore]).
//
//	store, err := epsilonsql.NewHLCStore(db, epsilonsql.PostgreSQL, "node 7")
//	clock, err := hlc.Open(ctx, intervals, store)
//
// Commit-wait: a timestamp within the transaction, that has passed everywhere when the caller is told
// ([CommitWait]), or when anybody can see what was written ([WaitCommit]).
//
//	timestamp, err := epsilonsql.CommitWait(ctx, db, waiter, func(ctx context.Context, tx *sql.Tx, timestamp truetime.Time) error {
//		_, err := tx.ExecContext(ctx, "INSERT INTO entry (at, text) VALUES ($1, $2)", timestamp, text)
//		return err
//	})
//
// Columns: a [truetime.Time] and an [hlc.Timestamp] are each a BIGINT, whose order is theirs. An interval is a
// [Range] in PostgreSQL, and two columns elsewhere.
//
// The folder examples has two programs: transactions of two databases in one order, and a cron that runs once.
//
// # What you must do
//
//   - Let Admit be the first thing in every transaction of a holder, and roll back if it returns an error.
//   - Talk to the primary, not to a standby, and to a database that keeps what it has confirmed:
//     synchronous_commit = on in PostgreSQL, innodb_flush_log_at_trx_commit = 1 in MySQL and MariaDB and,
//     where they have a binary log, sync_binlog = 1, and synchronous = FULL in SQLite. Look at them: MariaDB
//     has sync_binlog = 0 by default, and mattn/go-sqlite3 sets synchronous = NORMAL when it opens a database,
//     unless the data source has _sync=FULL. A standby that may be promoted must be a synchronous one.
//   - In a Galera cluster have all processes use one node. With wsrep_sync_wait = 1 the stores can do with
//     several, but not Admit, nor timestamps that are taken under locks: a row is locked on the one node only,
//     and a lock that is shared is not in what the nodes tell each other.
//   - Never delete a row of these tables, and do not restore them to an earlier state: tokens and timestamps
//     would begin again.
//   - In PostgreSQL raise the token at READ COMMITTED, which is the default, and have any server end
//     transactions that are idle: see [Admit].
//   - Give each hybrid logical clock a name of its own, and the same one after a restart.
//   - Where CommitWait is used, have readers heed timestamps that have not passed; otherwise use WaitCommit.
//   - After [ErrCommitUnknown] look whether the transaction is there. Nothing else can tell.
//   - Give contexts deadlines. Where a driver does not heed them everywhere, give it time limits of its own,
//     such as readTimeout and writeTimeout of go-sql-driver.
//
// # What is promised
//
// As long as the database keeps what it has confirmed:
//
//   - LeaseStore is a linearizable [lease.Store], and HLCStore an [hlc.Store]: packages leasetest and hlctest
//     test them on real servers.
//   - When Admit has returned nil, no transaction with a higher token has been admitted before, and none will
//     be until this one has ended. This one sees all that those with lower tokens have written. In PostgreSQL
//     a token is raised at READ COMMITTED only; in the others any isolation level will do.
//   - No request that was given up, by this process or by one that has died, changes a bound after a later
//     Save or Load has returned.
//   - CommitWait and WaitCommit return no error only after COMMIT was confirmed and the timestamp has passed.
//     Their errors never say rolled back where something may be committed.
//   - No goroutine is left behind, and no connection is given back with a transaction open on it.
//
// # What this does not promise
//
//   - That a successor is admitted at once. It waits for the transactions that were admitted before, those of
//     a paused process too, until they end or the server ends them. In PostgreSQL transactions of the
//     predecessor that overlap each other without a gap can keep it waiting for longer.
//   - Anything when a database was restored from a backup, or a standby was promoted that lacks what its
//     primary had confirmed.
//   - That the timestamps of transactions which write the same rows are in the order in which the database has
//     serialized them, unless they are taken under the locks and, with CommitWait in several processes, after
//     those that the locked rows have: see [WithTimestamp]. Rows that are only read have to be locked as well.
//   - That errors are told apart with any driver. Known are those of pgx and pq, go-sql-driver/mysql, and of
//     modernc.org and mattn for SQLite. With another one there is its own error alone, and [ErrCommitUnknown]
//     where it might have been ErrRolledBack.
package epsilonsql
