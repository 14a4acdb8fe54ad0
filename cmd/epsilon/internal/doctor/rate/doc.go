// Package rate measures how fast a machine's counter has run against true time, as a proof and not as an
// estimate: evidence for whoever declares a drift (truetime.WithDrift) or a wander (truetime.WithMaxWander).
//
// A clock says between which two moments true time is. Two such answers, with the counter beside each, bound
// how much true time passed while the counter advanced by so much, and so the counter's mean rate in between,
// from both sides. That is done for windows of several lengths: short ones show fast changes and are known
// roughly, long ones are known well and show none.
//
// The clock must not assume what is to be found out: it is given [AssumedDriftPPM] or more, and neither a wander nor
// a stability. So what is proved here rests on the sources' claims, on a majority of them, and on a counter that
// neither stands still unseen nor is off by more than that.
//
// # What this does not promise
//
// That the counter goes on as it did. A rate that was learned is no bound on the next hour: it takes somebody
// who knows the machine to declare one. That is why the library declares nothing by itself, and why what is
// recommended here has a margin for what no measurement shows: [Recommendation]. Where the evidence leaves a doubt, as
// after a contradiction of the sources, in which the counter may have run away, nothing is recommended.
package rate
