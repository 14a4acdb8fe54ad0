// Package leasetest tests whether a [lease.Store] keeps what leases are built on.
//
//	func TestStore(t *testing.T) {
//		leasetest.TestStore(t, func(t *testing.T) lease.Store {
//			store, err := epsilonetcd.NewLeaseStore(client, t.Name()+"/") // without records, each time
//			if err != nil {
//				t.Fatal(err)
//			}
//			return store
//		})
//	}
//
// Every record that is stored here is one that a candidate could write, and so one that
// [lease.Record.MarshalBinary] accepts.
//
// # What this does not promise
//
// A test can show that a store is wrong, not that it is right. What happens when the server of a
// store crashes, fails over or is cut off from its peers is not tested here.
package leasetest
