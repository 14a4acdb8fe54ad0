package main

import (
	"context"
	"encoding/json"
	"io"
	"time"

	"github.com/epsilontime/epsilon/truetime"
)

// line is one second of JSON output. The three numbers are null while the clock has no answer.
type line struct {
	EarliestNS    *int64       `json:"earliest_ns"`
	LatestNS      *int64       `json:"latest_ns"`
	UncertaintyNS *int64       `json:"uncertainty_ns"`
	State         string       `json:"state"`
	Epoch         uint64       `json:"epoch"`
	Sources       []lineSource `json:"sources"`
}

type lineSource struct {
	Name    string `json:"name"`
	Verdict string `json:"verdict"`
	DelayNS int64  `json:"delay_ns"`
	Stratum int    `json:"stratum"`
}

// printJSON prints a line every second.
func printJSON(ctx context.Context, clock *truetime.Clock, duration time.Duration, stdout io.Writer) {
	encoder := json.NewEncoder(stdout)
	everySecond(ctx, duration, func() {
		status := clock.Status()
		l := line{State: status.State.String(), Epoch: status.Epoch, Sources: []lineSource{}}
		for _, s := range status.Sources {
			l.Sources = append(l.Sources, lineSource{s.Name, s.Verdict.String(), int64(s.Delay), s.Stratum})
		}
		if now := status.Interval; status.Err == nil {
			earliest, latest, uncertainty := int64(now.Earliest), int64(now.Latest), int64(now.Uncertainty())
			l.EarliestNS, l.LatestNS, l.UncertaintyNS = &earliest, &latest, &uncertainty
		}
		_ = encoder.Encode(l) // output keeps the error
	})
}
