package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second one ends it at once, and the kernel its daemons
	if err := beside(ctx, os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "beside:", err)
		os.Exit(1)
	}
}

func beside(ctx context.Context, arguments []string, out io.Writer) error {
	if len(arguments) == 1 && (arguments[0] == networkArgument || arguments[0] == loadArgument) {
		signal.Ignore(os.Interrupt, syscall.SIGTERM) // they end with their input, as this program does when it is interrupted
		if arguments[0] == networkArgument {
			return runNetwork()
		}
		return runLoad()
	}
	flags := flag.NewFlagSet("beside", flag.ContinueOnError)
	markdown := flags.Bool("markdown", false, "write the tables as Markdown")
	experiment := flags.Bool("experiments", false, "try instead what else could be made of a poll, which takes three and a half minutes")
	hurry := flags.Int("hurry", 1, "settle and read for this part of the time only, to see that everything works; the figures mean little")
	switch err := flags.Parse(arguments); {
	case err == flag.ErrHelp:
		return nil
	case err != nil:
		return err
	case flags.NArg() > 0 || *hurry < 1:
		return fmt.Errorf("it takes no arguments but flags, and -hurry must be at least 1")
	}
	if _, err := repository(ctx); err != nil {
		return err // before minutes have been spent
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
	return errors.Join(wrongs(phases)...)
}

// wrongs are the clocks of ours that were wrong: each is an error, once everything has been said.
func wrongs(phases []*phase) (errs []error) {
	for _, p := range phases {
		for _, b := range p.beds {
			for _, k := range b.clocks {
				if k.wrong > 0 {
					errs = append(errs, fmt.Errorf("%s on the bed %s: %d of %d answers did not contain the host's clock", k.name, b.name, k.wrong, k.reads))
				}
			}
		}
	}
	return errs
}

func usualTables(phases []*phase) []*table {
	return []*table{widths(phases), limits(phases), bounds(phases), paths(phases)}
}

func experimentTables(phases []*phase) []*table {
	return []*table{comparison(phases), paths(phases)}
}
