package epsilonsql_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
	_ "github.com/jackc/pgx/v5/stdlib"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	_ "modernc.org/sqlite"

	epsilonsql "github.com/epsilontime/epsilon/integrations/sql"
)

func TestMain(m *testing.M) {
	_ = mysql.SetLogger(&mysql.NopLogger{}) // it tells of every connection that a test cuts
	code := m.Run()
	for _, s := range []*server{postgres, mariadb} {
		s.remove()
	}
	if code == 0 {
		if err := goleak.Find(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	os.Exit(code)
}

// server is one real database server, started by the first test that needs it and stopped by TestMain.
// It listens on a socket in a folder of its own and on no port, so nobody else can be in its way.
type server struct {
	name, debian string
	user         string // who runs it where the tests are run by root, which both refuse to be run by
	binaries     []string
	driver       string
	install      func(s *server) *exec.Cmd // makes the data directory
	run          func(s *server) *exec.Cmd
	socket       string                               // in the folder
	dataSource   func(folder, database string) string // of a server whose socket is in the folder
	system       string                               // the database that is there from the start

	once    sync.Once
	problem error // why it could not be started
	missing error // what is not installed

	folder    string
	mu        sync.Mutex // a proxy's goroutine may kill the process
	process   *serverProcess
	databases int
}

// serverProcess is one that somebody waits for.
type serverProcess struct {
	*os.Process
	ended chan struct{}
}

func (p *serverProcess) hasEnded() bool {
	select {
	case <-p.ended:
		return true
	default:
		return false
	}
}

func (p *serverProcess) end(by os.Signal) {
	_ = p.Signal(by)
	<-p.ended
}

const startLimit = 3 * time.Minute // for a machine that is busy; a second is usual

var postgres = &server{
	name: "PostgreSQL", debian: "postgresql-15", user: "postgres", driver: "pgx", system: "postgres",
	binaries: []string{postgresBinary("initdb"), postgresBinary("postgres")},
	install: func(s *server) *exec.Cmd {
		return exec.Command(postgresBinary("initdb"), "--no-sync", "--auth=trust", "--username=postgres", "--encoding=UTF8", "--pgdata="+s.data())
	},
	run: func(s *server) *exec.Cmd {
		return exec.Command(postgresBinary("postgres"), "-D", s.data(), "-k", s.folder, "-c", "listen_addresses=",
			"-c", "fsync=off", "-c", "full_page_writes=off", "-c", "shared_buffers=16MB", "-c", "max_wal_senders=0")
	},
	socket: ".s.PGSQL.5432",
	dataSource: func(folder, database string) string {
		return "host=" + folder + " port=5432 user=postgres dbname=" + database
	},
}

var mariadb = &server{
	name: "MariaDB", debian: "mariadb-server", user: "mysql", driver: "mysql", system: "mysql",
	binaries: []string{"mariadb-install-db", "/usr/sbin/mariadbd"},
	install: func(s *server) *exec.Cmd {
		return exec.Command("mariadb-install-db", "--no-defaults", "--auth-root-authentication-method=normal", "--skip-test-db", "--datadir="+s.data())
	},
	run: func(s *server) *exec.Cmd {
		return exec.Command("/usr/sbin/mariadbd", "--no-defaults", "--datadir="+s.data(), "--socket="+filepath.Join(s.folder, s.socket),
			"--pid-file="+filepath.Join(s.folder, "pid"), "--skip-networking",
			"--innodb-flush-log-at-trx-commit=2", // written to the kernel and not to the disk: what 0 loses by kill -9
			"--innodb-buffer-pool-size=16M",
			"--innodb-log-file-size=8M")
	},
	socket: "socket",
	dataSource: func(folder, database string) string {
		return "root@unix(" + filepath.Join(folder, "socket") + ")/" + database
	},
}

// postgresBinary is where Debian puts those of the server: not in the PATH.
func postgresBinary(name string) string { return "/usr/lib/postgresql/15/bin/" + name }

func (s *server) data() string { return filepath.Join(s.folder, "data") }
func (s *server) log() string  { return filepath.Join(s.folder, "log") }

// start starts the server once, and ends the test if there is none.
func (s *server) start(t testing.TB) {
	t.Helper()
	s.once.Do(func() {
		for _, binary := range s.binaries {
			if _, err := exec.LookPath(binary); err != nil {
				s.missing = fmt.Errorf("%s is not installed: apt-get install %s: %w", s.name, s.debian, err)
				return
			}
		}
		if s.problem = s.makeFolder(); s.problem != nil {
			return
		}
		install := s.install(s)
		s.own(install)
		if output, err := install.CombinedOutput(); err != nil {
			s.problem = fmt.Errorf("%v: %w\n%s", install.Args, err, output)
			return
		}
		s.problem = s.launch()
	})
	if s.missing != nil {
		if os.Getenv("EPSILON_REQUIRE_DAEMONS") == "1" {
			t.Fatalf("%v (EPSILON_REQUIRE_DAEMONS=1 forbids skipping)", s.missing)
		}
		t.Skip(s.missing)
	}
	require.NoError(t, s.problem)
}

func (s *server) makeFolder() error {
	var err error
	// Below /tmp, whatever TMPDIR is: the path of a socket has at most 107 bytes.
	if s.folder, err = os.MkdirTemp("/tmp", "epsilonsql"); err != nil {
		return err
	}
	if os.Geteuid() != 0 {
		return nil
	}
	uid, gid, err := ids(s.user)
	if err != nil {
		return err
	}
	return os.Chown(s.folder, int(uid), int(gid))
}

func ids(name string) (uid, gid uint32, err error) {
	u, err := user.Lookup(name)
	if err != nil {
		return 0, 0, err
	}
	uid64, err1 := strconv.ParseUint(u.Uid, 10, 32)
	gid64, err2 := strconv.ParseUint(u.Gid, 10, 32)
	return uint32(uid64), uint32(gid64), errors.Join(err1, err2)
}

// begin runs the server on its data.
func (s *server) begin() error {
	log, err := os.OpenFile(s.log(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	command := s.run(s)
	command.Stdout, command.Stderr = log, log
	s.own(command)
	if err := command.Start(); err != nil {
		return err
	}
	begun := &serverProcess{command.Process, make(chan struct{})}
	go func() {
		_ = command.Wait()
		close(begun.ended)
	}()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.process = begun
	return nil
}

// launch runs the server, and waits until it answers. It runs it again if it ends, as PostgreSQL does if it finds that
// one that was killed is not quite gone.
func (s *server) launch() error {
	db, err := sql.Open(s.driver, s.dataSource(s.folder, s.system))
	if err != nil {
		return err
	}
	defer db.Close()
	for deadline := time.Now().Add(startLimit); ; time.Sleep(10 * time.Millisecond) {
		if s.process == nil || s.process.hasEnded() {
			if err := s.begin(); err != nil {
				return err
			}
		}
		if err = db.PingContext(context.Background()); err == nil {
			return nil
		}
		if time.Now().After(deadline) {
			log, _ := os.ReadFile(s.log())
			return fmt.Errorf("%s does not answer: %w\n%s", s.name, err, log)
		}
	}
}

// restart starts it again after kill.
func (s *server) restart(t testing.TB) {
	t.Helper()
	require.NoError(t, s.launch())
}

func (s *server) remove() {
	if s.process != nil {
		now := syscall.SIGQUIT // of PostgreSQL: at once
		if s == mariadb {
			now = syscall.SIGKILL
		}
		s.process.end(now)
	}
	if s.folder != "" {
		_ = os.RemoveAll(s.folder)
	}
}

// database is a new database, on a server or in a file.
type database struct {
	*sql.DB
	dialect epsilonsql.Dialect
	server  *server // nil for SQLite
	name    string  // on the server, or the path of the file
	driver  string
	source  string
}

// each runs a test on a new database of each kind.
func each(t *testing.T, test func(t *testing.T, db database)) {
	t.Helper()
	for _, dialect := range []epsilonsql.Dialect{epsilonsql.PostgreSQL, epsilonsql.MySQL, epsilonsql.SQLite} {
		t.Run(dialect.String(), func(t *testing.T) { test(t, newDatabase(t, dialect)) })
	}
}

// newDatabase returns a new database with our tables.
func newDatabase(t testing.TB, dialect epsilonsql.Dialect) database {
	t.Helper()
	db := newEmptyDatabase(t, dialect)
	require.NoError(t, epsilonsql.CreateTables(t.Context(), db.DB, dialect))
	return db
}

func newEmptyDatabase(t testing.TB, dialect epsilonsql.Dialect) database {
	t.Helper()
	d := database{dialect: dialect}
	switch dialect {
	case epsilonsql.SQLite:
		d.name, d.driver = filepath.Join(t.TempDir(), "data"), "sqlite"
		d.source = "file:" + d.name + "?_pragma=busy_timeout(60000)&_pragma=journal_mode(WAL)&_pragma=synchronous(OFF)&_pragma=foreign_keys(ON)"
	case epsilonsql.PostgreSQL:
		d.server = postgres
	case epsilonsql.MySQL:
		d.server = mariadb
	}
	if d.server != nil {
		d.server.start(t)
		d.server.databases++
		d.name, d.driver = fmt.Sprintf("test%d", d.server.databases), d.server.driver
		d.source = d.server.dataSource(d.server.folder, d.name)
		system := open(t, d.driver, d.server.dataSource(d.server.folder, d.server.system))
		exec1(t, system, "CREATE DATABASE "+d.name)
	}
	d.DB = open(t, d.driver, d.source)
	return d
}

// withOptions returns the same database, on connections with options that change how statements are sent, or
// what comes back.
func (d database) withOptions(t testing.TB, options string) database {
	t.Helper()
	require.NoError(t, d.Close())
	d.source = strings.Replace(d.source, "&_pragma=journal_mode(WAL)", "", 1) + options // which the file remembers
	d.DB = open(t, d.driver, d.source)
	return d
}

func open(t testing.TB, driver, source string) *sql.DB {
	t.Helper()
	db, err := sql.Open(driver, source)
	require.NoError(t, err)
	db.SetMaxIdleConns(16)               // to connect costs PostgreSQL a process
	t.Cleanup(func() { _ = db.Close() }) // an error where the server was killed
	return db
}

// again opens the same database as another process would.
func (d database) again(t testing.TB) *sql.DB {
	t.Helper()
	return open(t, d.driver, d.source)
}

// executor is a sql.DB, Conn or Tx.
type executor interface {
	ExecContext(ctx context.Context, statement string, parameters ...any) (sql.Result, error)
}

// exec1 executes a statement that must succeed.
func exec1(t testing.TB, on executor, statement string, parameters ...any) {
	t.Helper()
	_, err := on.ExecContext(t.Context(), statement, parameters...)
	require.NoError(t, err, statement)
}
