// Package adversary is a set of NTP servers on loopback of which some lie, each in another way
// every turn: by a seed, so that what was found can be looked for again. Tests put a clock in front
// of them.
//
// # Who lies, and who does not
//
// An honest server serves [Truth] with a constant error, at times as large as it claims, and falls
// silent at times: silence is no fault. A liar is in the same process and knows the truth, what
// every honest server is wrong by, and what each of them said last. Liars conspire in some turns,
// and then all tell the same lie.
//
// The liars of a world stay the same for its whole life. That is what truetime's assumption A3 is
// about: at most f sources are wrong within memory, not at a time.
//
// # What is true
//
// Truth is the host's clock as it was when the world began, carried on by the host's clock that
// nobody can set. So somebody who sets the wall clock meanwhile disturbs nothing. By a seed it runs
// faster or slower than the host's, well within the drift and the wander that clocks assume, or a
// host whose counter is also its clock would never show what depends on drift.
package adversary
