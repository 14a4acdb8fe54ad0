package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	epsilonsql "github.com/epsilontime/epsilon/integrations/sql"
	"github.com/epsilontime/epsilon/lease"
	"github.com/epsilontime/epsilon/ntpsrc/ntptest"
	"github.com/epsilontime/epsilon/truetime"
	"github.com/epsilontime/epsilon/truetime/truetimetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// waiting is a writer that ends a context when a text is written.
type waiting struct {
	text string
	end  context.CancelFunc
}

func (w waiting) Write(b []byte) (int, error) {
	if strings.Contains(string(b), w.text) {
		w.end()
	}
	return len(b), nil
}

func TestTheProgramRunsOnRealServers(t *testing.T) {
	var servers []string
	for range 3 {
		s := ntptest.NewServer(ntptest.Behavior{})
		defer s.Close()
		servers = append(servers, s.Address())
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	out := waiting{"computing the prices of 20", cancel}
	require.NoError(t, run(ctx, servers, filepath.Join(t.TempDir(), "cron.db"), 2*time.Second, out))
	require.ErrorContains(t, run(t.Context(), nil, "", time.Second, out), "no sources")
}

const epsilon = 5 * time.Millisecond

// pausable is the clock of a process that can be stopped: whoever looks at it then does so when the process goes on.
type pausable struct {
	truetime.Reader
	mu    sync.Mutex
	until time.Time
}

func (p *pausable) Now() (truetime.Interval, error) {
	p.mu.Lock()
	until := p.until
	p.mu.Unlock()
	time.Sleep(time.Until(until))
	return p.Reader.Now()
}

func (p *pausable) pause(d time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.until = time.Now().Add(d)
}

// process is a worker with a clock that is off by a part of what it promises, and a connection of its own.
type process struct {
	*worker
	clock *pausable
}

func start(t *testing.T, path, name string, offset time.Duration) process {
	db, err := openDatabase(t.Context(), path)
	require.NoError(t, err)
	t.Cleanup(func() { db.Close() })
	clock := &pausable{Reader: truetimetest.NewFollowing(offset, epsilon)}
	w, err := newWorker(db, clock, name, func(_ context.Context, tick truetime.Time) (string, error) { return name, nil })
	require.NoError(t, err)
	return process{w, clock}
}

func prices(t *testing.T, db *sql.DB) (text string) {
	require.NoError(t, db.QueryRowContext(t.Context(), "SELECT text FROM prices").Scan(&text))
	return text
}

func count(t *testing.T, db *sql.DB) (ticks, rows int) {
	require.NoError(t, db.QueryRowContext(t.Context(), "SELECT COUNT(DISTINCT tick), COUNT(*) FROM done").Scan(&ticks, &rows))
	return ticks, rows
}

// Three processes, of which each fails or is stopped now and then, do every job once.
func TestEveryTickIsDoneOnce(t *testing.T) {
	for seed := range uint64(2) {
		path := filepath.Join(t.TempDir(), fmt.Sprint(seed))
		synctest.Test(t, func(t *testing.T) {
			var mu sync.Mutex
			computed := map[truetime.Time]int{}
			ctx, stop := context.WithCancel(t.Context())
			var all sync.WaitGroup
			var db *sql.DB
			for i, offset := range []time.Duration{-epsilon, 0, epsilon} {
				p := start(t, path, fmt.Sprint(i), offset)
				db = p.db
				p.compute = func(ctx context.Context, tick truetime.Time) (string, error) {
					mu.Lock()
					attempt := computed[tick]
					computed[tick]++
					mu.Unlock()
					random := rand.New(rand.NewPCG(seed, uint64(tick)+uint64(attempt)))
					switch what := random.IntN(3); {
					case what == 0 && attempt < 2:
						return "", errors.New("the computation failed")
					case what == 1 && attempt < 2: // stopped, and out again in the middle of what it does
						p.clock.pause(20*time.Second + time.Millisecond)
						time.Sleep(20 * time.Second)
					default:
						time.Sleep(time.Duration(random.Int64N(int64(5 * time.Second))))
					}
					return "", nil
				}
				all.Go(func() { p.work(ctx, time.Minute, func(truetime.Time, error) {}) })
			}
			time.Sleep(8*time.Minute - time.Second) // a bubble begins at midnight, and so with a tick
			stop()
			all.Wait()
			ticks, rows := count(t, db)
			require.Equal(t, []int{8, 8}, []int{ticks, rows}, "seed %d: the ticks that were done, and how often", seed)
			attempts := 0
			for _, n := range computed {
				attempts += n
			}
			require.Greater(t, attempts, ticks, "seed %d: nothing has gone wrong", seed)
		})
	}
}

func TestTheDatabaseRefusesAProcessThatWasStopped(t *testing.T) {
	path := filepath.Join(t.TempDir(), "db")
	synctest.Test(t, func(t *testing.T) {
		alice, bob := start(t, path, "alice", epsilon), start(t, path, "bob", -epsilon)
		alice.compute = func(context.Context, truetime.Time) (string, error) {
			alice.clock.pause(time.Hour + time.Millisecond)
			time.Sleep(time.Hour) // she goes on before anything in her process has looked at the clock
			return "old prices", nil
		}
		tick := truetime.FromStd(time.Now())
		result := make(chan error)
		go func() { result <- alice.do(t.Context(), tick, 2*time.Hour) }()
		time.Sleep(time.Second)
		require.NoError(t, bob.do(t.Context(), tick, time.Minute))
		require.NoError(t, bob.do(t.Context(), tick.Add(time.Minute), time.Minute))
		require.ErrorIs(t, <-result, lease.ErrStaleToken)
		require.Equal(t, "bob", prices(t, bob.db))
		ticks, rows := count(t, bob.db)
		require.Equal(t, []int{2, 2}, []int{ticks, rows})
	})
}

// The story of the guide: the same without the fence.
func TestWithoutTheFenceOldPricesComeBack(t *testing.T) {
	path := filepath.Join(t.TempDir(), "db")
	synctest.Test(t, func(t *testing.T) {
		alice, bob := start(t, path, "alice", epsilon), start(t, path, "bob", -epsilon)
		held, err := alice.candidate.Acquire(t.Context())
		require.NoError(t, err)
		err = held.Do(t.Context(), func(ctx context.Context, _ lease.Token) error {
			alice.clock.pause(time.Hour + time.Millisecond)
			time.Sleep(time.Minute)
			require.NoError(t, bob.do(t.Context(), truetime.FromStd(time.Now()), time.Minute))
			time.Sleep(59 * time.Minute)
			_, err := alice.db.ExecContext(ctx, "REPLACE INTO prices (id, text) VALUES (1, 'old prices')")
			return err
		})
		require.ErrorContains(t, err, "work outlived the lease", "she is told, and too late")
		require.Equal(t, "old prices", prices(t, bob.db))
		require.NoError(t, held.Close())
	})
}

func TestWhatIsWrongWithTheDatabaseIsToldAtOnce(t *testing.T) {
	_, err := openDatabase(t.Context(), filepath.Join(t.TempDir(), "nowhere", "db"))
	require.ErrorContains(t, err, "unable to open database file")
	synctest.Test(t, func(t *testing.T) {
		db, err := sql.Open("sqlite", ":memory:")
		require.NoError(t, err)
		defer db.Close()
		w, err := newWorker(db, truetimetest.NewFollowing(0, epsilon), "alice", nil)
		require.NoError(t, err)
		require.ErrorIs(t, w.do(t.Context(), truetime.FromStd(time.Now()), time.Hour), epsilonsql.ErrNoTable)
	})
}
