// Package commitwait waits until a timestamp has certainly passed.
//
// A database whose timestamps are to agree with the order of events as seen from outside takes the
// Latest of an interval as the commit timestamp of a transaction, does the work, and shows nobody
// the result before the timestamp has passed everywhere: start and commit wait (Corbett et al.,
// "Spanner: Google's Globally-Distributed Database", OSDI 2012, section 4.1.2). [Waiter.Do] is all
// of that:
//
//	waiter, err := commitwait.NewWaiter(clock, commitwait.WithMaxWait(time.Second))
//	if err != nil {
//		return err // every mistake at once
//	}
//	defer waiter.Close()
//
//	timestamp, err := waiter.Do(ctx, func(ctx context.Context, timestamp truetime.Time) error {
//		return write(ctx, timestamp) // not yet visible to anybody
//	})
//	switch {
//	case errors.Is(err, commitwait.ErrNotBegun):
//		return err // nothing was written
//	case errors.Is(err, commitwait.ErrNotPassed):
//		return undo(timestamp) // written, and may lie ahead: show it to nobody
//	case err != nil:
//		return err // what write returned
//	}
//	publish(timestamp) // true time is later than this, on every machine
//
// The wait and the work overlap, so only what is left of 2ε after the work is waited for.
// [Waiter.Until] is the wait alone. [Waiter.DoFrom] takes its timestamps from elsewhere: from a
// [Sequencer], which hands out strictly increasing ones, or from a source of your own, such as a
// lease. [Until] and [Do] need no Waiter.
//
// # What you must do
//
//   - Keep what the work wrote invisible until Do returns nil. A trigger, a cache or a replica that
//     shows it earlier breaks the order, and nothing here can notice.
//   - Tell the errors apart. After [ErrNotBegun] nothing was promised. After [ErrNotPassed] the
//     work exists and its timestamp may lie ahead: wait for it again, or undo the work.
//   - Use [Sequencer.Next] or a lease with DoFrom where two timestamps must differ. Those of Do may
//     be equal.
//   - Have a source of timestamps for DoFrom take them at or after the Latest of an interval read
//     during the call. Only what has certainly passed is noticed.
//   - Keep one Waiter for all waits of a clock, and close it. Until and Do without one make one for
//     each call.
//
// # What is promised
//
//   - No call returns nil before the clock has answered with an Earliest after the timestamp.
//     Whatever begins after that gets a later Latest from any clock that keeps its promise, on any
//     machine. Timers, new samples and disruptions decide when the clock is asked, and never what
//     it said.
//   - An error says whether a timestamp was promised: ErrNotBegun and ErrNotPassed.
//   - A wait ends when its context, its clock or its Waiter does, and leaves nothing behind.
//   - All waits of a Waiter share one timer and at most one goroutine. On Linux a wait ends some
//     microseconds after the timestamp has passed where one goroutine waits ([WithSpin] says what
//     that costs), and some tens of microseconds where several do; elsewhere when Go's timers fire.
//
// # What this does not promise
//
//   - Anything if the clock's interval does not contain true time.
//   - Anything about how long the caller takes after the return: the process may be paused.
//     Whatever happens then happens later than the timestamp, so the order holds.
package commitwait
