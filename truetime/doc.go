// Package truetime is a clock that knows how wrong it may be. Asked for the time it answers with an
// [Interval] that contains true time, or with an error, never with a guess.
//
//	sources := []truetime.Source{
//		ntpsrc.Server("ntp1.example.net"),
//		ntpsrc.Server("ntp2.example.net"),
//		ntpsrc.Server("ntp3.example.net"),
//		ntpsrc.Server("ntp4.example.net"),
//	}
//	clock, err := truetime.New(sources)
//	if err != nil {
//		return err // a mistake in the configuration
//	}
//	defer clock.Close()
//	if err := clock.WaitSynchronized(ctx, 100*time.Millisecond); err != nil {
//		return err // it says which sources did not answer, and why
//	}
//	now, err := clock.Now()
//	if err != nil {
//		return err // there is no sound answer at this moment
//	}
//	use(now.Earliest, now.Latest, now.Uncertainty())
//
// Two events are certainly ordered if their intervals do not overlap. To make sure that everything
// which happens later gets a later timestamp, take Latest as the timestamp and wait until it has
// passed: package commitwait does that.
//
// # What is assumed
//
//   - A1, local rate. The local counter c runs within ρ of true time T: |dc/dT − 1| ≤ ρ, by default
//     200 ppm ([WithDrift]).
//
//   - A2, source claim. A correct source's clock is within its own claimed error of true time when
//     it stamps a message. For NTP the claim is root delay/2 + root dispersion, and what the
//     precision of the stamps adds.
//
//   - A3, majority. Of n configured voters at most f are incorrect at any time within memory, by
//     default f = ⌊(n−1)/2⌋ ([WithFaulty]). n counts those configured, not those that answer:
//     otherwise whoever can silence two honest servers out of five could have two lying ones win.
//     Memory is, for each source, what it said in the 20 minutes up to its last answer, however old
//     that is; and the whole epoch for what was agreed. Two voters that show the same identity
//     within memory may be one machine. From then on they count as one, and if they had counted
//     as two in this epoch, the epoch ends. Declare a [Group] where you know it beforehand.
//
//   - A4, stability, only if it is asked for. The rate y = dc/dT of the local counter changes slowly,
//     |dy/dT| ≤ w ([WithMaxWander]), or stays within D of its mean over the hour
//     ([WithRateStability]). Seconds and hours are those of true time. It makes the interval several times narrower, and it is the one
//     assumption whose failure mostly does not show.
//
//   - A5, leap seconds. The table is right up to its expiry. Beyond it, a correct source that announces a
//     leap second at the end of June or December announces the one that comes; that a source announces none there
//     proves nothing, for NTP cannot say "I do not know". At the end of other months there has never been one: what
//     announces one is not believed, and there is none if n−f voters announce none from an
//     hour after noon. A correct source counts in the scale that it is declared to serve
//     ([Scale]), and one that steps does so within 5 s of the leap second. A source of TAI that says how far
//     UTC is behind gives the right number, except within a minute of a leap second.
//
//   - A6, unseen pauses, only if it is asked for. Between a sample and an answer that rests on it the local counter has stood
//     still for no more than d in all ([WithUnseenPause]), as that of a virtual machine may in a migration. Otherwise
//     it does not stand still unseen, which is a part of A1.
//
// # What is promised
//
// For every successful [Clock.Now], true time at some moment between call and return lies within
// [Earliest, Latest]. If what is assumed holds this is a theorem, not a statistic: delay and asymmetry
// of the network, loss, and f liars who see everything can only widen the interval. Earliest never
// goes back within an epoch.
//
// If sources fall silent the interval widens by ρ on each side, for ever, and stays true: that is
// [Holdover], and not an error. Only where the leap second table has expired it ends, before the end of the second
// month of which nobody has shown whether it had a leap second. If the clock can see that an assumption is broken it ends the
// epoch: it drops its history and returns [ErrNotSynchronized] until f+1 voters have answered
// again. If epochs go on ending as soon as they have begun it returns [ErrClockFaulty].
//
// A first answer, too, takes f+1 voters: two of three, three of five. A voter that has
// not been heard excludes nothing; of any f+1 voters one at least is right, so what f+1 exclude is not true time. Until 2f+1 have been heard the wrong ones among
// them may make it wide, up to ±16 s, and where they would make it wider there is none. Wide is true all the
// same: [Clock.After] and [Clock.Before] are false more often, a commit wait takes as long as the interval
// is wide, and a lease or a [Clock.WaitSynchronized] that demands a narrow one waits.
//
// # What this does not promise
//
//   - Anything while an assumption does not hold. A broken assumption is noticed when facts
//     contradict each other, which takes a few polls and may never happen; answers until then may be
//     wrong.
//   - Anything about how long the caller takes to use an answer. A goroutine may be paused after Now
//     has returned: that is what commit-wait and fencing tokens are for.
//   - Anything between a disruption of the local counter and the moment it is noticed. A suspend, a
//     change of the kernel's clocksource, a pause of the process of more than 5 s and the like are
//     noticed within three seconds. A migration or a restore of a virtual machine is noticed
//     at once if its hypervisor has a VMClock ([WithVMClock]), and otherwise when the sources
//     contradict their past.
//   - TAI, where the leap second table has expired and a month has ended since: [Clock.NowTAI] refuses then. Smeared UTC stays true,
//     and is wider around the end of a month as long as nobody says whether there is a leap second.
//
// # What happens inside
//
// Each answer of a source is two one-sided facts ([Sample]). They are fused over time, and agreed on
// over the sources by the rule M_f of K. Marzullo, "Tolerating failures of continuous-valued
// sensors", ACM TOCS 8(4), 1990: the hull of all moments that at least n−f intervals cover. The
// interval of a source that does not answer widens and goes on voting. From poll to poll the interval is
// carried by [monotonic.System] alone, and by neither the wall clock nor Go's monotonic clock, so no time
// daemon can bend it. A source that reads the wall clock, as for the kernel's stamps of packets, allows for
// its being slewed, and drops what it has read if it was set.
//
// All of that is decided by a pure engine, which package truetimetest drives through simulated worlds
// of drifting oscillators, bad networks and lying servers; a recording of a real clock
// ([WithRecorder], [WithFlightRecorder]) goes through it again to the same nanosecond.
package truetime
