// Package daemon runs one clock for a host: it polls the sources, tells what it knows at a socket, tells
// systemd when it is ready, and takes over a new configuration without a gap in its answers.
//
// # A new configuration
//
// A clock of package truetime keeps the sources that it was made with. So where a new configuration has
// other sources or other assumptions, a new clock is started beside the old one, which goes on answering
// until the new one has an answer whose ε is at most twice the old one's, or, after a minute, at most
// ready.within. Then the old one is closed. What that costs: servers that both ask are asked by both for that while; the
// epoch counts from 1 again; what was known of the sources, and of the rate of the counter, is learned
// anew, so ε may be larger at first; and the servers that had the votes of a pool are chosen anew.
// Intervals of both contain true time, so nobody who compares them can be misled. That the old one refuses, as after a
// disruption, the new one does not know: it takes a chronyd's word of before for as good as it would at its first start
// (truetime.Sample.Age), and so does a daemon that is restarted. Earliest may go back
// then: whoever reads the segment sees another writer, beside an epoch that may have the same number.
//
// Where only something else has changed, such as ready.within, the clock and its epoch stay.
package daemon
