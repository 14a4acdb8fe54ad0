// Package wire is how machines of a fleet ask each other: one datagram there and one back, both of 1200 bytes, so that nobody can have
// a machine send more to somebody else than was sent to it, and so that they pass every link of IPv6.
//
// All is big-endian.
//
//	 0  "EPSF"
//	 4  version, 1
//	 5  kind: 1 a request, 2 a reply
//	 6  flags of a reply: 1 its clock has an answer, 2 these are all edges of its sender
//	 7  number of edges
//	 8  a random number of the request, which its reply repeats
//	24  run of the sender
//	32  earliest and latest, the interval of the sender's clock, in nanoseconds since 1970 of UTC smeared from noon to noon
//	48  how many machines the sender knows of, and how many of them may be wrong, 16 bits each
//	52  place that the request was sent to: the first 8 bytes of the SHA-256 sum of the entry in the list of peers
//	60  name of the sender: its length and 64 bytes
//	125 name of the receiver; of length 0 in a request to whoever is there
//	190 edges: place of the other machine, its run, gap in nanoseconds, and age in seconds, rounded up, in 16 bits
//	    zeros
//	1168 HMAC-SHA256 under the fleet's key of all that precedes it
//
// What is not of this form to the bit, or does not have the right code, is not answered. The random number is of the request alone, so a reply cannot
// be replayed; the kind keeps a request from being sent back as a reply; place and names keep a request that somebody
// has led astray from being answered by another machine, and its reply from being taken for one of that. A request that is replayed has an answer that nobody has asked for, and no other effect: edges are listened to in replies only.
package wire
