package truetime

import (
	"io"
	"time"

	"github.com/epsilontime/epsilon/internal/unset"
	"github.com/epsilontime/epsilon/monotonic"
	"github.com/epsilontime/epsilon/truetime/internal/discipline"
)

// An Option changes what [New] assumes or does.
type Option func(*config)

// Limits of the options. What is below the least drift, wander or deviation is no oscillator's but
// a number in another unit, such as 50e-6 for 50 ppm.
const (
	minDriftPPM     = 0.01
	minWanderPPB    = 1
	maxWanderPPB    = 100_000
	minDeviationPPM = 0.01
	maxDeviationPPM = 200
	minPoll         = time.Millisecond
	maxPoll         = 1 << 17 * time.Second // 36 h, as NTP's MAXPOLL (RFC 5905 figure 7)
	maxBurst        = 16
	minPause        = time.Microsecond
	maxPause        = time.Hour
)

// MaxDriftPPM is the largest drift that [WithDrift] accepts, in parts per million.
const MaxDriftPPM = discipline.MaxDriftPPB / 1000

// WithDrift sets ρ, the most by which the local counter's rate may differ from that of true time,
// in parts per million: 0.01 to 100 000. The default is 200.
//
// Between two samples each end of the interval moves away by ρ, 200 µs a second by default, so a
// smaller ρ is a narrower answer. It is also a promise: if the oscillator is worse than ρ, the
// interval may miss true time before the sources give it away. No kind of machine vouches for less
// than the default. Half of some 20 000 hosts in a survey by D. Mills were off by 78 ppm or more, and
// some by more than 500, which even the default does not admit. A kernel that measures its counter's
// nominal rate at each start may be off by more one day than the other, and what a virtual machine
// sees may step by 250 ppm when it migrates: KVM does not scale a guest's counter to a host that is
// within that (tsc_tolerance_ppm in Linux arch/x86/kvm/x86.c). Declare less for a machine whose
// counter was measured: "epsilon doctor --rate" does that.
func WithDrift(ppm float64) Option {
	return func(c *config) {
		if !(ppm >= minDriftPPM && ppm <= MaxDriftPPM) {
			c.mistake("drift of %v ppm: it is in parts per million and must be %v to %v, as in WithDrift(50) for 50 ppm",
				ppm, minDriftPPM, MaxDriftPPM)
			return
		}
		c.choices.DriftPPM = ppm
	}
}

// WithMaxWander assumes that the rate of the local counter changes by no more than w, in parts per
// billion in a second of true time: 1 to 100 000. By default nothing is assumed about it. The rate
// is dc/dT, as it is for [WithDrift]: nominal nanoseconds of the counter in one of true time.
//
// It makes the interval much narrower: at 100 ppb/s the answer widens between polls by some 15 ppm
// in place of 200 where round trips are 1 ms, because the present rate follows from what the
// sources have said lately. The price is a promise that nobody can check: if the oscillator breaks
// it the interval may miss true time, and mostly nothing shows.
//
// What to declare, here and with [WithRateStability], by what crystals are known to do. It is no
// measurement of yours, which "epsilon doctor --rate" makes:
//
//	bare metal in a data centre    WithMaxWander(100), WithRateStability(20)
//	after a cold start, bad fans   WithMaxWander(1000)
//	a virtual machine              neither, unless it is never migrated or a VMClock device tells of it
//
// A crystal changes by about 1 ppm/°C, so w is that times the fastest change of its temperature: a
// load step beside the crystal makes 20 to 100 ppb/s, fan failures and cold starts 100 to 500. And
// 20 ppm is a swing of 15 to 20 °C for a bad crystal. The rate that a virtual machine sees may step
// by 250 ppm when it is migrated: see [WithDrift].
func WithMaxWander(ppbPerSecond float64) Option {
	return func(c *config) {
		if !(ppbPerSecond >= minWanderPPB && ppbPerSecond <= maxWanderPPB) {
			c.mistake("maximum wander of %v ppb/s: it is in parts per billion per second and must be %v to %v, as in WithMaxWander(100) for 0.1 ppm/s",
				ppbPerSecond, minWanderPPB, maxWanderPPB)
			return
		}
		c.choices.WanderPPB = ppbPerSecond
	}
}

