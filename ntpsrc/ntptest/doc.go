// Package ntptest has NTP servers for tests, as net/http/httptest has HTTP servers: they answer on loopback, serve this
// host's wall clock or the clock that they are given, and are off, late, silent or false by as much as they are told to.
//
// A [Server] is a source like any other, three of them make a clock, and which machine each of them shows is its own:
//
//	server := ntptest.NewServer(ntptest.Behavior{Dispersion: 100 * time.Microsecond})
//	defer server.Close()
//	clock, err := truetime.New(ntpsrc.Servers(server.Address(), …))
//	…
//	server.Change(func(b *ntptest.Behavior) { b.Offset = 250 * time.Millisecond }) // from now on it lies
//
// Several that have one [Identity] look like several addresses of one machine, and have one vote.
//
// # What this does not promise
//
// The servers stamp in the process that asks them, by the clock of the host. What they claim is not true by itself: a Behavior
// that claims no error at all is wrong by the nanoseconds by which the host's clock is rounded, and by what its daemon slews
// between two polls. A test that wants an honest server has it claim 100 µs.
// They are for tests, and protect themselves against nobody.
package ntptest
