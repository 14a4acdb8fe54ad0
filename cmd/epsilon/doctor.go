package main

import (
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/epsilontime/epsilon/cmd/epsilon/internal/config"
	"github.com/epsilontime/epsilon/cmd/epsilon/internal/doctor"
	"github.com/epsilontime/epsilon/truetime"
)

// maxFindings is the largest exit code that is a number of findings.
const maxFindings = 100

// examined is what doctor prints as JSON.
type examined struct {
	Checks   int
	Findings []doctor.Finding
}

func newDoctor(s *settings) *cobra.Command {
	var length, path string
	c := &cobra.Command{
		Use:   "doctor",
		Short: "Say what is wrong with this host's timekeeping, and what to do",
		Long: `Doctor looks at the daemon's report and at the host, and says in sentences what is
wrong and what to do about it. It changes nothing and asks no server.

It exits with the number of its findings, at most 100, and with 125 if it was used in
a wrong way.

With --rate it does something else: it asks the sources of the configuration by a clock
of its own, for 4 hours or as long as --rate says, and proves between which bounds the
rate of this host's counter was and how fast it changed, in windows of several lengths.
It says what to declare by that (drift_ppm, max_wander_ppb), with a margin, and what it
is no evidence of. ^C ends it early and prints what there is. A finding is a declaration
that was proved to be wrong, or a counter that a clock refuses. If there was no answer
to measure by it exits with 125.

It needs no daemon. Beside one it asks the same servers from the same address, and public
ones may refuse both for a while (RATE). With ptp sources it takes the ports 319 and 320,
which only one of the two can have: stop the daemon for as long.`,
		Example: "  epsilon doctor\n  epsilon doctor --rate\n  epsilon doctor --rate 24h --config ./epsilon.toml",
		Args: func(cmd *cobra.Command, args []string) error {
			if cmd.Flags().Changed("rate") && len(args) > 0 && length == usualMeasurement.String() {
				length, args = args[0], args[1:] // "--rate 24h", as a flag that may be without a value takes it only as "--rate=24h"
			}
			if cmd.Flags().Changed("rate") && len(args) > 0 {
				return fmt.Errorf("doctor --rate takes a duration and nothing else, not %q: the sources to ask are those of the configuration (--config)", args[0])
			}
			return cobra.NoArgs(cmd, args)
		},
		RunE: func(cmd *cobra.Command, _ []string) error {
			if cmd.Flags().Changed("rate") {
				d, err := measurementOf(length)
				if err != nil {
					return err
				}
				return measureRate(cmd, s, path, d)
			}
			if cmd.Flags().Changed("config") {
				return errors.New("--config is for --rate: without it doctor asks the daemon")
			}
			return examine(cmd, s)
		},
	}
	c.Flags().StringVar(&length, "rate", "", "measure the rate of the counter for a `duration`, as in 24h")
	c.Flags().Lookup("rate").NoOptDefVal = usualMeasurement.String()
	c.Flags().StringVar(&path, "config", "", "with --rate, `path` of the configuration (default "+config.DefaultPath+")")
	return c
}

// examine looks at the daemon's report and the host, and prints what is wrong.
func examine(cmd *cobra.Command, s *settings) error {
	c := &doctor.Case{System: os.DirFS("/"), Now: truetime.FromStd(time.Now())}
	client := s.client()
	defer client.Close()
	if r, err := client.Status(cmd.Context()); err != nil {
		c.NoDaemon = err
	} else {
		c.Report = &r
	}
	found := doctor.Examine(c)
	var err error
	if s.json {
		err = printJSON(cmd, examined{doctor.Checks(), found})
	} else {
		_, err = fmt.Fprint(cmd.OutOrStdout(), doctor.Text(found))
	}
	if err != nil {
		return exit{exitDoctorNoUse, errors.New("cannot write the findings: " + err.Error())}
	}
	if len(found) == 0 {
		return nil
	}
	return exit{code: min(len(found), maxFindings)}
}
