package statuspage

import (
	"slices"
	"time"

	"github.com/epsilontime/epsilon/internal/inwords"
	"github.com/epsilontime/epsilon/truetime"
)

// words is what a report says in words and in numbers that can be drawn. Moments are relative to the middle of the picture.
type words struct {
	State   string // a title
	Grade   grade
	Answer  string // in sentences, without a number that changes all the time
	Summary string // what keeps the clock from an answer, or from a narrower one; empty if nothing does

	Why  []part // none where there is no answer
	Ends string // where the two ends of the interval are from

	Leap, Epoch, Voters string

	Agreed  *span // the clock's interval; nil where there is none
	Sources []row // as in the report

	Fleet *fleetWords `json:",omitempty"`
}

// grade is how good something is.
type grade string

const (
	good    grade = "good"
	warning grade = "warning"
	bad     grade = "bad"
	neither grade = "neither"
)

type part struct {
	inwords.Part
	Text string
}

// span is an interval, relative to the middle of the picture.
type span struct{ From, To time.Duration }

// row is a source.
type row struct {
	Grade  grade
	Reason string // why it has its verdict; empty if nothing is the matter
	Says   *span  // its interval; nil if it says nothing
}

func wordsOf(r Report) words {
	s := r.Clock
	w := words{
		State: inwords.State(s.State), Grade: gradeOf(r), Answer: inwords.Answer(s, r.Daemon.ReadyWithin), Summary: inwords.Summary(s), Ends: inwords.Ends(s.Budget),
		Leap: s.LeapSeconds.String(), Epoch: inwords.Epoch(s), Voters: inwords.Voters(s), Sources: []row{}, Why: []part{},
	}
	if s.Interval.Valid() {
		for _, p := range inwords.AllParts(s.Budget) {
			w.Why = append(w.Why, part{p, p.Explanation(s.Budget, r.Daemon.DriftPPM)})
		}
	}
	middle := middleOf(s)
	relative := func(i truetime.Interval) *span {
		if !i.Valid() {
			return nil
		}
		return &span{i.Earliest.Sub(middle), i.Latest.Sub(middle)}
	}
	w.Agreed = relative(s.Interval)
	for _, source := range s.Sources {
		w.Sources = append(w.Sources, row{verdictGrade(source.Verdict), inwords.Reason(s, source), relative(source.Interval)})
	}
	w.Fleet = wordsOfFleet(r.Fleet)
	return w
}

func gradeOf(r Report) grade {
	switch s := r.Clock; {
	case s.Err != nil:
		return bad
	case s.State != truetime.Synchronized || !r.Daemon.Ready && r.Daemon.ReadyWithin > 0:
		return warning
	}
	return good
}

func verdictGrade(v truetime.Verdict) grade {
	switch {
	case inwords.Wrong(v):
		return bad
	case v == truetime.Truechimer:
		return good
	}
	return neither
}

// middleOf is what is in the middle of the picture: the middle of the clock's interval, or where there is none the median of what the
// sources say.
func middleOf(s truetime.Status) truetime.Time {
	if s.Interval.Valid() {
		return s.Interval.Midpoint()
	}
	var middles []truetime.Time
	for _, source := range s.Sources {
		if source.Interval.Valid() {
			middles = append(middles, source.Interval.Midpoint())
		}
	}
	if len(middles) == 0 {
		return 0
	}
	slices.Sort(middles)
	return middles[len(middles)/2]
}
