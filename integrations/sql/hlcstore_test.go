package epsilonsql_test

import (
	"context"
	"database/sql"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/hlc"
	"github.com/epsilontime/epsilon/hlc/hlctest"
	epsilonsql "github.com/epsilontime/epsilon/integrations/sql"
)

func newHLCStore(t testing.TB, db *sql.DB, dialect epsilonsql.Dialect, name string) *epsilonsql.HLCStore {
	t.Helper()
	store, err := epsilonsql.NewHLCStore(db, dialect, name)
	require.NoError(t, err)
	return store
}

func TestHLCStorePassesTheSuite(t *testing.T) {
	each(t, func(t *testing.T, db database) {
		hlctest.TestStore(t, func(t *testing.T) hlc.Store {
			return newHLCStore(t, db.DB, db.dialect, t.Name())
		})
	})
}

func TestClocksHaveARowEach(t *testing.T) {
	each(t, func(t *testing.T, db database) {
		names := []string{"a", "A", "a ", "a\x00", "\xff\xfe", "é"}
		for i, name := range names {
			require.NoError(t, newHLCStore(t, db.DB, db.dialect, name).Save(t.Context(), hlc.Timestamp(i+1)), "%q", name)
		}
		for i, name := range names {
			bound, err := newHLCStore(t, db.DB, db.dialect, name).Load(t.Context())
			require.NoError(t, err, "%q", name)
			require.Equal(t, hlc.Timestamp(i+1), bound, "%q", name)
		}
	})
}

// The same node is started twice. The one that was first is out.
func TestTheSecondClockLocksOutTheFirst(t *testing.T) {
	each(t, func(t *testing.T, db database) {
		first, second := newHLCStore(t, db.DB, db.dialect, "node"), newHLCStore(t, db.again(t), db.dialect, "node")
		_, err := first.Load(t.Context())
		require.NoError(t, err)
		require.NoError(t, first.Save(t.Context(), 100))

		bound, err := second.Load(t.Context())
		require.NoError(t, err)
		require.Equal(t, hlc.Timestamp(100), bound)
		for range 2 {
			require.ErrorIs(t, first.Save(t.Context(), 200), hlc.ErrInUse)
		}
		require.NoError(t, second.Save(t.Context(), 150))
		require.Equal(t, int64(150), bound1(t, db, "node"))

		bound, err = first.Load(t.Context()) // it is started again
		require.NoError(t, err)
		require.Equal(t, hlc.Timestamp(150), bound)
		require.ErrorIs(t, second.Save(t.Context(), 300), hlc.ErrInUse)
		require.NoError(t, first.Save(t.Context(), 301))
	})
}

// bound1 looks at a bound and takes nothing over.
func bound1(t testing.TB, db database, name string) (bound int64) {
	t.Helper()
	parameter := "?"
	if db.dialect == epsilonsql.PostgreSQL {
		parameter = "$1"
	}
	require.NoError(t, db.QueryRowContext(t.Context(), "SELECT bound FROM epsilon_hlc WHERE name = "+parameter, []byte(name)).Scan(&bound))
	return bound
}

// behindProxy runs a test on those databases that have a network between them and their clients.
func behindProxy(t *testing.T, test func(t *testing.T, direct database, through *sql.DB, p *proxy)) {
	t.Helper()
	for _, dialect := range []epsilonsql.Dialect{epsilonsql.PostgreSQL, epsilonsql.MySQL} {
		t.Run(dialect.String(), func(t *testing.T) {
			direct := newDatabase(t, dialect)
			db, p := through(t, direct)
			test(t, direct, db, p)
		})
	}
}

// giveUp saves a bound, gives that up while the request is under way, and returns the request.
func giveUp(t *testing.T, store hlc.Store, p *proxy, bound hlc.Timestamp) held {
	t.Helper()
	found := p.hold(0)
	ctx, cancel := context.WithCancel(t.Context())
	saved := make(chan error)
	go func() { saved <- store.Save(ctx, bound) }()
	late := <-found
	cancel()
	require.Error(t, <-saved)
	return late
}

// A Save times out at its client while the request is on its way. The clock saves its last bound, is closed,
// and is told that it was saved. Then the request comes to the server.
func TestASaveThatComesLateChangesNothing(t *testing.T) {
	behindProxy(t, func(t *testing.T, direct database, db *sql.DB, p *proxy) {
		store := newHLCStore(t, db, direct.dialect, "node")
		require.NoError(t, store.Save(t.Context(), 100)) // prepares the statement, too
		late := giveUp(t, store, p, 200)
		require.NoError(t, store.Save(t.Context(), 150))
		late.arrive(t)
		require.Equal(t, int64(150), bound1(t, direct, "node"))
		require.NoError(t, store.Save(t.Context(), 300))
		require.Equal(t, int64(300), bound1(t, direct, "node"))
	})
}