// WithRateStability assumes that within any hour of true time the rate of the local counter, dc/dT,
// stays within D, in parts per million, of its own mean over any part of that hour: 0.01 to 200. By
// default nothing is assumed about it.
//
// It is easier to defend than a bound on the wander, and its danger is the same: see
// [WithMaxWander], also for what to declare. It does most in a long holdover; between polls a bound
// on the wander does more. Both may be assumed. Twice the drift ([WithDrift]) or more says nothing,
// and is refused.
func WithRateStability(ppm float64) Option {
	return func(c *config) {
		if !(ppm >= minDeviationPPM && ppm <= maxDeviationPPM) {
			c.mistake("rate stability of %v ppm: it is in parts per million and must be %v to %v, as in WithRateStability(20) for 20 ppm",
				ppm, minDeviationPPM, maxDeviationPPM)
			return
		}
		c.choices.DeviationPPM = ppm
	}
}

// WithUnseenPause assumes that the local counter may stand still where nobody sees it, for up to d in all between a
// sample and an answer that rests on it: 1 µs to 1 h. By default nothing is allowed for.
//
// It is for virtual machines that are migrated, restored or stopped by a hypervisor that does not tell of it through a
// VMClock device ([WithVMClock]). All that the guest counts with stands still together then, and nothing shows it but, to the second, the
// real-time clock that most hypervisors keep running, which the clock looks at every second or two in guests on amd64. Without this
// option answers may be wrong by as much as the pause, from its end until more than f sources have been asked again. With
// it every answer is right, through every pause up to d, and the price is that Latest is d later: ε is d/2 more, always.
// What a live migration costs is its downtime, some 10 to 500 ms for most hypervisors; a restored snapshot may be days old.
//
// An answer may rest on samples from anywhere in its epoch, and one of a daemon or a card ([Sample].Age) on what that measured before. As soon as more
// than f voters show that the counter has stood still, by more than their samples are uncertain, the epoch ends and all of d is allowed for again. So
// d is for the longest pause, and for all of the shorter ones that do not show.
func WithUnseenPause(d time.Duration) Option {
	return func(c *config) {
		if d < minPause || d > maxPause {
			c.mistake("unseen pause of %v: it must be %v to %v, the longest for which this machine's counter may stand still unseen", d, minPause, maxPause)
			return
		}
		c.choices.UnseenPause = d
	}
}

// WithFaulty sets f, how many voters may be wrong at the same time: at least 0, and fewer than
// half of them. The default is the largest minority, ⌊(n−1)/2⌋ of n voters.
//
// A smaller f gives a narrower interval and a weaker promise. Voters are counted as configured,
// whether they answer or not, and the sources of a [Group] are one voter.
func WithFaulty(f int) Option {
	return func(c *config) {
		if f < 0 {
			c.mistake("%d faulty sources: it must be at least 0", f)
			return
		}
		c.choices.Faulty = f
	}
}

// WithPoll sets how often each source is asked: every min while it answers, and less and less
// often, down to every max, while it does not, but no less often than every four times min while
// the clock has no answer. Both are between 1 ms and 36 h, min not above max. The default is 16 s
// and 256 s.
//
// Between polls the interval widens: at 200 ppm and 16 s by 3.2 ms on each side. Public servers
// expect at least 16 s; ask servers of your own every second. No server with a public address is
// asked more often than every 4 s unless it is declared to be private (ntpsrc.WithPrivate).
func WithPoll(min, max time.Duration) Option {
	return func(c *config) {
		if min < minPoll || max > maxPoll || min > max {
			c.mistake("poll interval of %v to %v: both must lie within %v and %v, the first not above the second", min, max, minPoll, maxPoll)
			return
		}
		c.choices.PollMin, c.choices.PollMax = min, max
	}
}

