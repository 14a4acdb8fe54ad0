// Package epsilongrpc carries hybrid logical timestamps between services that speak gRPC, in the
// metadata, and says by gRPC's health protocol whether a clock is good enough to serve.
//
//	stamps, err := hlc.Open(ctx, clock, store)
//
//	server := grpc.NewServer(
//		grpc.ChainUnaryInterceptor(epsilongrpc.UnaryServerInterceptor(stamps)),
//		grpc.ChainStreamInterceptor(epsilongrpc.StreamServerInterceptor(stamps)),
//	)
//	conn, err := grpc.NewClient(target, credentials,
//		grpc.WithChainUnaryInterceptor(epsilongrpc.UnaryClientInterceptor(stamps)),
//		grpc.WithChainStreamInterceptor(epsilongrpc.StreamClientInterceptor(stamps)),
//	)
//
//	health, err := epsilongrpc.NewHealth(clock, 10*time.Millisecond) // of the clock itself
//
// With both in place, whatever a service does on behalf of a call has a greater timestamp than whatever
// its client did before the call, and whatever the client does after the call, or after the end of the
// stream, has a greater one than what the service did. A client without a clock uses a
// [hlchttp.Relay], and still sees its own writes. [FromContext] and that of hlchttp are one.
//
// The timestamp is in the request ([TimestampKey]), in the header of the response when the call succeeds or
// streams, and in the trailer always: it is the trailer that a client can rely on, as it comes after all
// that the handler has done, and with errors too.
//
// # What you must do
//
//   - Give the interceptors to every server and every connection through which cause and effect pass. A
//     service that leaves the metadata out ends the chain.
//   - Stamp what a call does with timestamps of stamps taken after [FromContext]'s.
//   - Read streams to their end, an error or io.EOF: that is where the trailer is.
//   - Where a service config has a retry policy, add [RetryHandler].
//   - Put interceptors that try calls again, or recover from panics, before these.
//   - Leave the two keys out where the header or trailer of one call is copied into that of another by
//     grpc.SetHeader or grpc.SetTrailer: two timestamps are refused.
//   - Remove the keys where calls enter from outside: whoever can send them can push the clock ahead, by no
//     more than its tolerance.
//
// # What this does not promise
//
//   - That a timestamp or an interval is honest.
//   - Anything about messages of a stream between its header and its trailer, in either direction. The server has
//     merged what was sent with the beginning of the stream, not what the client did before its second message; the
//     client that has received a message has merged the header, not what the server did since. Put
//     timestamps into the messages if the stream lasts.
//   - Anything about what a server did in a call that ended without its trailer: by a deadline, a cancellation, a
//     broken connection, or a message that gRPC itself refuses. The client may learn of it otherwise, and has
//     to merge it then.
//   - A timestamp in the header of a stream whose handler sends that by grpc.SendHeader, past the stream's own method.
package epsilongrpc
