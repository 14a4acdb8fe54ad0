// Command compare shows how wide the intervals of different clocks are on the very same samples, and
// how often they are wrong. It simulates a machine and four servers, of which one may lie, and gives
// every rule what the machine hears. The other rules are written from their papers, each with its
// source, and for this comparison only.
//
//	go run ./bench/compare
//	go run ./bench/compare -liars none -svg .
//
// Equal seeds make equal tables.
//
// # How to read the table
//
// A rule assumes something, and ε is the price of assuming less. ClockBound and rule IM believe whom
// they believe, so one liar is enough to make them wrong; the sawtooth with M_f, the running intersection
// and this library stay right with one liar of four. ClockBound also takes the counter to be within 50 ppm
// where TrueTime, and this library unless it is told better, allow for 200. Compare it with the line
// of this library for 50 ppm. chrony and ntpd-rs assume no bound of the counter at all: they estimate its rate and how well
// they know it. What they report is root dispersion and half the root delay, which is what a client, or
// ClockBound, takes for the bound. It is narrow and mostly right as long as no server lies. Both need some polls to begin with: chrony
// three of a source, and is wide until it has more; ntpd-rs nine. Two lines are of this library on machines that are told how far away the
// honest servers are: 4 km where the round trip is 0.1 ms, 41 km where it is 1 ms, and 816 km where it
// is 20 ms.
//
// # What this does not promise
//
// The other rules are models of programs, not the programs: each gets the reading of its paper that is
// best for it. The machine is one, its stamps are ideal, and liars adapt to this library's conclusions
// and to nobody else's.
package main

import (
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"time"
)

func main() {
	if err := compare(os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "compare:", err)
		os.Exit(1)
	}
}

var (
	roundTrips = [...]time.Duration{100 * time.Microsecond, time.Millisecond, 20 * time.Millisecond}
	polls      = [...]time.Duration{time.Second, 8 * time.Second, 30 * time.Second}
)

func compare(args []string, out io.Writer) error {
	flags := flag.NewFlagSet("compare", flag.ContinueOnError)
	seed := flags.Uint64("seed", 1, "the seed of all worlds")
	span := flags.Duration("span", time.Hour, "how long each world is watched")
	names := flags.String("liars", "all", "which liars, separated by commas; none is one of them")
	svg := flags.String("svg", "", "the directory to write epsilon.svg to: the first ten minutes without liars")
	switch err := flags.Parse(args); {
	case err == flag.ErrHelp:
		return nil
	case err != nil:
		return err
	case *span < 10*time.Second:
		return fmt.Errorf("-span %v: give it at least 10s", *span)
	}
	chosen, err := choose(*names)
	if err != nil {
		return err
	}
	results, err := runAll(experiments(chosen, *seed, *span))
	if err != nil {
		return err
	}
	if *svg != "" {
		if err := writePicture(filepath.Join(*svg, "epsilon.svg"), *seed); err != nil {
			return err
		}
	}
	if err := writeTable(out, results); err != nil {
		return err
	}
	return writeLegend(out, results)
}

// writePicture draws the first ten minutes of the worlds without liars.
func writePicture(path string, seed uint64) error {
	results, err := runAll(experiments(liars[:1], seed, pictured))
	if err != nil {
		return err
	}
	return os.WriteFile(path, picture(results), 0o666)
}

// choose returns the liars of these names.
func choose(names string) (chosen []liar, err error) {
	if names == "all" {
		return liars, nil
	}
	for _, name := range strings.Split(names, ",") {
		known := len(chosen)
		for _, l := range liars {
			if l.name == name {
				chosen = append(chosen, l)
			}
		}
		if len(chosen) == known {
			var all []string
			for _, l := range liars {
				all = append(all, l.name)
			}
			return nil, fmt.Errorf("-liars: there is no %q: there are %s", name, strings.Join(all, ", "))
		}
	}
	return chosen, nil
}

// experiments is every network with every poll and each of the liars.
func experiments(chosen []liar, seed uint64, span time.Duration) (all []experiment) {
	for _, l := range chosen {
		for _, rtt := range roundTrips {
			for _, poll := range polls {
				all = append(all, experiment{rtt: rtt, poll: poll, liar: l, seed: seed, span: span})
			}
		}
	}
	return all
}

// runAll runs experiments on all processors. The results are in the order of the experiments.
func runAll(all []experiment) ([]result, error) {
	results := make([]result, len(all))
	errs := make([]error, len(all))
	var work sync.WaitGroup
	next := make(chan int)
	for range runtime.GOMAXPROCS(0) {
		work.Go(func() {
			for i := range next {
				results[i], errs[i] = all[i].run()
			}
		})
	}
	for i := range all {
		next <- i
	}
	close(next)
	work.Wait()
	for _, err := range errs {
		if err != nil {
			return nil, err
		}
	}
	return results, nil
}
