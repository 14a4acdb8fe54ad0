// Package fleet names the machine whose clock is wrong, by proof: machines compare their clocks, and
// whoever contradicts more machines than may be wrong is wrong itself. There are no means in it and no thresholds.
//
// It is pure: readings, replies and the time that has passed are arguments, and the same calls give the same answers. Package node has
// the sockets.
//
// # What one exchange proves
//
// Machine A reads its clock, [I1], asks B, gets B's reading J, and reads its clock again, [I4]. B has read its clock after
// A's request was sent and before A had the reply: the reply has in it a random number of that request. Let T be true time at
// that moment. If A is right then I1.Earliest ≤ T ≤ I4.Latest, as true time does not go back. If B is right then T is in J.
// So if [I1.Earliest, I4.Latest] and J have no moment in common, A or B is wrong. That is an edge between A and B. The delay of
// the network only widens the first interval: it costs edges, and never makes one.
//
// All of this is in the scale of truetime.Time, UTC smeared from noon to noon, which is what every Epsilon answers in, so that no leap second
// comes between two machines. A machine whose clock has no answer is compared with nobody.
//
// # What is assumed
//
// All machines are given the same list of entries, host:port, and an entry is one machine. At most f of these n machines are wrong within [Memory], an
// hour. Wrong is a machine whose clock has given an interval without true time in it, and one that says what it should not: other intervals to other peers,
// an edge that it has not proved, that it is another machine. Neither silence nor a lost datagram is wrong. Whoever has the fleet's key and can read and answer what
// is sent to another machine can be taken for that one, so that both of them count among the f.
//
// f counts for as many machines as were configured. That some do not answer, or say that they are one and the same, or this one, makes it no smaller.
//
// # Who is who
//
// A machine is the entry at which it answers. Its name is for people; it may call itself as it likes, and take another one's name and run. An entry that
// leads to the same run as another is compared with nobody, and neither is one that says it is this machine: whoever lies so withdraws itself from comparison,
// or another machine, which costs edges and makes none. Which entry has this machine's own address is looked at in each round, as addresses change while machines
// run and the one that was this machine's may be another one's by now. An entry has to have answered before what others say of it counts, as long as a machine has not
// recognised itself by its address: or it could count itself twice.
//
// # Why nobody is convicted who is right
//
// Let W be the set of the wrong machines. What a machine knows are edges {R, X} that R has proved by its own exchange with X, and has told when it was asked at
// its entry. What R says of an exchange between two others is not listened to, and there is no field for it.
//
//   - If R is right, the edge is true, and as R is right X is wrong: X is in W.
//   - If R is wrong, the edge may be forged. But R is in W.
//
// So every edge, forged or not, has an end in W: W is a vertex cover of the graph that a machine knows, with at most f
// vertices. If a vertex v is not in W then all its neighbours are, so it has at most f of them. Hence whoever has more than f distinct neighbours is in W.
// That is the first rule of Buss' kernel for vertex cover (Buss and Goldsmith, Nondeterminism within P, 1993). Without v, the rest of W covers the
// rest of the graph and has at most f−1 vertices, so the rule applies again with f−1, until nothing more follows. A machine that is right has at most as many
// neighbours as there are wrong ones, however many of them forge edges with it.
//
// The same holds of the graph that several machines know together, and if the machine that computes it is wrong itself.
//
// Edges that have no end in common have different ends in W. So where more of them are left than machines that may still be wrong, the
// assumption has failed, and nobody is convicted: [Verdict] says so instead.
//
// # What is remembered, and for how long
//
// An edge counts for an hour from when it was last proved; f is about that hour. It belongs to one run of each of its two daemons: whoever learns of a machine that it
// has been restarted since forgets it. So a restarted machine has no edges, and has them again at once if it is still wrong. A machine that cannot say how much time
// has passed, as after a suspend, forgets all edges that it knows.
//
// # Whom to ask
//
// In each round a machine asks its two neighbours in the ring of all sorted peers, so that everybody is asked by two, and k others in a random order in which everybody has
// a turn. In the place of one of these k it asks an accused machine, one of whose edges it has heard, if it has not heard from it lately. So an accusation is soon tested by
// all, and a round costs the same in a fleet of ten and of a thousand.
//
// # What this does not promise
//
// Two wrong machines that agree are not seen by each other. A machine that is wrong by less than the intervals are wide has no edge, and no machine has more than n−1: with
// f above n−2 nobody can be convicted. Of two machines nobody can tell which one is wrong.
package fleet
