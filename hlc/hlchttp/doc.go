// Package hlchttp carries hybrid logical timestamps between services that speak HTTP, in the header
// [Header] of requests and responses.
//
//	server := http.Server{Handler: hlchttp.Handler(clock, mux)}
//	client := http.Client{Transport: hlchttp.Transport(clock, nil)}
//
// With both in place, whatever a service does on behalf of a request has a greater timestamp than
// whatever its client did before, and the other way round with the response. A client that has no clock gives
// a [Relay], and still sees its own writes.
//
// # What this does not promise
//
//   - That a header is honest. Whoever can send requests can push the clock ahead, by no more than
//     its tolerance. Remove the header where requests enter from outside.
//   - Anything about what is streamed after the header, in either direction. The timestamp is that of the
//     header; put timestamps into the stream if it lasts.
package hlchttp
