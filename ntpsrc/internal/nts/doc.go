// Package nts is the client's half of Network Time Security (RFC 8915) without the clock: the key
// exchange over TLS and the extension fields that protect one NTP exchange.
//
//	association, err := nts.Exchange(ctx, "ntp1.example.net:4460", dial, config)
//	request, ok := association.Request() // takes a cookie
//	packet = request.Seal(packet)        // appends the extension fields
//	err = request.Open(reply)            // nil if the server of the key exchange wrote it, for this request
//
// # The two steps
//
// The key exchange (section 4) authenticates the server by its certificate, and gives both sides
// two keys and the client up to eight cookies. A cookie is opaque: the server has put the keys into
// it, so that it need not remember its clients. Each NTP request then spends one cookie and asks
// for as many as are missing; the reply brings them encrypted (section 5.7). No cookie is sent
// twice, or an observer could follow the client from one network to the next.
//
// # What is trusted
//
// Nothing that comes is, before it has been authenticated: every length is checked before it is
// used, the key exchange reads no more than 32 KiB in all, and a reply only what its datagram
// holds.
//
// # What this does not promise
//
// It cannot see a delay: whoever is on the path may hold packets back, or drop them. And it says
// who the server is, not that its time is right.
package nts
