package rate

import (
	"time"

	"github.com/epsilontime/epsilon/cmd/epsilon/internal/doctor"
	"github.com/epsilontime/epsilon/truetime"
)

// Machine is what is known about where the counter runs, and what was declared of it.
type Machine struct {
	Counter string // which counter, and how it is read
	Virtual bool   // a hypervisor may move it to other hardware
	VMClock bool   // and tells of it

	DeclaredDriftPPM  float64 // by the configuration, or by default
	DeclaredWanderPPB float64 // 0 for none

	Stated []string `json:",omitempty"` // what others say about the rate, in sentences

	// What a clock has said before this one, that assumed less of the counter and refused, and by how much the counter was
	// off at least by what its voters agreed on, if they did: [Report.FaultPPM].
	Refused    string `json:",omitempty"`
	RefusedPPM float64
}

// Report is what has been measured.
type Report struct {
	Machine

	Elapsed     time.Duration // since the measurement began, by the counter
	Counted     time.Duration // of that, what is in some window that is no longer than a day
	Narrowest   time.Duration // the smallest ε
	Voters      int
	Faulty      int
	AssumedPPM  float64  // the drift that the clock assumed meanwhile
	Disruptions uint64   // how often the counter, or what the sources said, could not be relied on any more
	Reasons     []string `json:",omitempty"` // of the last of them
	Fault       string   `json:",omitempty"` // what the clock says of a counter that is off by more than AssumedPPM
	FaultPPM    float64  // by how much it was off at least, as its voters agree; 0 if they do not, or without a fault

	// Contradictions is how many disruptions came of sources that contradict each other: more of them were wrong than
	// may be, or the counter was off by more than AssumedPPM.
	Contradictions uint64

	Windows     []Windows // by length, only those that there were
	Whole       *Windows  `json:",omitempty"` // the longest there was
	Wander      []Wander
	ExceededPPM float64 // by how much the counter was off at least, as the mean of some window

	Recommended Recommendation
}

// Report works out what the measurement proves so far.
func (m *Measurement) Report(on Machine) Report {
	r := Report{
		Machine:        on,
		Elapsed:        m.last.Sub(m.began),
		Counted:        m.history.counted(),
		Narrowest:      m.narrowest,
		Voters:         m.status.Voters,
		Faulty:         m.status.Faulty,
		AssumedPPM:     m.driftPPM,
		Disruptions:    m.disruptions,
		Contradictions: m.status.Disruptions.Contradiction,
		Reasons:        m.reasons,
		Fault:          m.fault,
		Windows:        []Windows{},
		Wander:         []Wander{},
	}
	for _, length := range lengths {
		if w := m.history.windows(length); w.Count > 0 {
			r.Windows = append(r.Windows, w)
			r.ExceededPPM = max(r.ExceededPPM, w.exceeded())
		}
		if w := m.history.wanders(length); w.Count > 0 {
			r.Wander = append(r.Wander, w)
		}
	}
	if w := m.history.whole(); w.Count > 0 {
		r.Whole = &w
		r.ExceededPPM = max(r.ExceededPPM, w.exceeded())
	}
	if off := faultPPM(&m.status); m.fault != "" && off > m.driftPPM {
		r.FaultPPM = off
	}
	r.Recommended = recommend(&r)
	return r
}

// faultPPM is by how much a counter was off at least, by how much faster than it true time ran.
func faultPPM(s *truetime.Status) float64 {
	const million = 1e6
	off := func(ppm float64) float64 { return -ppm / (1 + ppm/million) }
	return max(off(s.RateHighPPM), -off(s.RateLowPPM), 0)
}

// Findings is what the measurement proves to be wrong. why is what the clock says where it had no answer.
func (r *Report) Findings(why string) []doctor.Finding {
	found := []doctor.Finding{}
	if r.Fault != "" {
		return append(found, doctor.Finding{ID: "rate-clock-faulty", Severity: doctor.Bad, Text: "The counter cannot be measured: " + r.Fault + ".",
			Do: "declare the drift that it names, if sources that disagree are not to blame: \"epsilon sources\" shows them"})
	}
	if !r.explained() {
		found = append(found, doctor.Finding{ID: "rate-drift-exceeded", Severity: doctor.Bad,
			Text: "With the drift that is declared a clock refuses: " + r.Refused + ".",
			Do:   "declare the drift that it names, if sources that disagree are not to blame; measure for longer to know it better"})
	}
	if r.Narrowest == 0 {
		text := "There was no answer to measure the counter by."
		if why != "" {
			text = "There was no answer to measure the counter by: " + why + "."
		}
		return append(found, doctor.Finding{ID: "rate-no-answer", Severity: doctor.Bad, Text: text, Do: `see that the sources answer: "epsilon doctor" and "epsilon sources" say more`})
	}
	if r.ExceededPPM > r.DeclaredDriftPPM {
		f := doctor.Finding{ID: "rate-drift-exceeded", Severity: doctor.Bad, Do: "declare a larger drift_ppm in [clock], and truetime.WithDrift in programs"}
		f.Text = "The counter was off by at least " + decimalDown(r.ExceededPPM) + " ppm, and a drift of " + number(r.DeclaredDriftPPM) +
			" is declared: answers may have been wrong."
		if ppm := r.Recommended.DriftPPM; ppm != nil {
			f.Do = "declare " + driftOptions(*ppm)
		}
		found = append(found, f)
	}
	if declared := r.DeclaredWanderPPB; declared > 0 && r.wanderReached() > declared {
		found = append(found, doctor.Finding{ID: "rate-wander-exceeded", Severity: doctor.Bad,
			Text: "The counter's rate changed by at least " + decimalDown(r.wanderReached()) + " ppb/s, and a wander of " + number(declared) + " is declared: answers may have been wrong.",
			Do:   "take max_wander_ppb out of [clock], and truetime.WithMaxWander out of programs, or declare several times what was reached"})
	}
	return found
}

// wanderReached is the fastest change that is proved, in ppb/s.
func (r *Report) wanderReached() (most float64) {
	for _, w := range r.Wander {
		most = max(most, w.LeastPPB)
	}
	return most
}
