package epsilonsql_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/hlc"
	"github.com/epsilontime/epsilon/hlc/hlctest"
	epsilonsql "github.com/epsilontime/epsilon/integrations/sql"
	"github.com/epsilontime/epsilon/lease"
	"github.com/epsilontime/epsilon/lease/leasetest"
)

// Connections of users have options. Some change how parameters travel, some the isolation, and
// clientFoundRows what "rows affected" means: that an UPDATE which changes nothing has found a row.
func TestOptionsOfConnections(t *testing.T) {
	for _, c := range []struct {
		name    string
		dialect epsilonsql.Dialect
		options string
	}{
		{"simple protocol", epsilonsql.PostgreSQL, " default_query_exec_mode=simple_protocol"},
		{"describe each time", epsilonsql.PostgreSQL, " default_query_exec_mode=exec"},
		{"repeatable read", epsilonsql.PostgreSQL, " default_transaction_isolation='repeatable read'"},
		{"serializable", epsilonsql.PostgreSQL, " default_transaction_isolation=serializable"},
		{"clientFoundRows", epsilonsql.MySQL, "?clientFoundRows=true"},
		{"interpolateParams", epsilonsql.MySQL, "?interpolateParams=true&parseTime=true"},
		{"read committed", epsilonsql.MySQL, "?tx_isolation=%27READ-COMMITTED%27"},
		{"serializable", epsilonsql.MySQL, "?tx_isolation=%27SERIALIZABLE%27"},
		{"rollback journal", epsilonsql.SQLite, "&_pragma=journal_mode(DELETE)"},
		{"immediate transactions", epsilonsql.SQLite, "&_txlock=immediate"},
	} {
		t.Run(c.dialect.String()+", "+c.name, func(t *testing.T) {
			db := newDatabase(t, c.dialect).withOptions(t, c.options)
			leases := newLeaseStore(t, db)
			leasetest.TestStore(t, func(t *testing.T) lease.Store {
				exec1(t, db, "DELETE FROM epsilon_lease")
				return leases
			})
			hlctest.TestStore(t, func(t *testing.T) hlc.Store { return newHLCStore(t, db.DB, db.dialect, t.Name()) })
			newNote(t, db)
			for token := range lease.Token(3) {
				raise(t, db, token+1) // at READ COMMITTED, which is not the default of all of these
				for range 2 {
					require.NoError(t, write(t.Context(), db, token+1, "x", 0))
				}
				require.ErrorIs(t, write(t.Context(), db, token, "y", 0), lease.ErrStaleToken)
			}
		})
	}
}
