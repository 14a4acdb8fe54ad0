// Package polling decides when a source is asked next and how long an answer may take. It is pure:
// outcomes go in, durations come out. It knows no clock; who waits is the caller.
//
// A new clock asks every source at once and a few times in short order (the burst), so that the
// first answer comes within one round trip and the best of the burst's exchanges counts. From then
// on a source that answers is asked every Min, and one that does not is asked less and less often,
// down to every Max, for as long as the clock lives: a source that comes back is found again.
//
// Nothing is for ever. A server that has asked for fewer polls is asked half as seldom after every so many
// answers without another complaint, and one that has denied service is asked again after a day.
package polling

import (
	"math/rand/v2"
	"time"
)

const (
	// The spacing of a burst is this or Min, whichever is shorter. NTP's own burst uses 2 s
	// (RFC 5905 section 13.2, BTIME).
	burstSpacing = 2 * time.Second

	// A server that wishes to be asked no more often than this is not, whatever the user has decided, not
	// in a burst either. NIST refuses service to whoever asks more often than every 4 s.
	politeSpacing = 4 * time.Second

	// Nobody is asked exactly on time, or clients started together would stay together. The wait is
	// lengthened only, because a server may insist on its shortest interval.
	jitter = 0.1

	// An answer may take as long as the round trips seen so far suggest (RFC 6298 section 2, as TCP
	// does), within these limits. A reply that comes later is lost, so the lower limit leaves room
	// for a server or for ourselves to be scheduled late.
	timeoutFirst = time.Second
	timeoutMin   = 200 * time.Millisecond
	timeoutMax   = 5 * time.Second

	// More failures in a row than these change nothing: nanoseconds have been doubled to decades, and
	// the shortest timeout to the longest.
	maxFailures = 64
	maxTimeouts = 5

	// While there is no answer nobody is waited for longer than this many intervals.
	urgentFactor = 4

	// A server that goes on asking for fewer polls is asked no less often than this, which is what NTP
	// itself settles at (RFC 5905 section 7.3, default maximum poll of 2¹⁰ s).
	slowest = 1024 * time.Second

	// What a server has asked for is halved after patience answers in a row without another complaint, until nothing
	// is left of it: with the defaults within 9 hours from the slowest. A server that complains again is given
	// twice that, up to patienceMax, so that one that means it is probed ever less often.
	patience    = 16
	patienceMax = 1024

	// A server that has denied service is asked again after a day, and after twice as long each time that it
	// still does or does not answer: whoever denied it may have taken it for somebody else.
	denialFirst = 24 * time.Hour
	denialMax   = 8 * 24 * time.Hour
)

// Config is the same for every source of a clock.
type Config struct {
	Min, Max time.Duration // the wait between two polls of a source that answers; the longest wait of one that does not
	Burst    int           // how many polls follow each other quickly after a start; 1 means no burst

	// Adaptive polling begins at Min, is changed by [Schedule.Adapt], and heeds the wishes of servers.
	Adaptive bool
}

// Schedule is the polling state of one source. It is not safe for concurrent use.
type Schedule struct {
	config Config
	random *rand.PCG // makes the jitter

	burst    int           // quick polls left
	interval time.Duration // between polls while it answers, if the server has no objection
	limit    time.Duration // the shortest that the server allows, since it has asked for fewer polls; 0 if it has not
	content  int           // answers since then, or since the limit was halved
	halved   bool          // it has been halved since the server complained last
	patience int           // how many of them halve it
	denial   time.Duration // the last wait for a server that denies service
	wish     time.Duration // the shortest at which it likes to be asked; 0 if it does not say
	failures int           // in a row, counted up to maxFailures
	urgent   bool          // there is no answer without this source, or one like it
	least    time.Duration // the last wait, before jitter

	smoothed, variation time.Duration // of the round trip; 0 before the first
	timeouts            int           // in a row, counted up to maxTimeouts
}

// New returns the schedule of a source that is due at once. The generator makes the jitter.
func New(config Config, random *rand.PCG) *Schedule {
	return &Schedule{config: config, random: random, interval: config.Min, burst: config.Burst - 1}
}

// Restart begins a new burst, because after a disruption the history is gone and answers are wanted
// soon, and returns the wait before its first poll. A server that has asked for fewer polls gets
// no burst.
func (s *Schedule) Restart() time.Duration {
	s.failures = 0
	if s.limit == 0 {
		s.burst = s.config.Burst
	}
	return s.wait()
}

// Adapt sets the interval between polls while the source answers, within Min and Max.
func (s *Schedule) Adapt(interval time.Duration) {
	s.interval = min(max(interval, s.config.Min), s.config.Max)
}

// Wish notes the shortest interval at which the server likes to be asked, or 0.
func (s *Schedule) Wish(least time.Duration) { s.wish = min(max(least, 0), slowest) }

