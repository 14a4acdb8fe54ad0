// Package hlctest tests whether an [hlc.Store] keeps what a hybrid logical clock builds on.
//
//	func TestStore(t *testing.T) {
//		hlctest.TestStore(t, func(t *testing.T) hlc.Store {
//			return newStore(t, startServer(t)) // nothing has been saved in it
//		})
//	}
//
// The hardest promise is that no Save takes effect after a later one has returned. In a file it is
// easily kept. A server may carry a request out long after its client has given it up, and if the
// request is a plain UPDATE, the bound of a later Save is lost. To keep the higher of the two bounds
// is no way out, because the Save that closes a clock lowers the bound. The store has to number its
// requests, and the server has to refuse a number that is not above the last, in the same step in
// which it writes. A process that starts anew takes the numbering over when it loads.
//
// # What this does not promise
//
// A test can show that a store is wrong, not that it is right. The suite cancels requests at every
// moment at which a store looks at its context, but it cannot hold a request back between client
// and server, or crash the server: test that with the server at hand.
//
// Nor does it show that a bound outlives the process. Each check has one store from beginning to end,
// so one that keeps everything in memory passes. Test with your own means that a bound which was saved
// is loaded by a store that is opened anew, also after kill -9, and after a loss of power.
package hlctest
