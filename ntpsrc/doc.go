// Package ntpsrc provides sources for a [truetime.Clock] that have their time by NTP (RFC 5905): from servers, or from
// what keeps the time of this host.
//
//	clock, err := truetime.New([]truetime.Source{
//		ntpsrc.Server("ntp1.example.net"),
//		ntpsrc.Server("192.0.2.7:1123", ntpsrc.WithExtraError(50*time.Microsecond)),
//		ntpsrc.Server("2001:db8::7"),
//	})
//
// [Pool] makes several sources of a name that has several servers, and replaces those that never
// answer and those that lie. [NTS] asks a server that proves who it is. [Chrony] and [Kernel] ask
// what keeps the time of this host already, and trust it.
//
// # What one exchange proves
//
// The client reads its counter at c1 before it sends and at c4 after it has received; the server
// stamps the request at T2 and the reply at T3, and claims to be within E of true time. Nothing
// travels backwards in time, so true time at c1 was at most T2 + E, and at c4 at least T3 − E.
// That is all a sample carries. The two halves of the delay need not be equal, and whoever delays a
// packet can only widen the interval. If you know how far away the server is, both facts are better by
// what light takes to go there ([WithDistance]). E is
//
//	root delay / 2 + root dispersion    as the server claims them
//	+ one unit of each of these fields  2⁻¹⁶ s: the server may have rounded down
//	+ 2^precision                       the server's own stamping; chrony fills the bits below with noise
//	+ 1 ns                              the rounding of the stamps, 2⁻³² s, to nanoseconds
//	+ WithExtraError                    what the user adds, because all of this is a claim
//
// Some servers state the same to the nanosecond to whoever asks: see [WithFineBounds].
//
// On Linux c1 and c4 are moved towards the server by the kernel's software stamps of the two
// packets, where it can be shown that this is true whoever slews or sets the wall clock meanwhile;
// otherwise the program's own readings count. Status says which. [WithSharpStamps] makes them worth more. That it cannot run off by more
// than 22.6 % is assumed: where the kernel itself follows a pulse per second (STA_PPSTIME, in
// kernels with CONFIG_NTP_PPS), or was booted with ntp_tick_adj, use [WithoutKernelStamps], which
// does without the stamps.
//
// # What is refused
//
// A reply is rejected, never repaired, if its server is not synchronized (leap indicator 3, stratum
// 0 or above the limit), if it follows nobody but its own clock (see [WithLocalReference]), if it
// claims too large a root distance or has not been corrected for too long, if its stamps are
// missing or run backwards, if it says that it kept the request longer than the whole exchange
// took, if it took too long, if it took less than the distance allows, or if what it states finely is
// not what its header states. Datagrams that do not carry the request's random 64-bit origin are
// ignored. Kiss-o'-death RATE slows polling down. A server that says DENY or RSTR
// to a plain request is asked again a day later, then after two, four and eight days.
//
// # Several clocks
//
// A source may serve several clocks, and each gets samples by its own counter. But sources that
// were given by a name, those of [Pool] above all, remember which server has the vote, and that
// memory is one: what one clock finds wrong is replaced for all of them. Give each clock sources of
// its own.
//
// # Leap seconds
//
// A leap indicator of 0 says that a server has heard of no leap second. It does not say that it
// knows of none, and nothing in NTP does. So a sample passes it on as [truetime.LeapNone], and a
// clock whose table has expired does not take it for an answer at the end of June and December,
// where leap seconds are.
//
// # Authenticated time
//
// An [NTS] source takes nothing but what its server has sealed for the very request (RFC 8915). The
// server is known by its certificate:
//
//	ntpsrc.NTS("time.example.net")
//	ntpsrc.NTS("192.0.2.7:14460", ntpsrc.WithTLSConfig(&tls.Config{RootCAs: own, ServerName: "ntp"}))
//
// Whoever is on the path can still drop packets or hold them back, which widens the interval and
// never moves it off the truth.
//
// # Interleaved mode
//
// It is left out. The server then sends with each reply the kernel's stamp of the reply before it,
// which is later than T3 by what sending takes: 8 µs with chronyd on loopback (the median of 300;
// 15 at the 90th percentile). But it comes one poll late, when 200 ppm have made 200 µs of a
// second, and it is a driver's stamp, which nothing keeps from being later than the reply's
// departure.
//
// # What this does not promise
//
// NTP without authentication can be forged by whoever sees the request. The clock survives that for
// as many sources as it tolerates faulty ones; with [truetime.WithRequireAuthenticated] such
// sources have no vote. Authentication says who answered, not that its time is right.
package ntpsrc