// The process dies after that, and the request comes when the next one has loaded the bound.
func TestASaveOfADeadProcessChangesNothing(t *testing.T) {
	behindProxy(t, func(t *testing.T, direct database, db *sql.DB, p *proxy) {
		dead := newHLCStore(t, db, direct.dialect, "node")
		require.NoError(t, dead.Save(t.Context(), 100))
		late := giveUp(t, dead, p, 50) // as a clock that is closed saves it
		next := newHLCStore(t, direct.DB, direct.dialect, "node")
		bound, err := next.Load(t.Context())
		require.NoError(t, err)
		require.Equal(t, hlc.Timestamp(100), bound)
		late.arrive(t)
		require.Equal(t, int64(100), bound1(t, direct, "node"))
		require.NoError(t, next.Save(t.Context(), 160))
	})
}

// A Save that comes late, and after which none has been made, may be carried out. Nothing is lost by it.
func TestASaveThatComesLateCountsWhereItIsTheLast(t *testing.T) {
	behindProxy(t, func(t *testing.T, direct database, db *sql.DB, p *proxy) {
		store := newHLCStore(t, db, direct.dialect, "node")
		require.NoError(t, store.Save(t.Context(), 100))
		giveUp(t, store, p, 200).arrive(t)
		require.Equal(t, int64(200), bound1(t, direct, "node"))
	})
}

// A Load is given up and comes late: the row is another's by then.
func TestALoadThatComesLateTakesNothingOver(t *testing.T) {
	behindProxy(t, func(t *testing.T, direct database, db *sql.DB, p *proxy) {
		store := newHLCStore(t, db, direct.dialect, "node")
		require.NoError(t, store.Save(t.Context(), 100))
		_, err := store.Load(t.Context()) // prepares the statements
		require.NoError(t, err)

		found := p.hold(1) // the SELECT is passed on, the UPDATE is not
		ctx, cancel := context.WithCancel(t.Context())
		loaded := make(chan error)
		go func() {
			_, err := store.Load(ctx)
			loaded <- err
		}()
		late := <-found
		cancel()
		require.Error(t, <-loaded)
		_, err = store.Load(t.Context())
		require.NoError(t, err)
		late.arrive(t)
		require.NoError(t, store.Save(t.Context(), 150))
		require.Equal(t, int64(150), bound1(t, direct, "node"))
	})
}

// A clock saves between the two steps of the Load by which another takes its row over. That bound must not be
// missed, or timestamps would be issued twice.
func TestASaveInTheMiddleOfALoadIsNotMissed(t *testing.T) {
	behindProxy(t, func(t *testing.T, direct database, db *sql.DB, p *proxy) {
		first, second := newHLCStore(t, direct.DB, direct.dialect, "node"), newHLCStore(t, db, direct.dialect, "node")
		_, err := second.Load(t.Context())
		require.NoError(t, err)
		_, err = second.Load(t.Context()) // prepares the statements
		require.NoError(t, err)
		require.NoError(t, first.Save(t.Context(), 100))
		executed := 0
		p.onRequest(func(request []byte, _ *link) bool {
			if isExecute(direct.server, request) {
				if executed++; executed == 2 { // after the SELECT the UPDATE
					require.NoError(t, first.Save(t.Context(), 200))
				}
			}
			return true
		})
		bound, err := second.Load(t.Context())
		require.NoError(t, err)
		require.Equal(t, hlc.Timestamp(200), bound)
		require.Equal(t, 4, executed)
		require.ErrorIs(t, first.Save(t.Context(), 300), hlc.ErrInUse)
	})
}

// The bound that was saved is there after kill -9.
func TestABoundSurvivesTheServer(t *testing.T) {
	for _, dialect := range []epsilonsql.Dialect{epsilonsql.PostgreSQL, epsilonsql.MySQL} {
		t.Run(dialect.String(), func(t *testing.T) {
			db := newDatabase(t, dialect)
			store := newHLCStore(t, db.DB, dialect, "node")
			require.NoError(t, store.Save(t.Context(), 100))
			db.server.kill()
			require.Error(t, store.Save(t.Context(), 200))
			db.server.restart(t)
			require.Equal(t, int64(100), bound1(t, database{DB: db.again(t), dialect: dialect}, "node"))
			require.Eventually(t, func() bool { return store.Save(t.Context(), 150) == nil }, time.Minute, time.Millisecond,
				"connections that are lost are replaced")
			bound, err := store.Load(t.Context())
			require.NoError(t, err)
			require.Equal(t, hlc.Timestamp(150), bound)
		})
	}
}
