// Package ptpsrc provides sources for a [truetime.Clock] that speak PTP, the Precision Time
// Protocol (IEEE 1588-2019).
//
//	port, err := ptpsrc.NewPort() // UDP 319 and 320, which takes root
//	if err != nil {
//		return err
//	}
//	defer port.Close()
//	clock, err := truetime.New([]truetime.Source{
//		port.Unicast("192.0.2.7"),
//		port.Unicast("gm2.example.net", ptpsrc.WithAccuracy(time.Microsecond)),
//		ptpsrc.PTP4L(ptpsrc.PTP4LSocket),
//	}, truetime.WithPoll(125*time.Millisecond, time.Second))
//
// # What an exchange proves
//
// [Port.Unicast] has the server send Sync messages and answers each that it uses with a Delay_Req.
// A Sync that left at T1 cannot arrive earlier, so true time at its arrival was at least T1 − E. A
// Delay_Req that arrived at T4 had left by then, so true time at its departure was at most T4 + E.
// That is all a sample carries. The two ways need not take equally long, no path delay is
// estimated, and whoever delays a message can only widen the interval.
//
// The counter is read in user space, before a message is sent and after one has been received. That
// adds what the process takes to send and to wake up, so on Linux the kernel's stamps count: of the
// Sync when it came in, and of the Delay_Req when it was about to leave, before any queue or driver
// had seen it. They are of the system clock: they are brought into the counter's domain by looks at
// both before and after them, and not used if somebody has set that clock meanwhile. Neither can do
// more than narrow a sample.
//
// [PHC] reads a PTP hardware clock between two readings of the counter, which proves as much about
// that clock. How far it is from true time is up to whoever steers it.
//
// [PTP4L] takes over what the ptp4l of this host has measured. It assumes more: read its
// documentation.
//
// # What is trusted
//
//   - The claim of the grandmaster. E is the bound that its clockAccuracy stands for. A grandmaster
//     that says "unknown", or that by its clock class follows no reference, makes no claim and is
//     refused unless the user vouches for it ([WithAccuracy]). One that says it follows nobody but
//     its own oscillator is refused even then ([WithLocalReference]): such clocks are wrong
//     together.
//   - That it serves TAI if it says so, or if the user does ([WithTAI]). The clock converts that by
//     a leap second table of its own; the UTC offset that the grandmaster announces counts only
//     once that has expired. A grandmaster that says nothing of the kind is refused, unless
//     [WithUTCOffset] tells how far it is from UTC.
//   - No boundary clock, which tells nothing of its own error ([WithBoundaryClocks]), and no
//     correction by transparent clocks that would narrow the interval ([WithTransparentClocks]).
//   - Of a hardware clock, what the user, ptp4l or its driver says of its error and its scale.
//
// # What is refused
//
// Time stamps that exclude each other, a grandmaster that says it is uncertain of its
// synchronization, and what is too wide. Messages of another domain, of masters that have not been
// asked, of alternate masters, and answers to somebody else are ignored.
//
// # What this does not promise
//
// PTP here is without authentication. Who sees the messages can forge them, and make this source
// wrong. The clock survives that for as many sources as it tolerates faulty ones. All sources with
// one grandmaster, whatever the way to it, are wrong together: put them into one [truetime.Group].
//
// [PTP4L] has to know the UTC offset by which ptp4l sets the system clock. After a leap second some
// versions take over a new one only when they select a master anew: it refuses until ptp4l has been
// restarted. And a ptp4l that steers the clock remembers a leap second that was announced and then
// withdrawn until midnight UTC, a second off meanwhile. It refuses if it has seen the announcement;
// one from before its first poll it cannot know of.
package ptpsrc
