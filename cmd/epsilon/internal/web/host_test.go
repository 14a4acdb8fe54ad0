package web

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/epsilontime/epsilon/cmd/epsilon/internal/api"
	"github.com/epsilontime/epsilon/internal/statuspage"
	"github.com/epsilontime/epsilon/truetime"
)

// host is a daemon of which a test says what it reports.
type host struct {
	statuspage.Events

	mu     sync.Mutex
	status truetime.Status
	past   []truetime.Budget // of each second
	fleet  *api.Fleet
	stuck  chan struct{} // if not nil, a report waits for it to be closed
	behind time.Duration // how old a report is when it comes
}

var _ Host = (*host)(nil)

var testsBegan = time.Now()

const within = 10 * time.Millisecond

func (h *host) set(change func(*host)) {
	h.mu.Lock()
	defer h.mu.Unlock()
	change(h)
}

func (h *host) Status() truetime.Status {
	h.mu.Lock()
	stuck := h.stuck
	h.mu.Unlock()
	if stuck != nil {
		<-stuck
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.status
}

func (h *host) Fleet() *api.Fleet {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.fleet
}

func (h *host) Page() statuspage.Report {
	s := h.Status()
	h.mu.Lock()
	uptime := 3*time.Hour + time.Since(testsBegan) - h.behind
	h.mu.Unlock()
	return statuspage.Report{Clock: s, Fleet: FleetOf(h.Fleet()), Daemon: statuspage.Daemon{Program: "Epsilon", Version: "v1.2.3", Host: "db-7.example.net", Uptime: uptime,
		Ready: s.Err == nil && s.Uncertainty <= within, ReadyWithin: within, DriftPPM: 200}}
}

func (h *host) Report() api.Report { return api.Report{Clock: h.Status()} }

func (h *host) Reading() api.Reading {
	s := h.Status()
	r := api.Reading{State: s.State, Epoch: s.Epoch}
	if s.Err != nil {
		r.Err = s.Err.Error()
		return r
	}
	r.Interval, r.Uncertainty = s.Interval, s.Uncertainty
	return r
}

func (h *host) ReadyWithin() time.Duration { return within }

func (h *host) Now() (truetime.Interval, error) {
	s := h.Status()
	return s.Interval, s.Err
}

func (h *host) Wait(_ context.Context, within time.Duration) api.Readiness {
	return api.ReadinessOf(h, within)
}

func (h *host) Seconds(since int) statuspage.Seconds {
	h.mu.Lock()
	defer h.mu.Unlock()
	s := statuspage.Seconds{Every: time.Second, End: len(h.past), Uncertainty: []time.Duration{}}
	for _, b := range h.past[min(since, len(h.past)):] {
		s.Uncertainty = append(s.Uncertainty, b.Uncertainty())
		s.Delay, s.Claim, s.Drift = append(s.Delay, b.Delay), append(s.Claim, b.Claim), append(s.Drift, b.Drift)
		s.Leap, s.Pause, s.Disagreement = append(s.Leap, b.Leap), append(s.Pause, b.Pause), append(s.Disagreement, b.Disagreement)
		s.Answered = append(s.Answered, b != truetime.Budget{})
	}
	return s
}

// middle is the middle of the clock's interval in these tests.
const middle = truetime.Time(1_800_000_000_123_456_789)

func around(from, to time.Duration) truetime.Interval {
	return truetime.Interval{Earliest: middle.Add(from), Latest: middle.Add(to)}
}

// source is one that agrees, with an interval around an offset.
func source(name string, offset, uncertainty time.Duration) truetime.SourceStatus {
	return truetime.SourceStatus{Name: name, Verdict: truetime.Truechimer, Interval: around(offset-uncertainty, offset+uncertainty),
		Delay: uncertainty, Claim: uncertainty / 3, Stratum: 2, Age: 700 * time.Millisecond, Reach: 0xff, Poll: time.Second}
}

const us = time.Microsecond

// ordinary is a clock to which nothing has happened.
func ordinary() truetime.Status {
	b := truetime.Budget{Delay: 150 * us, Claim: 180 * us, Drift: 82 * us, EarliestFrom: "ntp1.example.net", LatestFrom: "ntp3.example.org", EarliestAge: 700 * time.Millisecond, LatestAge: 300 * time.Millisecond}
	return truetime.Status{
		State: truetime.Synchronized, Interval: around(-412*us, 412*us), Uncertainty: b.Uncertainty(), Budget: b, Epoch: 1, Voters: 5, Faulty: 2, Heard: 5, Answering: 5,
		RateLowPPM: -12.5, RateHighPPM: 31, Counter: "the processor's counter (tsc)",
		LeapSeconds: truetime.LeapReport{Status: truetime.LeapStatusNone, TableExpiry: middle.Add(1e16), TableSource: "tzdata"},
		Sources: []truetime.SourceStatus{
			source("ntp1.example.net", -30*us, 450*us), source("ntp2.example.net", 200*us, 700*us), source("ntp3.example.org", 20*us, 430*us),
			source("nts://time.example.com", -700*us, 1300*us), source("pool.example.org#1", 90*us, 900*us),
		},
	}
}

// lying is what ordinary becomes when a source lies.
func lying() truetime.Status {
	s := ordinary()
	s.Sources[1] = source("ntp2.example.net", 250*time.Millisecond, 100*us)
	s.Sources[1].Verdict = truetime.Falseticker
	return s
}

// silent is a clock that has heard nobody yet.
func silent() truetime.Status {
	s := ordinary()
	s.State, s.Err, s.Interval, s.Uncertainty, s.Budget = truetime.Unsynchronized, truetime.ErrNotSynchronized, truetime.Interval{}, 0, truetime.Budget{}
	s.Heard, s.Answering, s.LeapSeconds.Status = 0, 0, truetime.LeapStatusNoAnswer
	for i := range s.Sources {
		s.Sources[i] = truetime.SourceStatus{Name: s.Sources[i].Name, Verdict: truetime.Silent, Err: errors.New("read udp 192.0.2.7:41234->192.0.2.1:123: i/o timeout")}
	}
	return s
}

// troubled is a clock with one of everything that can be the matter.
func troubled() truetime.Status {
	s := lying()
	s.State, s.Epoch, s.Disruption, s.DisruptionAge = truetime.Holdover, 4, "the machine was suspended for 31.2 s", 75*time.Second
	s.Budget.Leap, s.Budget.Disagreement = 90*us, 200*us
	s.Uncertainty = s.Budget.Uncertainty()
	s.Interval = around(-s.Uncertainty, s.Uncertainty)
	s.LeapSeconds = truetime.LeapReport{Status: truetime.LeapStatusUnknown, At: middle, TableExpiry: middle, TableExpired: true, TableSource: "tzdata", TableRefused: "it is older than the built-in one"}
	s.Sources[0].Verdict, s.Sources[0].Reach, s.Sources[0].Err = truetime.Silent, 0xf0, errors.New("i/o timeout")
	s.Sources[2].Verdict = truetime.Convicted
	s.Sources[3].Verdict, s.Sources[3].Err = truetime.Unusable, fmt.Errorf("%w: it follows nobody (reference id LOCL)", truetime.ErrUnusable)
	s.Sources[4].SameAs, s.Sources[4].HeldBack = []string{"ntp1.example.net"}, true
	far := source("far.example.com", -3*time.Second, 3100*time.Millisecond)
	undecided := source("new.example.com", 0, 300*us)
	undecided.Verdict = truetime.Undecided
	behind := source("behind.example.com", -37*time.Second, time.Millisecond)
	behind.Verdict = truetime.Falseticker
	s.Sources = append(s.Sources, far, undecided, behind)
	return s
}

const hostileName = `<img src=x onerror="window.pwned=1"><script>window.pwned=1</script>`

// hostile is a clock with names and errors of somebody who wants to do harm, or has no spaces on the keyboard.
func hostile() truetime.Status {
	s := lying()
	s.Sources[0].Name = hostileName
	s.Budget.EarliestFrom = hostileName
	s.Sources[1].Name = strings.Repeat("x", 253)
	s.Sources[1].Err = errors.New(strings.Repeat("no-space-", 300) + hostileName)
	s.Sources[2].Name = "\u202e\u0000reversed\x1b[2J"
	s.Counter = strings.Repeat("counter", 60)
	s.Disruption = strings.Repeat("disruption", 60)
	return s
}

// many is a clock with 40 sources.
func many() truetime.Status {
	s := ordinary()
	s.Sources = nil
	for i := range 40 {
		n := source(fmt.Sprintf("ntp%d.example.net", i+1), time.Duration(i%7-3)*40*us, time.Duration(450+50*(i%11))*us)
		if i%13 == 5 {
			n = source(n.Name, time.Duration(i)*time.Millisecond, 80*us)
			n.Verdict = truetime.Falseticker
		}
		s.Sources = append(s.Sources, n)
	}
	s.Voters, s.Faulty, s.Heard, s.Answering = 40, 19, 40, 40
	return s
}

// minutes is a history of so many seconds: a sawtooth, with a peak and a silence.
func minutes(seconds int) (past []truetime.Budget) {
	for i := range seconds {
		b := truetime.Budget{Delay: time.Duration(120+i%17*5) * us, Claim: 180 * us, Drift: time.Duration(i%16*14) * us}
		if i%160 > 130 {
			b.Disagreement = time.Duration(i%160-130) * 6 * us
		}
		switch {
		case i > 200 && i < 215:
			b = truetime.Budget{}
		case i == 330:
			b.Delay = 40 * time.Millisecond
		case i > 500 && i < 540:
			b.Leap = 150 * us
		}
		past = append(past, b)
	}
	return past
}
