package main

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/epsilontime/epsilon/cmd/epsilon/internal/config"
)

// checked is what check-config prints as JSON.
type checked struct {
	File     string
	Mistakes []config.Mistake // none if the configuration is good
	Sources  []checkedSource  `json:",omitempty"`
	Notes    []string         `json:",omitempty"`
}

type checkedSource struct{ Kind, Address string }

func newCheckConfig(s *settings) *cobra.Command {
	c := &cobra.Command{
		Use:   "check-config [FILE]",
		Short: "Say what is wrong with a configuration, without using it",
		Long: `Check-config reads the configuration that "epsilon serve" would, or FILE, and prints
every mistake with its line. It exits with 0 if there is none, else with 2.`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			path := ""
			if len(args) == 1 {
				path = args[0]
			}
			c, err := config.Find(path)
			out := cmd.OutOrStdout()
			var bad *config.Error
			switch {
			case errors.As(err, &bad) && s.json:
				if err := json.NewEncoder(out).Encode(checked{File: bad.File, Mistakes: bad.Mistakes}); err != nil {
					return err
				}
				return exit{code: exitNoUse}
			case err != nil:
				return err
			case s.json:
				r := checked{File: c.File, Mistakes: []config.Mistake{}, Notes: c.Notes}
				for _, source := range c.Sources {
					r.Sources = append(r.Sources, checkedSource{source.Kind, source.Address})
				}
				return json.NewEncoder(out).Encode(r)
			}
			fmt.Fprintf(out, "%s is good: %d sources\n", c.File, len(c.Sources))
			for _, source := range c.Sources {
				fmt.Fprintf(out, "  %-8s %s\n", source.Kind, source.Address)
			}
			for _, note := range c.Notes {
				fmt.Fprintf(out, "note: %s\n", note)
			}
			return nil
		},
	}
	c.Flags().BoolVar(&s.json, "json", false, "print JSON: File, Mistakes with Line and Text, Sources, Notes")
	return c
}
