package truetime

import (
	"fmt"
	"strings"
	"time"

	"github.com/epsilontime/epsilon/truetime/internal/engine"
	"github.com/epsilontime/epsilon/truetime/internal/reporting"
)

// State says what kind of answer a clock gives.
type State uint8

// The states of a clock.
const (
	Unsynchronized State = iota // not enough sources have answered in this epoch: Now returns ErrNotSynchronized
	Synchronized                // more than f voters have answered one of their last three polls
	Holdover                    // no more than f have: the interval widens, and is still true
	ClockFaulty                 // epochs end again and again as soon as they have begun: Now returns ErrClockFaulty
	Closed                      // Now returns ErrClosed
)

var stateNames = []string{"unsynchronized", "synchronized", "holdover", "faulty", "closed"}

// String returns the state in lower case, as in "synchronized".
func (s State) String() string { return name(s, stateNames) }

// MarshalText writes what String returns.
func (s State) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads what MarshalText writes.
func (s *State) UnmarshalText(text []byte) error { return parseName(s, text, stateNames) }

// Status is a complete report on a clock at one moment. It is a copy: it does not change, and it
// may be kept.
type Status struct {
	State State
	Err   error // what Now returned at that moment

	// Interval is what Now answered with, or would have where Err is ErrUncertaintyTooLarge; the
	// zero value where nothing was known. Uncertainty is its ε.
	Interval    Interval
	Uncertainty time.Duration
	Budget      Budget // why that is what it is

	Epoch         uint64        // counts the spans between disruptions, from 1
	Disruption    string        // why the previous epoch ended; empty in the first
	DisruptionAge time.Duration // and how long ago, by the local counter
	Disruptions   Disruptions   // how many there have been, by the cause
	Refusals      Refusals      // how often Now has begun to refuse

	// By how many parts per million true time has run faster than the local counter, on average
	// over this epoch, or, where the counter's stability is assumed, runs faster now: somewhere
	// between these two. Within the drift, unless the state is ClockFaulty: then it is
	// what all but f voters agree on, wherever that is.
	RateLowPPM, RateHighPPM float64

	DriftPPM float64 // by how much the counter is assumed to be fast or slow at most (WithDrift)

	// LeapSeconds says what is believed about leap seconds, by which table, and whether the answer
	// allows for one that is neither confirmed nor excluded.
	LeapSeconds LeapReport

	Counter string // which local counter is read, why not a faster one, and whether nobody watches it (WithCounter)

	Voters int // n, as configured; the sources of a group are one voter
	Faulty int // f, how many of them may be wrong

	// Heard is how many voters have been heard in this epoch, and Answering how many have answered
	// one of their last three polls. More than Faulty heard make an answer, and all of them the
	// narrowest one; no more than Faulty answering is Holdover. Voters that may be one machine
	// count once: see SourceStatus.SameAs.
	Heard, Answering int

	Sources []SourceStatus
}

// SourceStatus is the report on one source, in the order in which New was given them.
type SourceStatus struct {
	Name  string
	Group string // empty if it has a vote of its own

	Authenticated bool // who answers is known for certain
	NoVote        bool // it is not authenticated, and WithRequireAuthenticated is set

	// SameAs is the names of the sources that have shown the same identity lately
	// (Sample.Identity). They may be the same machine as this one, so together they count once
	// against others.
	SameAs []string

	Scale   Scale // what it is declared to serve
	Verdict Verdict
	Err     error // why the last poll gave no sample, or what may be the matter with one that disagrees

	// Interval is what this source alone says about the moment of the report: the zero value before
	// its first answer in this epoch.
	Interval Interval

	// Of the last sample in this epoch; zero before the first.
	Delay    time.Duration // round-trip delay δ
	MinDelay time.Duration // what each way takes at least, as declared (ntpsrc.WithDistance): ε is smaller by that
	Claim    time.Duration // E, the error it claims
	Stratum  int
	Leap     Leap
	Stamps   string        // who found when the request left and the reply came, as in "kernel", "sharp" (ntpsrc.WithSharpStamps), and "finer bounds" (ntpsrc.WithFineBounds); may be empty
	Age      time.Duration // time since it was received

	Reach uint8         // the last eight polls, one bit each, the newest lowest; 1 is an answer that could be used
	Poll  time.Duration // the present interval between polls

	// HeldBack: it has asked for fewer polls ([ErrSlowDown]), and Poll is still longer for that.
	HeldBack bool

	Polls Polls // what has come of all of them
}

func init() {
	reporting.Status = func(r engine.Report, names []string) any { return statusOf(r, names) }
}

