// Package hlchttp carries hybrid logical timestamps between services that speak HTTP, in the header
// [Header] of requests and responses.
//
//	server := http.Server{Handler: hlchttp.Handler(clock, mux)}
//	client := http.Client{Transport: hlchttp.Transport(clock, nil)}
//
// With both in place, whatever a service does on behalf of a request has a greater timestamp than
// whatever its client did before, and whatever the client does after the response has a greater one
// than what the service did. A client without a clock uses a [Relay], and still sees its own
// writes.
//
// # What you must do
//
//   - Wrap every handler and every client through which cause and effect pass. A service that
//     leaves the header out ends the chain.
//   - Stamp what a request does with timestamps of the clock taken after [FromContext]'s.
//   - Remove the header where requests enter from outside: whoever can send it can push the clock
//     ahead, by no more than its tolerance.
//
// # What this does not promise
//
//   - That a header is honest.
//   - Anything about what is streamed after the header, in either direction. The timestamp is that
//     of the header; put timestamps into the stream if it lasts.
package hlchttp