// WithTargetUncertainty has the clock poll as often as it takes to keep ε at or below target, which
// must be above 0, and no more often. The limits of [WithPoll] apply, which are 1 s and 256 s then
// unless that option is given, and each server's own: one that wants to be asked less often is, and
// servers with public addresses are asked every 16 s at most ([Sample].MinPoll).
//
// ε cannot fall below half the round-trip delay plus what the servers claim to be wrong by. A
// target below that makes the clock poll as often as its limits allow. It is an aim and not a
// promise: ε may be above it for a few polls while answers are lost or a source falls silent;
// [WithMaxUncertainty], which must not be below the target, refuses then. The first polls, and those
// after a disruption, are a burst all the same ([WithBurst]).
func WithTargetUncertainty(target time.Duration) Option {
	return func(c *config) {
		if target <= 0 {
			c.mistake("target uncertainty of %v: it must be above 0", target)
			return
		}
		c.choices.Target = target
	}
}

// WithBurst sets how many polls follow each other quickly when the clock starts and after a
// disruption: 1 to 16, default 4. The best of them counts. They are 2 s apart, or what [WithPoll]
// says if that is less, and 4 s for servers with public addresses ([Sample].MinPoll).
func WithBurst(polls int) Option {
	return func(c *config) {
		if polls < 1 || polls > maxBurst {
			c.mistake("burst of %d polls: it must be 1 to %d", polls, maxBurst)
			return
		}
		c.choices.Burst = polls
	}
}

// WithMaxUncertainty makes [Clock.Now] return [ErrUncertaintyTooLarge] while ε is above max, which
// must be above 0. By default an interval of any width is an answer.
func WithMaxUncertainty(max time.Duration) Option {
	return func(c *config) {
		if max <= 0 {
			c.mistake("maximum uncertainty of %v: it must be above 0", max)
			return
		}
		c.choices.MaxUncertainty = max
	}
}

// WithEvents has report called for every [Event], one at a time and in order, from a goroutine of
// the clock. It may call any method of the clock except Close, which waits for it. While it is
// slow events queue up, and beyond 256 they are dropped and counted.
func WithEvents(report func(Event)) Option {
	return func(c *config) {
		if report == nil {
			c.mistake("events: the function is nil")
			return
		}
		c.events = report
	}
}

// WithRecorder has a journal of the clock written to w: everything that its answers follow from, as
// lines of text, two for each poll and for each look at the counter, some 250 bytes. The function
// Replay of package truetimetest does it all again, and arrives at the same intervals to the
// nanosecond.
//
// Each Write is called with whole lines, one at a time, from a goroutine of the clock. It may call
// any method of the clock except Close, which waits for the last: for ever, if w blocks for ever.
// If w fails, or is so slow that 4096 records queue up, the recording ends and an [EventRecorder]
// says so.
func WithRecorder(w io.Writer) Option {
	return func(c *config) {
		if unset.Nil(w) {
			c.mistake("recorder: the writer is nil")
			return
		}
		c.recorder = w
	}
}

// WithCounter replaces the local counter, which is otherwise [monotonic.System]. Every assumption
// about drift is then about this one.
//
// A counter that [monotonic.System] or [monotonic.Raw] did not return, also one that wraps theirs,
// is not watched, and Status says so. A suspend, a change of the kernel's clocksource or a step of
// the rate goes unnoticed then, and the interval may miss true time until the sources contradict
// it, or until the clock finds that nothing ran for a while; how far a scaled counter is off its
// nominal rate is not measured and not added to the drift; its resolution is 1 ns unless it has a method that says more,
// which a wrapper has to pass on ([monotonic.Resolution]); and the VMClock device is looked at only
// if [WithVMClock] says so. So such a counter is for tests, or has to be one that neither stands
// still nor jumps, and is within the drift as it is.
//
// A test in a testing/synctest bubble needs one, since the machine's counter goes on while the
// bubble's time stands still: [New] refuses that one there.
func WithCounter(counter monotonic.Counter) Option {
	return func(c *config) {
		if unset.Nil(counter) {
			c.mistake("counter is nil")
			return
		}
		c.counter = counter
	}
}

// WithVMClock makes the clock watch the VMClock device at path, through which a hypervisor tells
// its guest that the counter was disrupted by a migration or a restore. [New] fails if it cannot be
// used. An empty path means that none is watched.
//
// By default the clock watches /dev/vmclock0 if it is there and can be read; Status says
// whether. A counter given by [WithCounter] that is not one of the machine's is not watched
// unless this option asks for it.
func WithVMClock(path string) Option {
	return func(c *config) { c.vmclockPath = &path }
}