// statusOf is the part of a Status that the engine knows.
func statusOf(r engine.Report, names []string) Status {
	s := Status{
		State:         State(r.State),
		Epoch:         r.Epoch,
		Disruption:    r.Disruption,
		DisruptionAge: r.DisruptionAge,
		Disruptions:   disruptionsOf(r.Ended),
		RateLowPPM:    r.RateLowPPM,
		RateHighPPM:   r.RateHighPPM,
		Voters:        r.Voters,
		Faulty:        r.Faulty,
		Heard:         r.Heard,
		Answering:     r.Answering,
		LeapSeconds:   leapReportOf(r.Leap, ""),
		Sources:       make([]SourceStatus, len(r.Sources)),
	}
	if r.Answered {
		s.Interval = Interval{Time(r.Interval.Lo), Time(r.Interval.Hi)}
		s.Uncertainty, s.Budget = s.Interval.Uncertainty(), budgetOf(r.Budget, names)
	}
	for i, source := range r.Sources {
		s.Sources[i] = SourceStatus{
			Name:     names[i],
			NoVote:   !source.Votes,
			Verdict:  Verdict(source.Verdict),
			Err:      source.Suspicion,
			Reach:    source.Reach,
			Poll:     source.Poll,
			HeldBack: source.HeldBack,
			Polls:    pollsOf(source.Outcomes),
		}
		for _, twin := range source.Twins {
			s.Sources[i].SameAs = append(s.Sources[i].SameAs, names[twin])
		}
		if source.Spoken {
			s.Sources[i].Interval = Interval{Time(source.Interval.Lo), Time(source.Interval.Hi)}
		}
	}
	return s
}

// Summary says in one sentence what keeps the clock from an answer, in holdover, or from as narrow
// an answer as there could be: how many voters have been heard or answer, how many are needed, and
// why the others do not. Where f is 0 it also says that none of the voters may be wrong, even if
// nothing else is the matter. It is empty if there is nothing to say.
func (s Status) Summary() string {
	text := s.trouble()
	if s.Faulty != 0 || s.Voters == 0 || s.Epoch == 0 || s.State == Closed || s.State == ClockFaulty {
		return text
	}
	if text != "" {
		text += "; "
	}
	if s.Voters == 1 {
		return text + "the only voter must not be wrong"
	}
	return text + fmt.Sprintf("none of %d voters may be wrong", s.Voters)
}

// trouble is what Summary says apart from what f is.
func (s Status) trouble() string {
	var text string
	switch {
	case s.State == Closed:
		return ""
	case s.Epoch == 0: // they are counted from 1
		return "no clock has reported"
	case s.State == Synchronized && s.Err != nil:
		return fmt.Sprintf("ε is %v", s.Uncertainty)
	case s.State == Synchronized && s.Heard >= s.Voters:
		return ""
	case s.State == Synchronized:
		text = fmt.Sprintf("answering, %d of %d voters heard", s.Heard, s.Voters)
	case s.State == Holdover:
		text = fmt.Sprintf("%d of %d voters answer, and %d are needed to end the holdover", s.Answering, s.Voters, s.Faulty+1)
	case s.State == ClockFaulty:
		text = fmt.Sprintf("the local counter runs outside its drift, or more than %d of %d voters are wrong", s.Faulty, s.Voters)
	case s.Heard <= s.Faulty:
		text = fmt.Sprintf("%d of %d voters heard, and %d are needed", s.Heard, s.Voters, s.Faulty+1)
	case s.Heard <= 2*s.Faulty:
		text = fmt.Sprintf("%d of %d voters heard, which disagree by more than honest ones would, and %d are needed to tell who is right", s.Heard, s.Voters, 2*s.Faulty+1)
	default:
		text = fmt.Sprintf("%d of %d voters heard, but not with one moment that %d of them agree on", s.Heard, s.Voters, s.Voters-s.Faulty)
	}
	problems := s.problems()
	if s.Disruption != "" {
		text += "; the last epoch ended because " + s.Disruption
	}
	return strings.Join(append([]string{text}, problems...), "; ")
}

// problems says of each source with a vote what keeps it from having its say.
func (s Status) problems() (problems []string) {
	for _, source := range s.Sources {
		switch {
		case source.NoVote: // it makes no difference
		case source.Err != nil:
			problems = append(problems, fmt.Sprintf("%s: %v", source.Name, source.Err))
		case len(source.SameAs) > 0:
			problems = append(problems, fmt.Sprintf("%s may be the same machine as %s", source.Name, strings.Join(source.SameAs, ", ")))
		}
	}
	return problems
}
