package engine

import (
	"time"

	"github.com/epsilontime/epsilon/monotonic"
	"github.com/epsilontime/epsilon/truetime/internal/agreement"
	"github.com/epsilontime/epsilon/truetime/internal/discipline"
	"github.com/epsilontime/epsilon/truetime/internal/leap"
)

// Report is all that the engine has to say about itself at one moment. Times are in smeared UTC.
type Report struct {
	State    State
	Answered bool               // Interval is the answer, and Budget what half its width is made of
	Interval agreement.Interval // as the published answer has it at this moment
	Budget   Budget

	Epoch         uint64
	Disruption    string // why the previous epoch ended; empty in the first
	DisruptionAge time.Duration
	Ended         [discipline.Causes]uint64 // how many epochs for each cause

	RateLowPPM, RateHighPPM float64 // see [discipline.Discipline.Rate]

	Voters, Faulty, Heard, Answering int

	Leap    leap.Report
	Sources []SourceReport
}

// SourceReport is what the engine has to say about one source.
type SourceReport struct {
	Verdict   Verdict
	Votes     bool
	Twins     []int              // the sources that may be the same machine
	Spoken    bool               // Interval is what it alone says
	Interval  agreement.Interval // by its facts of this epoch
	Suspicion error              // why it may disagree
	Reach     uint8              // the last eight polls, one bit each, the newest lowest
	Poll      time.Duration      // the present interval between polls
	HeldBack  bool               // which is longer because it has asked for that
	Outcomes  [Outcomes]uint64   // of all polls
}

// Report reports on the engine when the counter reads now. Published is the last answer, nil if
// there is none, and raw the reading at which it is evaluated.
func (e *Engine) Report(now monotonic.Instant, published *Answer, raw uint64) Report {
	d := e.discipline
	r := Report{
		State:      e.State(),
		Epoch:      d.Epoch(),
		Disruption: d.LastDisruption().Reason,
		Ended:      d.Ended(),
		Voters:     d.Voters(),
		Faulty:     e.faulty,
		Heard:      d.Heard(),
		Answering:  e.Answering(),
		Leap:       e.Leap(now),
		Sources:    make([]SourceReport, len(e.sources)),
	}
	if r.Epoch > 1 {
		r.DisruptionAge = now.Sub(d.LastDisruption().At)
	}
	r.RateLowPPM, r.RateHighPPM = d.Rate(now)
	if published != nil {
		var counted agreement.Interval
		if r.Interval, counted, r.Answered = published.evaluate(raw); r.Answered {
			r.Budget = e.budget(r.Interval, counted, now)
		}
	}
	for i := range e.sources {
		r.Sources[i] = e.reportSource(i, now)
	}
	return r
}

func (e *Engine) reportSource(i int, now monotonic.Instant) SourceReport {
	d, s := e.discipline, &e.sources[i]
	r := SourceReport{
		Verdict:   e.Verdict(i),
		Votes:     d.Votes(i),
		Twins:     d.Twins(i),
		Suspicion: e.Suspicion(i),
		Reach:     s.reach,
		Poll:      s.schedule.Interval(),
		HeldBack:  s.schedule.HeldBack(),
		Outcomes:  s.outcomes,
	}
	if own := d.Interval(i, now); own.Bounded() {
		r.Spoken = true
		r.Interval.Lo, r.Interval.Hi = e.Shown(own)
	}
	return r
}
