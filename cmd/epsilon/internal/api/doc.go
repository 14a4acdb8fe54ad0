// Package api is what the daemon and its commands say to each other: HTTP with JSON over a Unix socket.
//
//	GET  /status                         a Report
//	GET  /now                            a Reading; status 503 while the clock has no answer
//	GET  /events                         every truetime.Event as it happens: server-sent events, one JSON object each
//	GET  /readyz?within=1ms&wait=30s     a Readiness; 200 if ε is at most that, else 503. It waits for up to 60 s
//	GET  /history                        a History of ε
//	GET  /fleet                          a Fleet; 404 with a Problem if the daemon is in none
//	GET  /recording                      the last minutes of the clock, as "epsilon replay" reads them
//	POST /reload                         has the configuration read again: a Reloaded; 409 with a Problem if it is bad
//
// Everybody may read. Only root and the user whom the daemon runs as may have it do anything: the kernel
// says who has connected (SO_PEERCRED, unix(7)).
//
// The objects have the names of their Go fields: durations in nanoseconds, times, enumerations and errors
// as text. Fields may be added; none changes its meaning or goes away.
package api
