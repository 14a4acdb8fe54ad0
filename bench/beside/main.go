package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := beside(ctx, os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "beside:", err)
		os.Exit(1)
	}
}

func beside(ctx context.Context, arguments []string, out io.Writer) error {
	if len(arguments) == 1 && (arguments[0] == networkArgument || arguments[0] == loadArgument) {
		signal.Ignore(os.Interrupt) // they end with their input, as this program does when it is interrupted
		if arguments[0] == networkArgument {
			return runNetwork()
		}
		return runLoad()
	}
	flags := flag.NewFlagSet("beside", flag.ContinueOnError)
	markdown := flags.Bool("markdown", false, "write the tables as Markdown")
	experiment := flags.Bool("experiments", false, "try instead what else could be made of a poll, which takes three minutes")
	hurry := flags.Int("hurry", 1, "settle and read for this part of the time only, to see that everything works; the figures mean little")
	switch err := flags.Parse(arguments); {
	case err == flag.ErrHelp:
		return nil
	case err != nil:
		return err
	case flags.NArg() > 0 || *hurry < 1:
		return fmt.Errorf("it takes no arguments but flags, and -hurry must be at least 1")
	}
	if what := notQuiet(); what != "" {
		fmt.Fprintf(os.Stderr, "beside: %s, so the figures will say little about the clocks: wait until nothing else runs\n", what)
	}
	var phases []*phase // that have been run
	plan, report := usual(), usualTables
	if *experiment {
		plan, report = experiments(), experimentTables
	}
	for _, p := range plan {
		if p.busy && phases[0].start.Realtime != "" {
			fmt.Fprintf(os.Stderr, "beside: %s are left out, as the network would wait for the processor there: %s; run this as root\n", p.what, phases[0].start.Realtime)
			continue
		}
		p.settle /= time.Duration(*hurry)
		p.span /= time.Duration(*hurry)
		if err := p.run(ctx); err != nil {
			return fmt.Errorf("%s: %w", p.what, err)
		}
		phases = append(phases, p)
	}
	for _, t := range report(phases) {
		if err := t.write(out, *markdown); err != nil {
			return err
		}
	}
	return nil
}

func usualTables(phases []*phase) []*table {
	return []*table{widths(phases), limits(phases), bounds(phases), paths(phases)}
}

func experimentTables(phases []*phase) []*table {
	return []*table{comparison(phases), paths(phases)}
}
