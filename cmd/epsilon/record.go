package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/epsilontime/epsilon/cmd/epsilon/internal/api"
	"github.com/epsilontime/epsilon/cmd/epsilon/internal/view"
	"github.com/epsilontime/epsilon/monotonic"
	"github.com/epsilontime/epsilon/truetime"
	"github.com/epsilontime/epsilon/truetime/truetimetest"
)

func newRecord(s *settings) *cobra.Command {
	return &cobra.Command{
		Use:   "record FILE",
		Short: "Write the last minutes of the daemon's clock to a file",
		Long: `Record writes everything that the clock was told in the last 10 minutes or more, and
that its answers follow from, as lines of text. The daemon keeps it at all times, so
it can be written after something has gone wrong. "epsilon replay" does it all again.
For FILE - it is written to the standard output.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			client := s.client()
			defer client.Close()
			if args[0] == "-" {
				_, err := client.Recording(cmd.Context(), cmd.OutOrStdout())
				return err
			}
			if _, err := client.Status(cmd.Context()); err != nil {
				return err // before there is a file
			}
			f, err := os.Create(args[0])
			if err != nil {
				return not(err)
			}
			n, err := client.Recording(cmd.Context(), f)
			if err := errors.Join(err, f.Close()); err != nil {
				if errors.Is(err, api.ErrNoDaemon) {
					return err
				}
				return not(fmt.Errorf("%s is not complete: %w", args[0], err))
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "%d bytes in %s\n", n, args[0])
			return err
		},
	}
}

// replayed is what replay has found.
type replayed struct {
	Steps     int
	Seconds   float64 // by the counter
	Epochs    int
	Answers   int // of the steps, with an interval
	Narrowest time.Duration
	Widest    time.Duration // ε, of the steps with an interval
	Last      truetime.Interval
	Err       string `json:",omitempty"`

	first, last monotonic.Instant
	epoch       uint64
}

func newReplay(s *settings) *cobra.Command {
	var steps bool
	c := &cobra.Command{
		Use:   "replay FILE",
		Short: "Do again what a recorded clock did, and see that it concludes the same",
		Long: `Replay reads what "epsilon record" has written, and does it all again on this machine.
It exits with 0 if every answer is the same to the nanosecond, and with 1 if one is
not or the file cannot be understood. For FILE - it reads the standard input.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			var from io.Reader = cmd.InOrStdin()
			if args[0] != "-" {
				f, err := os.Open(args[0])
				if err != nil {
					return err
				}
				defer f.Close()
				from = f
			}
			var r replayed
			err := truetimetest.Replay(from, func(step truetimetest.ReplayStep) error {
				r.add(step)
				if !steps || s.json {
					return nil
				}
				_, err := fmt.Fprintf(cmd.OutOrStdout(), "%6d  %-14v %v\n", step.Line, step.State, step.Interval)
				return err
			})
			if err == nil && r.Steps == 0 {
				err = fmt.Errorf("%s has nothing recorded in it", args[0])
			}
			if err != nil {
				r.Err = err.Error()
			}
			if s.json {
				if err := printJSON(cmd, r); err != nil {
					return err
				}
			} else if r.Steps > 0 {
				fmt.Fprintf(cmd.OutOrStdout(), "%d steps in %s, %d epochs; %d with an answer, ε from %s to %s\n", r.Steps,
					view.Age(time.Duration(r.Seconds*float64(time.Second))), r.Epochs, r.Answers, view.Duration(r.Narrowest), view.Duration(r.Widest))
			}
			switch {
			case err != nil && s.json:
				return exit{code: exitNot}
			case err != nil:
				return not(err)
			}
			return nil
		},
	}
	c.Flags().BoolVar(&steps, "steps", false, "print every step")
	return c
}

func (r *replayed) add(step truetimetest.ReplayStep) {
	if r.Steps == 0 {
		r.first = step.Counter
	}
	r.Steps, r.last = r.Steps+1, step.Counter
	r.Seconds = r.last.Sub(r.first).Seconds()
	if step.Epoch != r.epoch {
		r.epoch = step.Epoch
		r.Epochs++
	}
	if !step.Interval.Valid() {
		return
	}
	e := step.Interval.Uncertainty()
	if r.Answers == 0 || e < r.Narrowest {
		r.Narrowest = e
	}
	r.Widest = max(r.Widest, e)
	r.Answers, r.Last = r.Answers+1, step.Interval
}
