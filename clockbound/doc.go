// Package clockbound works with ClockBound, the daemon by which AWS bounds the error of a host's
// clock (https://github.com/aws/clock-bound), both ways: [Source] reads what that daemon writes, as
// one vote, and [NewPublisher] writes what our clock answers, for programs that use ClockBound's own
// clients.
//
//	clock, err := truetime.New([]truetime.Source{
//		clockbound.Source(clockbound.DefaultPath),
//		ntpsrc.Server("ntp1.example.net"),
//		ntpsrc.Server("ntp2.example.org"),
//	})
//
//	publisher, err := clockbound.NewPublisher(clock, clockbound.DefaultPath, clockbound.WithMaxSlew(100_000))
//
// The two lines are for two hosts: a host has one writer of a segment.
//
// # What a segment says
//
// A segment is a small file in memory. It says: at as_of by CLOCK_MONOTONIC_COARSE, CLOCK_REALTIME was
// within bound of true time, and since then the bound grows by max_drift. A client reads the segment,
// then CLOCK_REALTIME, then CLOCK_MONOTONIC_COARSE, and has an interval around CLOCK_REALTIME. Only
// version 2 of the segment is read and written. The daemons of ClockBound 2 and 3 write it, and the
// clients of version 2 read it.
//
// # What is written, and why it is true
//
// The clients take their time from CLOCK_REALTIME, which we do not steer. So the bound is the
// distance from CLOCK_REALTIME to the farther end of our interval, and not half the width of that.
// From then on somebody may slew CLOCK_REALTIME away from true time, or correct its frequency, by as much
// as [WithMaxSlew] declares. That is in max_drift, with the oscillator's drift: the client itself adds it by the age of
// the segment, whether or not the next write comes in time. The file motion.go derives
//
//	max_drift = (1 + 1/86399) / ((1 − ρ)(1 − s − 500 ppm)) − 1
//	bound     = farther end + max_drift × 6 × (tick + longest pause) + 4 ns
//
// The six ticks and the pause are for CLOCK_MONOTONIC_COARSE, by which a client computes the age and
// which may be behind. The nanoseconds are for the client's arithmetic, which rounds the growth down. A segment is
// void 5 s after as_of, the least that ClockBound's client takes notice of. If the writer dies, the
// clients' intervals grow for 5 s and stay true, and then their status is Unknown.
//
// For chronyd as it comes, 100 000 ppm, this makes an interval of ±100 µs one of ±70 ms right after a
// write, and of ±81 ms just before the next (with ticks of 4 ms). maxslewrate 1000 and maxdrift 500 in chronyd's
// configuration make it ±1.17 and ±1.34 ms; a host that is no virtual machine, without pauses, ±0.14 and ±0.31 ms.
//
// # What a writer assumes
//
//   - Nobody slews CLOCK_REALTIME, or corrects its frequency, faster than declared.
//   - Nobody sets it. This is noticed at once, and clients are told that nothing is known until the next
//     write. But a client that has just read the segment, or does before it is written, centres a
//     bound from before the step on a clock from after it. Nothing that a writer does can prevent that. A
//     daemon that slews only (chronyd without makestep, or with it for the first updates only) does not
//     do it, but the kernel does for a leap second that it was told of, and after a suspend.
//   - The clients look at the status, and are in the time namespace of the host.
//   - The kernel is 5.18 or newer, where a processor that does not run holds CLOCK_MONOTONIC_COARSE up for six
//     ticks at most, and by what all processors of a virtual machine stand still before each of them.
//   - They stand still together for no longer than [WithLongestPause] declares.
//
// The interval of a client bounds time as our clocks count it, UTC smeared from noon to noon. Where
// CLOCK_REALTIME steps, it is up to half a second wider on the day of a leap second.
//
// # What this does not promise
//
// That a ClockBound daemon is right. It follows its sources, mostly one, and cannot outvote a wrong
// one. So [Source] is one vote among others, and shares it with everything else that looks at
// CLOCK_REALTIME.
//
// That ClockBound's clients get narrow intervals. A program that can use package truetime
// gets narrower ones, and true ones whoever sets CLOCK_REALTIME.
package clockbound
