package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/epsilontime/epsilon/cmd/epsilon/internal/api"
)

func newWait(s *settings) *cobra.Command {
	var within, timeout time.Duration
	var segment string
	c := &cobra.Command{
		Use:   "wait",
		Short: "Wait until ε is small enough",
		Long: `Wait returns once the daemon's clock answers with an ε of at most --within. It exits
with 0 then, with 1 if that has not come to pass within --timeout, and with 2 if no
daemon answers. A timeout of 0 has it look once.

With --segment it waits for a segment that is not there yet, too, and so for a daemon
that is being started.`,
		Example: "  epsilon wait --within 1ms --timeout 2m && exec my-database",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			switch {
			case cmd.Flags().Changed("within") && within <= 0:
				return fmt.Errorf("--within %v: it must be above 0", within)
			case timeout < 0:
				return fmt.Errorf("--timeout %v: it must not be below 0", timeout)
			}
			if segment != "" {
				r, err := waitForSegment(cmd.Context(), segment, within, timeout)
				if err != nil {
					return err
				}
				return waited(s, cmd, r, timeout)
			}
			return wait(cmd.Context(), s, cmd, within, timeout)
		},
	}
	c.Flags().DurationVar(&within, "within", 0, "the largest `ε` to be content with, as in 1ms (default the daemon's ready.within)")
	c.Flags().DurationVar(&timeout, "timeout", time.Minute, "how `long` to wait")
	segmentFlag(c, &segment)
	return c
}

// oneWait is for how long the daemon is asked to wait at a time.
const oneWait = 10 * time.Second

func wait(ctx context.Context, s *settings, cmd *cobra.Command, within, timeout time.Duration) error {
	client := s.client()
	defer client.Close()
	for end := time.Now().Add(timeout); ; {
		left := time.Until(end)
		r, err := client.Wait(ctx, within, max(0, min(left, oneWait)))
		switch {
		case errors.Is(err, api.ErrStuck) && time.Until(end) <= 0:
			return not(err)
		case err != nil:
			return err
		}
		if !r.Ready && time.Until(end) > 0 {
			continue
		}
		return waited(s, cmd, r, timeout)
	}
}

// waited says what has come of it.
func waited(s *settings, cmd *cobra.Command, r api.Readiness, timeout time.Duration) error {
	switch {
	case s.json:
		if err := printJSON(cmd, r); err != nil {
			return err
		}
		if !r.Ready {
			return exit{code: exitNot}
		}
		return nil
	case !r.Ready:
		return not(fmt.Errorf("not within %v after %v: %s", r.Within, timeout, r.Reason))
	}
	_, err := fmt.Fprintf(cmd.OutOrStdout(), "ε is %v, at most %v\n", r.Uncertainty, r.Within)
	return err
}
