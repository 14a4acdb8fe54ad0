package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/epsilontime/epsilon/cmd/epsilon/internal/view"
)

func newFleet(s *settings) *cobra.Command {
	return &cobra.Command{
		Use:   "fleet",
		Short: "Show which machines of the fleet contradict each other, and who is proved wrong",
		Long: `Fleet shows what the daemon knows of the other machines of its fleet ([fleet] of the
configuration): by how much each clock is ahead of this machine's, as an interval
that has 0 in it if both can be right; which machines contradict each other; and who
is proved wrong, as more machines contradict it than may be wrong.

It is what this machine has found itself and what others have told it of their own
findings when it asked them. In the picture a ✗ is a contradiction that the machine
of the line has proved with that of the column. In a fleet of a thousand it takes
minutes until one machine has asked all others: Prometheus sees all findings at once.

It exits with 0 if no two machines are known to contradict each other, with 1 if some
do, and with 2 if no daemon answers or it is in no fleet.`,
		Example: "  epsilon fleet\n  epsilon fleet --json | jq .Convicted",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			client := s.client()
			defer client.Close()
			f, err := client.Fleet(cmd.Context())
			if err != nil {
				return err
			}
			if s.json {
				err = printJSON(cmd, f)
			} else {
				const rows = 24
				_, err = fmt.Fprint(cmd.OutOrStdout(), view.Fleet(f, rows))
			}
			if err == nil && len(f.Contradictions) > 0 {
				return exit{code: exitNot}
			}
			return err
		},
	}
}
