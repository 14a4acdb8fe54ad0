// Package distance holds what follows for an exchange if the source is known to be far away.
//
// # The bound
//
// No signal is faster than light in vacuum. A message to or from a source that is at least d away
// is under way for m = d/c at least, and both facts of an exchange (see [truetime.Sample]) are
// better by m:
//
//	T(c1) ≤ T2 + E − m        the request left after c1, and arrived m later or more, before T2 was read
//	T(c4) ≥ T3 − E + m        the reply left after T3 was read, and arrived m later or more, before c4
//
// So ε is δ/2 − m + E, below half the round trip. A user who knows the delay of the cable can say m
// itself.
//
// # Why the stamps do not matter
//
// The claim is about the way between two machines. All that the facts need is the order of events:
// c1 was read before the request left, T2 after it had arrived, T3 before the reply left, c4 after
// it had arrived. The kernel's stamps keep that order as readings of the program do (see package
// wallclock), and so do stamps of a network card, which are made where the message enters or leaves
// the machine. Stamps that are nearer to the network make δ smaller, and m is no part of what they
// take off.
//
// What the claim does use up is the room that the path gives to servers which understate E. If a
// server stamps its reply 10 µs after it has left and E does not count that, the lower fact is true
// as long as the reply takes 10 µs to arrive. With m only what the reply takes longer than m is left
// for that.
//
// # Disproof
//
// Let r be what the two messages were under way together. The client saw c4 − c1 of it, less what
// the server kept the request for. By T2 and T3, each within E, that was T3 − T2 − 2E at least, and
// never below 0. The counter may have seen too little, by its drift and its resolution, which are
// the slack. So
//
//	r ≤ c4 − c1 + slack − max(T3 − T2 − 2E, 0)
//
// and where that is below 2m the claim is false, if E and the drift are true. The resolution of the
// server's stamps is part of E. It follows that facts with a claim that is not disproved never
// contradict each other. A claim that is false and not disproved does not show at all.
//
// # Scales
//
// m is a time in SI seconds. Smeared UTC counts up to 1/86 401 less while a leap second is smeared,
// and no source says when that is, so for a source that serves it m is always that much smaller: 39
// ns for 1000 km.
//
// Stepped UTC may step between T2 − m and T2. The engine refuses samples of such a source that are stamped within 6 s
// of a leap second, by the facts as they are here. If one of them was moved across the leap second,
// it is within m of it, and m is 1 s at most. So is the other one, or it lies on the other side by no
// more than the exchange took, which a clock ends after 5 s: a claim that is not disproved has
// T3 − E + m after T2 + E − m by no more than c4 − c1 and the slack.
//
// # Where it holds
//
// The distance is along the ground. That is the shortest way around the Earth's body: nothing outside
// of a convex body is shorter. UTC is counted in a frame that turns with the Earth, where a signal
// westward takes up to 1.6 millionths of its time less than d/c (Ashby, Relativity in the Global
// Positioning System, Living Reviews in Relativity 6, 2003, section 2). Air slows signals by 270
// millionths, glass by half, and a way above the air is longer, so between places on the ground there
// is no need to allow for that.
package distance
