package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/epsilontime/epsilon/cmd/epsilon/internal/api"
)

// Exit codes: see the command's documentation.
const (
	exitGood  = 0
	exitNot   = 1
	exitNoUse = 2

	exitDoctorNoUse = 125 // of doctor, whose other codes are a number of findings
)

// exit is an error with the code that the command ends with. Without an error nothing is printed.
type exit struct {
	code int
	err  error
}

func (e exit) Error() string {
	if e.err == nil {
		return fmt.Sprintf("exit code %d", e.code)
	}
	return e.err.Error()
}

func (e exit) Unwrap() error { return e.err }

// not is the outcome of a command that has found something not to be as asked.
func not(err error) error { return exit{exitNot, err} }

// run runs a command line, and returns its exit code.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	root := newRoot()
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	command, err := root.ExecuteContextC(ctx)
	if err == nil {
		return exitGood
	}
	code := exitNoUse
	var coded exit
	if errors.As(err, &coded) {
		code = coded.code
		if coded.err == nil {
			return code
		}
	} else if command.Name() == "doctor" {
		code = exitDoctorNoUse
	}
	fmt.Fprintf(stderr, "epsilon: %v\n", err)
	return code
}

// settings are the flags that most commands share.
type settings struct {
	socket string
	json   bool
}

func (s *settings) client() *api.Client {
	if s.socket == "" {
		return api.NewClient(api.FindSocket())
	}
	return api.NewClient(s.socket)
}

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:   "epsilon",
		Short: "The clock of a host: an interval that contains true time",
		Long: `Epsilon runs one clock for a host. It polls the sources of time, never steers the
system clock, and tells every process between which two moments true time is.`,
		Example: `  epsilon serve --demo         # try it, without a network; then, elsewhere:
  epsilon status
  epsilon top
  epsilon wait --within 1ms`,
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          cobra.NoArgs,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	s := &settings{}
	root.PersistentFlags().StringVar(&s.socket, "socket", "",
		"`path` of the daemon's socket (default $EPSILON_SOCKET, or else "+api.SystemSocket+")")
	asking := []*cobra.Command{newStatus(s), newSources(s), newWhy(s), newFleet(s), newDoctor(s), newReplay(s), newWait(s), newNow(s), newEvents(s), newReload(s)}
	for _, c := range asking {
		c.Flags().BoolVar(&s.json, "json", false, "print JSON, in the form that \"epsilon help json\" describes")
	}
	root.AddCommand(asking...)
	root.AddCommand(newTop(s), newRecord(s), newServe(s), newCheckConfig(s), newVersion(s), newMan(), newHelpJSON(), newHelpConfig(), newHelpDemo())
	return root
}
