package main

import (
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

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
	return &cobra.Command{
		Use:   "doctor",
		Short: "Say what is wrong with this host's timekeeping, and what to do",
		Long: `Doctor looks at the daemon's report and at the host, and says in sentences what is
wrong and what to do about it. It changes nothing and asks no server.

It exits with the number of its findings, at most 100, and with 125 if it was used in
a wrong way.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
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
		},
	}
}
