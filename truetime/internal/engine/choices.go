package engine

import (
	"fmt"
	"time"

	"github.com/epsilontime/epsilon/truetime/internal/discipline"
	"github.com/epsilontime/epsilon/truetime/internal/leap"
	"github.com/epsilontime/epsilon/truetime/internal/polling"
)

// What a clock does unless its user says otherwise.
const (
	DefaultDriftPPM = 200
	DefaultPollMin  = 16 * time.Second
	DefaultPollMax  = 256 * time.Second
	DefaultBurst    = 4

	// FastestPoll is DefaultPollMin for a clock that has a Target, and so chooses its own pace.
	FastestPoll = time.Second
)

// Majority is the Faulty of a clock that tolerates the largest minority of its voters, ⌊(n−1)/2⌋.
const Majority = -1

// Choices is what the user of a clock says about it. What is 0 is the default; Faulty is as it stands.
type Choices struct {
	Members []Member // the sources

	DriftPPM     float64 // ρ
	WanderPPB    float64 // A4, per second; by default not assumed
	DeviationPPM float64 // A4; by default not assumed
	Faulty       int     // f, or Majority

	UnseenPause time.Duration // A6; by default not assumed

	PollMin, PollMax time.Duration // PollMax is at least PollMin
	Burst            int

	Target, MaxUncertainty time.Duration // of ε; by default there is none
	PlausibleSince         int64
}

// Member is what the votes depend on, of one source.
type Member struct {
	Group  string // its members share a vote; "" for a vote of its own
	NoVote bool
	Scale  leap.Scale // what it serves
}

// Config fills in the defaults and counts the votes. What is left for the caller is what belongs to the machine: the
// counter's reading and resolution, the leap second table and the seed.
func (c Choices) Config() (Config, error) {
	voter, voters := votes(c.Members)
	faulty := c.Faulty
	if faulty == Majority {
		faulty = max(voters-1, 0) / 2
	}
	least := orElse(c.PollMin, DefaultPollMin)
	if c.PollMin == 0 && c.Target > 0 {
		least = FastestPoll
	}
	config := Config{
		Discipline: discipline.Config{
			Counter:   discipline.CounterSpec{Drift: discipline.DriftOfPPM(orElse(c.DriftPPM, DefaultDriftPPM))},
			Stability: discipline.NewStability(c.WanderPPB, c.DeviationPPM),
			Pause:     int64(c.UnseenPause),
			Faulty:    faulty,
			Voter:     voter,
		},
		Poll: polling.Config{
			Min:   least,
			Max:   max(orElse(c.PollMax, DefaultPollMax), least),
			Burst: orElse(c.Burst, DefaultBurst),
		},
		Target:         c.Target,
		MaxUncertainty: c.MaxUncertainty,
		PlausibleSince: c.PlausibleSince,
	}
	for _, m := range c.Members {
		config.Scale = append(config.Scale, m.Scale)
	}
	if voters > 0 && faulty > (voters-1)/2 {
		return config, fmt.Errorf("%d faulty of %d voters: fewer than half may be, at most %d", faulty, voters, (voters-1)/2)
	}
	return config, nil
}

// votes numbers the votes from 0 without gaps, and returns the vote of each member, or discipline.NoVote, and how many
// votes there are.
func votes(members []Member) (voter []int, voters int) {
	groups := map[string]int{}
	for _, m := range members {
		if m.NoVote {
			voter = append(voter, discipline.NoVote)
			continue
		}
		vote, known := groups[m.Group]
		if !known || m.Group == "" {
			vote = voters
			groups[m.Group] = vote
			voters++
		}
		voter = append(voter, vote)
	}
	return voter, voters
}

func orElse[T comparable](value, otherwise T) T {
	var zero T
	if value == zero {
		return otherwise
	}
	return value
}
