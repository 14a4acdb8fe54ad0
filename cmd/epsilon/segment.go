package main

import (
	"context"
	"errors"
	"io/fs"
	"time"

	"github.com/spf13/cobra"

	"github.com/epsilontime/epsilon/cmd/epsilon/internal/api"
	"github.com/epsilontime/epsilon/cmd/epsilon/internal/config"
	"github.com/epsilontime/epsilon/hostclock"
)

// Commands can read the segment in place of asking the daemon: it is all that a container may have, and
// what programs of the host read.

func segmentFlag(c *cobra.Command, path *string) {
	c.Flags().StringVar(path, "segment", "", "read the clock that is published at this `path`, as "+hostclock.DefaultPath+", and do not ask the daemon")
}

// readSegment reads the clock as every program of the host does.
func readSegment(path string) (api.Reading, error) {
	clock, err := hostclock.Open(path)
	if err != nil {
		return api.Reading{}, err
	}
	defer clock.Close()
	s := clock.Status()
	r := api.Reading{Interval: s.Interval, Uncertainty: s.Uncertainty, State: s.State, Epoch: s.Epoch}
	if s.Err != nil {
		r = api.Reading{State: s.State, Epoch: s.Epoch, Err: s.Err.Error()}
	}
	return r, nil
}

// lookAgain is how often it is looked for a segment that is not there yet.
const lookAgain = 200 * time.Millisecond

// waitForSegment waits until the published clock has an ε of at most within. A segment that is not there yet is
// waited for as well.
func waitForSegment(ctx context.Context, path string, within, timeout time.Duration) (api.Readiness, error) {
	if within == 0 {
		within = config.DefaultReadyWithin
	}
	limited, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	for {
		clock, err := hostclock.Open(path)
		if err == nil {
			defer clock.Close()
			err := clock.WaitSynchronized(limited, within)
			i, refused := clock.Now()
			switch {
			case ctx.Err() != nil:
				return api.Readiness{}, ctx.Err()
			case err == nil && refused == nil:
				return api.Readiness{Ready: true, Within: within, Uncertainty: i.Uncertainty()}, nil
			}
			if err == nil {
				err = refused
			}
			return api.Readiness{Within: within, Reason: err.Error()}, nil
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return api.Readiness{}, err
		}
		select {
		case <-time.After(lookAgain):
		case <-limited.Done():
			return api.Readiness{}, err
		}
	}
}
