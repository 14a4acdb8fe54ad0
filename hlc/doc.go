// Package hlc gives events timestamps that agree with cause and effect, and stay close to true
// time: a hybrid logical clock (Kulkarni, Demirbas, Madeppa, Avva, Leone, "Logical Physical Clocks
// and Consistent Snapshots in Globally Distributed Databases", 2014) on top of a clock that answers
// with intervals.
//
//	store, err := hlc.OpenFileStore("data/hlc")
//	if err != nil {
//		return err
//	}
//	defer store.Close()
//	clock, err := hlc.Open(ctx, intervals, store) // intervals: a *truetime.Clock
//	if err != nil {
//		return err
//	}
//	defer clock.Close()
//
//	sent, err := clock.Now()                      // a local event, or a message about to be sent
//	got, err := clock.Update(message.Time, peer)  // a message received: got is after message.Time
//	err = clock.Observe(row.Time, "table users")  // something read: what follows is after row.Time
//
// # The model
//
// A [Timestamp] is one integer of nanoseconds. With physical time pt, a moment of the interval, the
// clock goes from h to
//
//	max(h+1, pt)        for a local event or a message sent
//	max(h+1, m+1, pt)   for a message m received
//
// The paper keeps the logical part apart (section 3.2 says why), because in clocks that tick slowly
// the sum could outrun physical time. A nanosecond is shorter than any event that updates a shared
// word of memory, so here the sum cannot: along a chain of k events h grows by k, while true time
// advances by more than k nanoseconds. One word holds it, which needs no lock and has no counter
// that could overflow.
//
// # On many processors
//
// All processors may use one clock. They pass its word around, so together they get about what one
// alone gets. An engine whose shards stay on a processor each, with their own data, and send each
// other messages, makes a clock for each shard, and gets as many times more:
//
//	shards, err := hlc.OpenShards(ctx, intervals, store, runtime.GOMAXPROCS(0))
//
// It gives up that of two calls on different shards the later one gets the greater timestamp: only
// messages order them, as on two machines. See [NewShards].
//
// # What you must do
//
//   - Send a timestamp of [Clock.Now] with each message, and give that of each received one to
//     [Clock.Update], or to [Clock.Observe], before acting on it. If that is an error do not act on
//     it: the order is lost.
//   - Name the sender. A timestamp from the future is refused before it is merged, because merged
//     it would spread to every clock in the system and stay; the name is how an operator finds the
//     wrong clock.
//   - Decide which moment of the interval is physical time. [Latest], the default, is the one to
//     use with commit-wait; the tolerance of receivers must then cover the widest interval among
//     senders. See [WithPhysicalTime] and [WithTolerance].
//   - Use [Open] with a store if timestamps outlive the process, and one clock at a time on each
//     store.
//   - Treat [ErrTooFarAhead] and [ErrNotDurable] as a refusal that passes: nothing was issued, try
//     again later.
//
// # What is promised
//
//   - If one event happened before another, by messages and the order within a clock, its timestamp
//     is smaller.
//   - A timestamp is not before physical time, and not further beyond Latest than [WithMaxAhead].
//     If all intervals contain true time, no timestamp is further ahead of true time than the
//     widest interval is wide; with shards, than that and what [NewShards] says.
//   - With a store: timestamps after a restart are greater than those before it, whenever the
//     machine crashed.
//
// # What this does not promise
//
//   - That the smaller timestamp was the earlier event. Two events that no message connects may be
//     ordered either way, unless commit-wait (package commitwait) lay between them on timestamps of
//     [Latest].
//   - That timestamps of different clocks differ, but for those of [NewShards]. Add the node's name
//     where they must.
//   - Protection from a peer whose clock is wrong by less than the tolerance. It can push this
//     clock ahead by that much, and then peers with narrower intervals may refuse this clock's
//     messages until time has caught up.
//   - Anything about the order of effects if a process is paused between taking a timestamp and
//     using it.
package hlc