// heeded is the wish as far as it counts. Where polling is not adaptive the user has decided, down to what
// is polite.
func (s *Schedule) heeded() time.Duration {
	if s.config.Adaptive {
		return s.wish
	}
	return s.polite()
}

// polite is the shortest wait there ever is.
func (s *Schedule) polite() time.Duration {
	if s.wish < politeSpacing {
		return 0
	}
	return politeSpacing
}

// Urge says whether the clock has no answer at all. Then a source that fails is asked again no later than after
// urgentFactor intervals: it may be the one that is missing.
func (s *Schedule) Urge(urgent bool) { s.urgent = urgent }

// Timeout is how long the next answer may take.
func (s *Schedule) Timeout() time.Duration {
	timeout := timeoutFirst
	if s.smoothed > 0 {
		timeout = s.smoothed + 4*s.variation
	}
	timeout = max(timeout, timeoutMin)
	for range s.timeouts {
		timeout = min(2*timeout, timeoutMax) // RFC 6298 section 5.5
	}
	return min(timeout, timeoutMax)
}

// RoundTrip is how long answers take, smoothed as for Timeout; 0 before the first.
func (s *Schedule) RoundTrip() time.Duration { return s.smoothed }

// Answered notes an answer that took roundTrip, and returns the wait before the next poll.
func (s *Schedule) Answered(roundTrip time.Duration) time.Duration {
	if s.smoothed == 0 {
		s.smoothed, s.variation = roundTrip, roundTrip/2
	} else {
		s.variation += ((s.smoothed - roundTrip).Abs() - s.variation) / 4
		s.smoothed += (roundTrip - s.smoothed) / 8
	}
	s.failures, s.timeouts, s.denial = 0, 0, 0
	s.forgive()
	return s.wait()
}

// forgive halves what the server has asked for when it has been content for long enough, and in the end forgets that
// it has ever complained.
func (s *Schedule) forgive() {
	if s.patience == 0 {
		return
	}
	if s.content++; s.content < s.patience {
		return
	}
	s.content = 0
	if s.limit == 0 {
		s.patience, s.halved = 0, false
		return
	}
	s.halved, s.limit = true, s.limit/2
	if s.limit <= max(s.interval, s.wish) {
		s.limit = 0
	}
}

// HeldBack reports whether the server is asked less often than it would be, because it has asked for that.
func (s *Schedule) HeldBack() bool { return s.limit > max(s.interval, s.wish) }

// TimedOut notes that no answer came in time, and returns the wait before the next poll.
func (s *Schedule) TimedOut() time.Duration {
	s.timeouts = min(s.timeouts+1, maxTimeouts)
	return s.Failed()
}

// Failed notes an answer that could not be used or a request that could not be sent, and returns
// the wait before the next poll: twice as long for each failure after the first.
func (s *Schedule) Failed() time.Duration {
	s.failures = min(s.failures+1, maxFailures)
	return s.wait()
}

// SlowDown notes that the server wants to be asked less often (kiss-o'-death RATE, RFC 5905
// section 7.4): from now on the interval is twice what it was, also beyond Max, for it is the
// server that has the last word. It returns the wait before the next poll. See patience for how it is forgiven.
func (s *Schedule) SlowDown() time.Duration {
	if s.patience = max(s.patience, patience); s.halved {
		s.patience = min(2*s.patience, patienceMax)
	}
	s.content, s.halved = 0, false
	s.limit = min(2*s.answering(), max(s.config.Max, slowest))
	s.burst, s.failures, s.timeouts = 0, 0, 0
	return s.wait()
}

// Denied notes that the server denies service, or that one that has done so still gives no answer. It returns the wait
// before the next poll.
func (s *Schedule) Denied() time.Duration {
	s.denial = min(max(2*s.denial, denialFirst), denialMax)
	s.burst, s.failures, s.timeouts = 0, 0, 0
	return s.wait()
}

// answering is the wait between two polls while the source answers.
func (s *Schedule) answering() time.Duration { return max(s.interval, s.limit, s.heeded()) }

// Interval is the present wait between two polls, without jitter.
func (s *Schedule) Interval() time.Duration {
	if s.denial > 0 {
		return max(s.denial, s.config.Max)
	}
	interval := s.answering()
	longest := max(s.config.Max, interval)
	if s.urgent {
		longest = min(longest, urgentFactor*interval)
	}
	for range s.failures - 1 {
		if interval = min(2*interval, longest); interval == longest {
			break
		}
	}
	return interval
}

// Window returns the shortest and the longest wait that would have done in place of the one returned
// last.
func (s *Schedule) Window() (least, most time.Duration) {
	return s.least, s.least + time.Duration(jitter*float64(s.least))
}

func (s *Schedule) wait() time.Duration {
	s.least = s.Interval()
	if s.burst > 0 {
		s.burst--
		s.least = max(min(max(s.config.Min, s.heeded()), burstSpacing), s.polite())
	}
	return s.least + time.Duration(jitter*rand.New(s.random).Float64()*float64(s.least))
}
