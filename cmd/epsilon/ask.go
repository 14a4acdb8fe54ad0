package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/epsilontime/epsilon/cmd/epsilon/internal/api"
	"github.com/epsilontime/epsilon/cmd/epsilon/internal/view"
	"github.com/epsilontime/epsilon/truetime"
)

// printJSON prints an object on one line.
func printJSON(cmd *cobra.Command, object any) error {
	return json.NewEncoder(cmd.OutOrStdout()).Encode(object)
}

// reporting makes a command that asks for a report and shows it: 0 if the clock answers and enough
// sources do, else 1.
func reporting(s *settings, c *cobra.Command, form func(api.Report) any, text func(api.Report) string) *cobra.Command {
	c.Args = cobra.NoArgs
	c.RunE = func(cmd *cobra.Command, _ []string) error {
		client := s.client()
		defer client.Close()
		r, err := client.Status(cmd.Context())
		if err != nil {
			return err
		}
		if s.json {
			err = printJSON(cmd, form(r))
		} else {
			_, err = fmt.Fprint(cmd.OutOrStdout(), text(r))
		}
		if err == nil && (r.Clock.Err != nil || r.Clock.State != truetime.Synchronized) {
			return exit{code: exitNot}
		}
		return err
	}
	return c
}

func newStatus(s *settings) *cobra.Command {
	return reporting(s, &cobra.Command{
		Use:   "status",
		Short: "Show the clock and its sources",
		Long: `Status shows what the clock answers, why ε is what it is, and every source. It exits
with 0 if the clock is synchronized, with 1 if it is not, and with 2 if no daemon
answers.`,
	}, func(r api.Report) any { return r }, view.Status)
}

func newSources(s *settings) *cobra.Command {
	return reporting(s, &cobra.Command{
		Use:   "sources",
		Short: "Show each source, with what it says and what is wrong with it",
		Long: `Sources shows every source with all that is known of it. Its exit codes are those of
"epsilon status".`,
	}, func(r api.Report) any { return r.Clock.Sources }, view.Sources)
}

func newWhy(s *settings) *cobra.Command {
	return reporting(s, &cobra.Command{
		Use:   "why",
		Short: "Say why ε is what it is, in parts that add up to it",
		Long: `Why takes ε apart: the delay of the network, what the servers claim, the drift of the
counter since, a leap second that is possible, a pause that nobody sees, and
disagreement. The parts add up to ε to the nanosecond. It says what each is and what
would make it smaller. Its exit codes are those of "epsilon status".`,
	}, func(r api.Report) any { return r.Clock.Budget }, view.Why)
}

func newNow(s *settings) *cobra.Command {
	var segment string
	c := &cobra.Command{
		Use:   "now",
		Short: "Print the interval that contains true time",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			r, err := askNow(cmd, s, segment)
			switch {
			case err != nil:
				return err
			case s.json:
				if err := printJSON(cmd, r); err != nil {
					return err
				}
				if r.Err != "" {
					return exit{code: exitNot}
				}
				return nil
			case r.Err != "":
				return not(errors.New(r.Err))
			}
			demonstration := ""
			if r.Demo {
				demonstration = "  (a demonstration)"
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "%v  ± %v%s\n", r.Interval, r.Uncertainty, demonstration)
			return err
		},
	}
	segmentFlag(c, &segment)
	return c
}

func askNow(cmd *cobra.Command, s *settings, segment string) (api.Reading, error) {
	if segment != "" {
		return readSegment(segment)
	}
	client := s.client()
	defer client.Close()
	return client.Now(cmd.Context())
}

func newEvents(s *settings) *cobra.Command {
	return &cobra.Command{
		Use:   "events",
		Short: "Print what happens to the clock, as it happens",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			client := s.client()
			defer client.Close()
			err := client.Events(cmd.Context(), func(e truetime.Event) error {
				if s.json {
					return printJSON(cmd, e)
				}
				_, err := fmt.Fprintln(cmd.OutOrStdout(), e)
				return err
			})
			switch {
			case cmd.Context().Err() != nil:
				return nil
			case errors.Is(err, api.ErrBehind):
				return not(err)
			}
			return err
		},
	}
}

func newReload(s *settings) *cobra.Command {
	return &cobra.Command{
		Use:   "reload",
		Short: "Have the daemon read its configuration again",
		Long: `Reload has the daemon read its configuration again, and says what is wrong with it if
it is not used (exit code 1), or what of it takes a restart of the daemon. Only root
and the user whom the daemon runs as may.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			client := s.client()
			defer client.Close()
			r, err := client.Reload(cmd.Context())
			switch {
			case errors.Is(err, api.ErrNoDaemon):
				return err
			case err != nil:
				return not(err)
			case s.json:
				return printJSON(cmd, r)
			case len(r.Restart) > 0:
				_, err = fmt.Fprintf(cmd.OutOrStdout(), "in use, but for %s: restart the daemon\n", strings.Join(r.Restart, ", "))
			}
			return err
		},
	}
}
