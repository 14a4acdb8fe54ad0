// Package commitwait waits until a timestamp has certainly passed.
//
// A database that wants its timestamps to agree with the order of events as seen from outside takes
// the Latest of an interval as the commit timestamp of a transaction, does the work, and lets
// nobody see the result before the timestamp has passed everywhere (Corbett et al., "Spanner:
// Google's Globally-Distributed Database", OSDI 2012, section 4.1.2: start and commit wait):
//
//	now, err := clock.Now()
//	if err != nil {
//		return err
//	}
//	timestamp := now.Latest // true time is not later than this
//	write(timestamp)        // not yet visible to anybody
//	if err := commitwait.Until(ctx, clock, timestamp); err != nil {
//		return err // the timestamp may still lie ahead: make nothing visible
//	}
//	publish(timestamp) // true time is later than this, on every machine
//
// Whatever begins after the wait is over gets a later timestamp from any clock that keeps its
// promise, on any machine.
package commitwait
