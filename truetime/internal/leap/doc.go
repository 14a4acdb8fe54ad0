// Package leap knows about leap seconds: when they are, how the clocks of the world show them, and
// what follows for a clock that does not know. It is pure: there is no clock in it, and no I/O but
// reading a table from what the caller opens.
//
// # Scales
//
// A clock runs in one continuous scale, [TAI]. What its sources serve is converted on the way in
// ([Belief.In]) and what it answers on the way out ([Output.Interval]), to UTC smeared from noon to
// noon. [Smeared] and [UTC] are other types than TAI, so that none is taken for another.
//
//	table := leap.BuiltIn()
//	belief := leap.NewBelief(table, voters, faulty)
//	err := belief.Anchor(from, lo, hi)       // the epoch has its first answer, [lo, hi]
//	...
//	err = belief.Advance(lo, hi)             // the answer is [lo, hi]
//	output := belief.Output(lo)              // published with it
//	earliest, latest, ok := output.Interval(lo, hi)
//
// # What is believed
//
// A table is right about all leap seconds up to its expiry. Beyond that each end of a UTC month is a
// question with three answers: no leap second, one inserted, one removed. Before the smear of a
// possible leap second begins, at noon, the question makes no difference. From then on the output is
// the hull of what all possible answers say, and possible answers are only ever struck out:
//   - at the end of June and December by f+1 voters who announce a leap second, or show one: everybody who
//     steps shows it at once, whoever smears it from the beginning of the smear, and a clock that knows
//     the time to a fraction of a second can see it;
//   - at the end of other months, where there has never been one, by n−f voters who show one. Announcements do
//     not count: they are flags that somebody has forgotten;
//   - by n−f voters who show that there was none. That is more than f+1, as a server that has not heard
//     of a leap second shows the same for a while;
//   - at the end of other months than June and December also by n−f voters who announce none, from an hour after noon
//     on. At the end of these two that proves nothing: NTP's 0 is also what a server says that does not know;
//   - by a newer table.
//
// Where an epoch begins after a possible leap second of which nothing is known, TAI−UTC before it is
// what differs between the answers, and the hull is at most half a second to either side and closes
// at noon. What is called TAI is then off by a second if there was one, which makes no difference to
// smeared UTC; it does to TAI, and to sources that serve it.
//
// A clock all of whose sources smear from noon to noon needs none of this, for it answers what they
// show: their samples are best taken as they are, and its drift with 11.6 ppm more.
//
// # Assumptions
//
// Besides those of the clock: a voter who is right announces the leap second of this day and no
// other if it announces one, at the end of June and December; steps within 5 s of it; and if n−f announce none in the last eleven
// hours of another month, there is none.
//
// # What this does not promise
//
// Anything about leap seconds after the table expired that are less than 20 days before the epoch began, or before
// the process did: it takes TAI−UTC to be what the table said last. In the hull the width is up to half a second to either side by the
// time of the leap second, one second by noon, and it lasts until somebody shows what has happened.
package leap
