package main

import (
	_ "embed"

	"github.com/spf13/cobra"
)

// Topics are what "epsilon help" explains besides the commands.

//go:embed topics/json.txt
var jsonTopic string

//go:embed topics/config.txt
var configTopic string

//go:embed topics/demo.txt
var demoTopic string

func newHelpDemo() *cobra.Command {
	return &cobra.Command{Use: "demo", Short: "A daemon for tests, with faults by a script", Long: demoTopic}
}

func newHelpJSON() *cobra.Command {
	return &cobra.Command{Use: "json", Short: "The form of what --json prints", Long: jsonTopic}
}

func newHelpConfig() *cobra.Command {
	return &cobra.Command{Use: "config", Short: "The configuration file", Long: configTopic}
}
