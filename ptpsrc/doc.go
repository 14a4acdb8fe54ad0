// Package ptpsrc provides sources for a [truetime.Clock] that speak PTP, the Precision Time
// Protocol (IEEE 1588-2019).
//
//	port, err := ptpsrc.NewPort() // UDP 319 and 320: root, or CAP_NET_BIND_SERVICE
//	if err != nil {
//		return err
//	}
//	defer port.Close()
//	clock, err := truetime.New([]truetime.Source{
//		port.Unicast("192.0.2.7"),
//		port.Unicast("gm2.example.net", ptpsrc.WithAccuracy(time.Microsecond)),
//		ptpsrc.PTP4L(ptpsrc.PTP4LSocket),
//	}, truetime.WithPoll(30*time.Millisecond, time.Second))
//
// # What an exchange proves
//
// [Port.Unicast] has the server send Sync messages, and answers each that it uses with a Delay_Req.
// A Sync that left at T1 cannot arrive earlier, so true time at its arrival was at least T1 − E. A
// Delay_Req that arrived at T4 had left by then, so true time at its departure was at most T4 + E.
// That is all a sample carries. The two ways need not take equally long, no path delay is
// estimated, and whoever delays a message can only widen the interval. If you know how far away the
// server is, both facts are better by what light takes to go there ([WithDistance]).
//
// The counter is read in user space, before a message is sent and after one has been received. That
// adds the time that the process takes to send and to wake up. On Linux the kernel's stamps narrow
// it: of the Sync when it came in, and of the Delay_Req when it was about to leave, before any
// queue or driver had seen it. They are stamps of the system clock, which is read beside the
// counter before and after them. They are not used if somebody has set that clock in between. How
// fast it may have been slewed is asked by adjtimex(2), which takes no right. Where a container or a
// filter of system calls refuses that, stamps are worth less: they cost a fifth of the time to the
// reading beside them. A filter that ends the process instead has to allow the call (systemd:
// SystemCallFilter=@system-service adjtimex), or the source to be made by [WithoutKernelStamps].
//
// What the kernel tells counts if nothing of it has changed since an earlier look in the same second, mostly
// that of the poll before. So stamps are worth as little where polls come less than about once in a
// second, and where a daemon (phc2sys, or one that uses the kernel's loop) steers more often than
// messages come. A kernel that itself follows a pulse per second (STA_PPSTIME) may slew more than is
// allowed for: its stamps are not used, and where adjtimex(2) is refused it is assumed not to. So is
// the boot parameter ntp_tick_adj, of which the kernel says nothing there.
//
// # Below 10 µs
//
// With eight messages a second most of ε is the drift of the local counter between them. More
// messages, and polls that do not miss any, make it smaller. A poll waits for the next Sync, so it
// may be due much earlier:
//
//	source := port.Unicast("192.0.2.7", ptpsrc.WithMessageRate(7)) // 128 a second
//	clock, err := truetime.New([]truetime.Source{source}, truetime.WithPoll(2*time.Millisecond, 2*time.Millisecond))
//
// That takes up to a tenth of a core. docs/benchmarks.md says what each rate gives.
//
// [PHC] reads a PTP hardware clock between two readings of the counter, which proves as much about
// that clock. How far it is from true time depends on whoever steers it.
//
// [PTP4L] takes over what the ptp4l of this host has measured, and [PHCWithPTP4L] reads the
// hardware clock that ptp4l steers. Both trust ptp4l: their documentation says for what.
//
// # What is trusted
//
//   - The claim of the grandmaster. E is the bound that its clockAccuracy stands for. A grandmaster
//     that says "unknown", or whose clock class says that it follows no reference, makes no claim
//     and is refused unless the user vouches for it ([WithAccuracy]). One that says it follows
//     nobody but its own oscillator is refused even then ([WithLocalReference]): such clocks are
//     wrong together.
//   - That it serves TAI if it says so, or if the user does ([WithTAI]). The clock converts TAI by
//     its own leap second table; the UTC offset that the grandmaster announces counts only after
//     the table has expired. A grandmaster that does not say so is refused, unless [WithUTCOffset]
//     says how far it is from UTC.
//   - No boundary clock, because it does not tell its own error ([WithBoundaryClocks]), and no
//     correction by transparent clocks that would narrow the interval ([WithTransparentClocks]).
//   - Of a hardware clock, what the user, ptp4l or its driver says of its error and its scale.
//
// # What is refused
//
// Time stamps that contradict each other, a grandmaster that says it is uncertain of its
// synchronization, and samples that are too wide. Messages of another domain, of masters that have
// not been asked, of alternate masters, and answers to somebody else are ignored.
//
// No fact is older than its poll: messages are received only while a sample waits for them, and a
// kernel stamp from before the poll is not used.
//
// # What this does not promise
//
// These sources do not authenticate PTP. Whoever sees the messages can forge them, and make a
// source wrong. The clock survives that for as many sources as it tolerates faulty ones. All
// sources with one grandmaster, whatever the way to it, are wrong together: put them into one
// [truetime.Group].
//
// [PTP4L] has to know the UTC offset by which ptp4l sets the system clock. After a leap second some
// versions of ptp4l adopt the new offset only when they select a master anew: PTP4L refuses until
// ptp4l has been restarted. And a ptp4l that steers the clock acts on a leap second that was
// announced and then withdrawn, and is a second off until midnight UTC. PTP4L refuses then if it
// has seen the announcement; it cannot know of one from before its first poll.
package ptpsrc
