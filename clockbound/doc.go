// Package clockbound works with ClockBound, the daemon by which AWS bounds the error of a host's
// clock (https://github.com/aws/clock-bound): it reads what that daemon has written.
//
//	clock, err := truetime.New([]truetime.Source{
//		clockbound.Source(clockbound.DefaultPath),
//		ntpsrc.Server("ntp1.example.net"),
//		ntpsrc.Server("ntp2.example.org"),
//	})
//
// # What a segment says
//
// A ClockBound daemon keeps a small file in memory, the segment. It says: at as_of by
// CLOCK_MONOTONIC_COARSE, CLOCK_REALTIME was within bound of true time, and since then the bound grows
// by max_drift. A client reads the segment, then CLOCK_REALTIME, then CLOCK_MONOTONIC, and has an
// interval around CLOCK_REALTIME. Only version 2 of the segment is read, which the daemons of
// ClockBound 2 and 3 write.
//
// # What this does not promise
//
// That the daemon is right. It follows its sources, mostly one, and cannot outvote a wrong one. So
// [Source] is one vote among others, and shares it with everything else that looks at
// CLOCK_REALTIME.
package clockbound
