// Cron is the program of docs/guides/cron.md: of several processes one does a job when its time has come. Start it in
// several terminals, and stop one of them with Ctrl-Z for a while:
//
//	go run -C integrations/sql ./examples/cron -db /tmp/cron.db -server ntp1.example.net -server ntp2.example.net -server ntp3.example.net
package main

import (
	"context"
	"database/sql"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"time"

	_ "modernc.org/sqlite"

	epsilonsql "github.com/epsilontime/epsilon/integrations/sql"
	"github.com/epsilontime/epsilon/ntpsrc"
	"github.com/epsilontime/epsilon/truetime"
)

func main() {
	var servers []string
	flag.Func("server", "NTP server, `host[:port]`; repeat it for three or more", func(address string) error {
		servers = append(servers, address)
		return nil
	})
	path := flag.String("db", "cron.db", "`file` of the database, the same for all processes")
	every := flag.Duration("every", 20*time.Second, "how often the job is done")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, servers, *path, *every, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "cron:", err)
		os.Exit(1)
	}
}

// run is one process. It returns nil when ctx has ended.
func run(ctx context.Context, servers []string, path string, every time.Duration, out io.Writer) error {
	clock, err := truetime.New(ntpsrc.Servers(servers...))
	if err != nil {
		return err // every mistake in the configuration
	}
	defer clock.Close()
	if err := clock.WaitSynchronized(ctx, 100*time.Millisecond); err != nil {
		return err // which servers did not answer, and why
	}
	db, err := openDatabase(ctx, path)
	if err != nil {
		return err
	}
	defer db.Close()
	process := fmt.Sprint("process ", os.Getpid())
	w, err := newWorker(db, clock, process, func(_ context.Context, tick truetime.Time) (string, error) {
		fmt.Fprintln(out, "computing the prices of", tick)
		return fmt.Sprintf("of %v by %s", tick, process), nil
	})
	if err != nil {
		return err
	}
	w.work(ctx, every, func(tick truetime.Time, err error) { fmt.Fprintf(out, "%v: %v\n", tick, err) })
	return nil
}

// openDatabase opens a database of SQLite, and creates the tables that are not there.
func openDatabase(ctx context.Context, path string) (*sql.DB, error) {
	db, err := sql.Open("sqlite", "file:"+path+"?_pragma=busy_timeout(10000)&_txlock=immediate")
	if err != nil {
		return nil, err
	}
	if err = epsilonsql.CreateTables(ctx, db, epsilonsql.SQLite); err == nil { // of the leases and the fence
		_, err = db.ExecContext(ctx, `CREATE TABLE IF NOT EXISTS done (tick BIGINT NOT NULL);
			CREATE TABLE IF NOT EXISTS prices (id INTEGER PRIMARY KEY CHECK (id = 1), text TEXT NOT NULL)`)
	}
	if err != nil {
		db.Close()
		return nil, err
	}
	return db, nil
}
