// Package statuspage shows a clock in a browser: how it is, ε and what it is made of over the last minutes, the interval of
// each source beside the agreed one, what has happened, and what is proved of the machines that it is compared with.
//
// The page is one document with its style and its script, which asks nobody but the server that it came from. A stream of
// server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html) brings it up to date:
//
//	past     once, at the start: the seconds of the last ten minutes, and the last events
//	status   once a second: the report of the moment, what it says in words, and the seconds since the last one
//	event    each event of the clock, as it happens
//
// What has not been confirmed for 2.5 s the page does not show as present: it says that nobody answers, and since when.
package statuspage
