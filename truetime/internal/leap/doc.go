// Package leap knows about leap seconds: when they are, how clocks show them, and what a clock that does
// not know may still say. It is pure: it reads no clock, and no file but the table that the caller opens.
//
// # Scales
//
// A clock counts in one continuous scale, [TAI]. [Belief.In] converts what its sources serve to it, and
// [Output.Interval] converts its answers to UTC smeared from noon to noon. [TAI], [UTC] and [Smeared] are
// three types, so that none is taken for another.
//
//	belief := leap.NewBelief(leap.BuiltIn(), voters)
//	err := belief.Anchor(from, lo, hi)       // the epoch has its first answer, [lo, hi]
//	...
//	err = belief.Advance(lo, hi)             // the answer is [lo, hi] now
//	output := belief.Output(lo)              // published with it
//	earliest, latest, ok := output.Interval(lo, hi)
//
// A clock all of whose sources smear from noon to noon needs none of this, because it answers what they
// show. Its samples are best taken as they are, and its drift with 11.6 ppm more.
//
// # What is believed
//
// The table is right about all leap seconds up to its expiry. After that each end of a UTC month is a
// question with three possible answers: no leap second, one inserted, one removed. Only one question is
// open at a time, because the smear of a leap second begins 12 hours before it and ends 12 hours after it.
// Before that first noon the answers make no difference. From then on the output is the hull of what they
// say, and an answer is only ever struck out. What strikes it out depends on the month:
//
//	                     June, December                       other months
//	a leap second        f+1 voters announce or show it       n−f voters show it
//	no leap second       n−f voters show it                   n−f voters show or announce it
//
// All leap seconds so far came at the end of June or December. There nobody announces one without knowing,
// but NTP's 0 is also what a server says that does not know. In other months a flag is more likely one that
// somebody forgot to clear. A voter shows what happened when its stamps contradict the other answers: one
// that steps does so at once, one that smears from the beginning of the smear.
//
// Where no table and no voter tells, the output stays the hull: up to half a second to either side at the
// leap second. After the second noon the answer matters no more to an epoch that begins then, so a clock
// whose sources have answered but cannot tell begins a new one ([ErrUndecided]).
//
// An epoch that begins in the 12 hours after a possible leap second knows TAI−UTC by what UTC is now, and
// what differs between the answers is TAI−UTC before it. What it calls TAI may be off by a second. That makes
// no difference to smeared UTC, but [Belief.Certain] says that TAI is not known.
//
// # Why the output is right
//
// The true course of the leap seconds is one of those that are possible. TAI−UTC of the slow timeline is
// never less than the true one and that of the fast timeline never more. So slow shows at most what the true
// smeared clock shows, and fast at least that. Each rises with time. If it is between lo and hi, smeared UTC
// is between what slow shows at lo and what fast shows at hi, rounded outward.
//
// # Why Earliest does not go back
//
// Let lo rise, as it does within an epoch. With the same slow timeline, what it shows rises. The timeline
// changes in three ways only:
//   - An answer is struck out. TAI−UTC of the new slow timeline is nowhere greater, so it shows nowhere less.
//   - The next question takes the place of an answered one. The timelines change only from the beginning of
//     its smear on, and no Output before answered for later: that is its horizon.
//   - A newer table arrives before the smear of the first month that it adds. The same holds.
//
// No answer comes back within an epoch. An announcement may be taken back until noon and is not used before
// noon. A table is not taken back, because tables that disagree are refused. If all answers are struck out
// the epoch ends ([ErrBroken]), and with it the promise about Earliest. It also ends if the next month ends
// with the question still open, and if a newer table covers a month that the epoch had to do without: what
// the epoch believed need not be weighed against the table then.
//
// # Assumptions
//
// Besides those of the clock: a voter that is right and announces a leap second at the end of June or
// December announces the one of this day; it steps within 5 s of it; and if n−f announce none in the last
// eleven hours of another month, there is none.
//
// # What this does not promise
//
// That TAI is known in an epoch that began after a month's end that the table does not cover. That the answer
// is narrow before a question is answered: at worst it is one second wide at the leap second if the epoch
// knows the time before it, two seconds wide after the second noon, and stays so while no more than f voters answer.
package leap
