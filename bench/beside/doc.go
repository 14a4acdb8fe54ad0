// Command beside shows how wide our intervals are beside the bound that ClockBound makes of chronyd, on paths of several kinds
// between real daemons on this machine, and what limits them.
//
//	go run ./bench/beside
//	go run ./bench/beside -markdown
//	go run ./bench/beside -experiments
//
// It takes five and a half minutes, Linux, chronyd (apt-get install chrony) and two processors that have nothing else to do. Root, or CAP_SYS_NICE, lets the
// network and the servers go before everybody else, as if they were other machines; without it the busy beds are left out. Nothing
// touches the system clock, and the last table says if something else did, as true time is the host's clock here.
//
// # A bed
//
// Four servers are honest: they serve the host's clock, which is true time here. A chronyd and clocks of ours, without and with a
// bound on the wander of 0.1 ppm/s, ask them once a second, or at 0.1 ms four times, over the same paths. Everybody on a bed assumes
// the same drift: 200 ppm, and on two beds 50, which ClockBound's manual names; chronyd's default is 1, which no processor's oscillator vouches for. Some beds have
// further clocks, called finer, which ask for finer bounds (ntpsrc.WithFineBounds) and know how the kernel is steered (ntpsrc.WithSharpStamps). The paths are made by a
// process that holds datagrams back, from the kernel's stamp of their arrival, or from the server's own transmit stamp, which is of the same clock.
// The last table shows how late it was, and what round trips our clock saw: where they are far from the name, the
// machine had something else to do, and the other tables mean little. A row is marked where more than one datagram in 100 was late by more than a
// tenth of the path.
//
// The reads are divided into three blocks, and how far the means of the blocks differ is shown beside the mean of all. Where an answer of ours does not
// contain the host's clock the tables say so, and the program ends with an error.
//
// On the busy beds as many processes as there are processors do nothing but compute, at normal priority, as the clients have.
//
// # What follows from the formulas
//
// Without a bound on the wander ours is the second best of four samples, because one of the four servers may
// be wrong. It is
//
//	δ/2 + E + ρ·a    with a = 0.53 s on average, as polls are 1 to 1.1 s apart, of all servers together
//
// where E is what the server claims to be wrong by: here 0, and what its fields may have been rounded by,
// 23 µs. Chronyd states
//
//	δ'/2 + dispersion + ρ·a' + |last offset|    with a' = 1 s on average
//
// Its age is half a poll, 0.5 s, and another 0.5 s because it states its time of reference earlier than it was, by
// a random part of a second (reference.c, fuzz_ref_time); more where it takes samples for outliers. And
// δ' is the least delay of the last minute, which it ages by its estimate of the skew alone
// (sourcestats.c, SST_GetTrackingData). That is no bound, and as narrow as ours can be only if the wander is
// bounded. Nor does chronyd reckon with a faulty server. ClockBound's client adds ρ times the time since its daemon asked chronyd, another 0 to 1 s: that is left
// out, in chronyd's favour.
//
// So where the delay is always the same, ours is narrower by 95 µs less E and chronyd's by what delays vary. At a
// delay of 1 ms that is (500 + 23 + 105)/(500 + 200) = 0.90, and with the wander bounded, where little is added for
// the age, at least (500 + 23)/700 = 0.75. Of the 200 half is the random part of chronyd's time of reference. At 50 ppm there is less to gain:
// (500 + 23 + 26)/(500 + 50) = 1.00, and with finer bounds 0.96. Nobody can be below δ/2, but where a distance is declared: shorter paths have
// lower ratios and longer ones ratios near 1. With a wander of 0.1 ppm/s a round trip of 20 ms takes ten minutes until
// the rate is known to better than 200 ppm (expected.go, growth), so on that bed A4 gains nothing.
package main
