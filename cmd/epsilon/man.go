package main

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"
)

func newMan() *cobra.Command {
	return &cobra.Command{
		Use:   "man DIRECTORY",
		Short: "Write the manual pages of all commands",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := os.MkdirAll(args[0], 0o755); err != nil {
				return not(err)
			}
			root := cmd.Root()
			root.DisableAutoGenTag = true // the day of the build says nothing
			if err := doc.GenManTree(root, &doc.GenManHeader{Title: "EPSILON", Section: "1", Source: "epsilon " + version(), Manual: "Epsilon"}, args[0]); err != nil {
				return not(fmt.Errorf("cannot write manual pages: %w", err))
			}
			return nil
		},
	}
}
