// Package ntpserver serves a clock over NTP (RFC 5905), with a bound on its error that a client can
// build a proof on.
//
//	server, err := ntpserver.New(ntpserver.Config{
//		Reader:   clock,
//		Listen:   []netip.AddrPort{netip.MustParseAddrPort("0.0.0.0:123"), netip.MustParseAddrPort("[::]:123")},
//		Upstream: func() ntpserver.Upstream { return ntpserver.UpstreamOf(clock.Status()) },
//		Limit:    ntpserver.DefaultLimit(),
//	})
//	err = server.Serve(ctx)
//
// # What a reply proves
//
// The clock answers with an interval that contains true time. The reply has its middle as the
// transmit stamp T3, and E = root delay/2 + root dispersion is half its width, rounded up. A client
// that reads its counter at c1 before it sends and at c4 after it has received knows
//
//	T(c1) ≤ T2 + E    as the request arrived no earlier than it was sent
//	T(c4) ≥ T3 − E    as the reply was received no earlier than it left
//
// and so contains true time in its turn, as does whoever follows that client. Root delay is 0: all of
// E is root dispersion. E is in units of 2⁻¹⁶ s, 15 µs, and that is what a stratum costs beside its
// network, with the two units that a client adds in case a server has rounded down.
//
// A client that asks for it with an empty extension field (package extension, ntpsrc.WithFineBounds) is told
// the two right sides themselves, in 2⁻³² s, and then a stratum costs its network alone.
//
// The clock is read twice for all requests that one system call has received: when they have been sorted, for T2, and when all else has been
// found out, for T3; after they have arrived, and before the first reply leaves. One reading would make both facts true for T2 = T3, but what the
// server does in between would be in the client's round trip. claim.go has the arithmetic.
//
// # When a request arrived
//
// What a request waits in the server would widen the client's interval. The kernel stamps each
// datagram when it gets it from the device, by CLOCK_REALTIME, a clock that anybody may set and that a
// time daemon slews. So a stamp is never served. It only says how long ago the request arrived, at
// least, before the served clock was read, and T2 is earlier than T3 by that:
//
//	arrival ≤ Latest − (wall clock now − stamp) / fastest
//
// Package wallclock has the proof: the divisor is 1.23, the fastest that CLOCK_REALTIME can be slewed, or little more than what its rate was
// where it is known how the kernel steers it: adjtimex(2) is asked at the beginning of each second, while there are clients, and with each
// batch that is not full. That takes no right. Where it is refused with an error it is 1.23; a filter of system calls that ends the process for it takes
// kernel_stamps = false in [ntp], which does without stamps. What goes unnoticed is told there: somebody who sets the length of the kernel's
// tick and sets it back within one second. That
// nobody has set it is shown by its distance from CLOCK_MONOTONIC, which only setting changes, and
// by a timer that the kernel cancels. The request must have arrived after a first reading of the two
// clocks, one or two seconds ago. Where any of this does not hold T2 is T3, which is as true.
//
// So a client's δ has half a percent of what a request waits for the server to wake up, a fifth of it in the first milliseconds of a second, and
// what some readings of the clocks take. chronyd serves the stamp as it is, and has neither.
//
// The transmit stamp is the program's. A kernel stamp of the reply comes too late to be in it, and
// interleaved mode, which would send it with the next reply, is left out: see package ntpsrc.
//
// # Without an answer
//
// While the clock has no answer, or one with an uncertainty above 16 s, or its Upstream has no stratum,
// requests are answered with leap indicator 3, the kiss code INIT and stratum 0, which is how stratum 16 is
// sent (RFC 5905 sections 7.3 and 7.4): a client turns to another server at once, where silence would
// cost it some polls. Such a reply has no time: its stamps are the client's own.
//
// # Leap seconds
//
// The served scale is UTC smeared from noon to noon, as that of truetime.Time, and the leap indicator
// is 0 always (RFC 8633 section 3.7.1). Clients must not mix it with servers that step; a source of
// package ntpsrc says so with WithScale. If it is not known whether there is a leap second, the clock's
// interval is wide, and E with it.
//
// # What is answered
//
// Mode 3 of versions 3 and 4, with the version that was asked. Versions 1 and 2 are from before 1992,
// and version 5 is a draft of another format. Modes 1, 2 and 5 are other associations than a client's,
// and 6 and 7 are commands: there are none. No reply is an answer to a reply, so two servers cannot be
// made to talk to each other.
//
// A reply has 48 bytes, and a request that has fewer gets none: nobody gains by sending requests in
// somebody else's name. It has 28 more for whoever asks for finer bounds with as many. All else that
// follows the first 48 bytes is ignored: extension fields (RFC 7822) are options that a server need not
// know. A message authentication code is ignored too, as there are no keys: a client that asks with one
// does not take a reply without.
//
// Requests to a broadcast or multicast address get no reply, nor do those from port 0. A reply leaves
// from the address that was asked.
//
// # What this does not promise
//
// The reply is not authenticated: whoever sees the request can forge it. The bound is one on this
// server's clock: it is no better than the assumptions that the clock was made with.
package ntpserver
