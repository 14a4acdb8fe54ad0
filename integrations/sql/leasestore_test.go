package epsilonsql_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	epsilonsql "github.com/epsilontime/epsilon/integrations/sql"
	"github.com/epsilontime/epsilon/lease"
	"github.com/epsilontime/epsilon/lease/leasetest"
)

func newLeaseStore(t testing.TB, db database) *epsilonsql.LeaseStore {
	t.Helper()
	store, err := epsilonsql.NewLeaseStore(db.DB, db.dialect)
	require.NoError(t, err)
	return store
}

func TestLeaseStorePassesTheSuite(t *testing.T) {
	each(t, func(t *testing.T, db database) {
		store := newLeaseStore(t, db)
		leasetest.TestStore(t, func(t *testing.T) lease.Store {
			exec1(t, db, "DELETE FROM epsilon_lease")
			return store
		})
	})
}
