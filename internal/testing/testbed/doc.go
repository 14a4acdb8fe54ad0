// Package testbed starts real NTP and PTP daemons on this host for tests, serving this host's
// clock, so that the truth is known.
//
// A test that asks a server of our own proves that our two halves agree. A test that asks chronyd
// proves more, and it can still check every answer: an honest daemon here serves CLOCK_REALTIME,
// which the test may read itself, before and after:
//
//	server := testbed.StartChronyd(t)
//	liar := testbed.StartLyingChronyd(t, 300*time.Microsecond)
//
//	before := testbed.Realtime()
//	interval := askAll(server.Address(), liar.Address())
//	after := testbed.Realtime()
//	// truth lies in [before, after], so the interval must overlap it
//
// These daemons follow nobody and say so, except the liars: a source takes them with
// ntpsrc.WithLocalReference.
//
// A Prometheus scrapes what a test exports, and is asked what it has made of it.
//
// A Relay between client and server delays, loses, doubles, reorders and damages datagrams, and
// counts what it did.
//
// # The contract
//
//   - Nothing here touches the system clock. Every chronyd runs with -x, which replaces its clock
//     driver by one that only keeps numbers; other daemons run without the capability to set it.
//   - A daemon that was returned answers: Start waits for a real reply, and fails the test with the
//     daemon's own words when there is none.
//   - Nothing remains: each daemon is stopped, by its process id, when the test that started it
//     ends, and on Linux also when the test process itself dies. No goroutine is left either, not
//     even while a daemon runs, so a caller may check for leaks at any point.
//   - The methods of a daemon belong to the goroutine of the test that started it, because they may
//     call its FailNow.
//   - Daemons that can use port 123 only run in a network namespace of their own, which takes root.
//     Their packages are unpacked below the user's cache directory, never installed.
//
// A missing daemon skips the test; with EPSILON_REQUIRE_DAEMONS=1 in the environment it fails it,
// so that a machine meant to run these tests cannot pass by skipping them.
//
// # What this does not promise
//
// That CLOCK_REALTIME is right, or that nobody steps it while a test runs: truth is this host's
// clock and nothing else. That a port stays ours while a daemon is stopped: another process may
// take it, and Restart then waits for it, within its limit.
package testbed
