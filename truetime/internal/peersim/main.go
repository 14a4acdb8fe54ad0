// Command peersim shows what it would pay if the machines of one site told each other what they know about the same servers,
// and what it would cost: it simulates sites of 3, 10 and 100 machines, with networks of many kinds, and with one machine
// that tells something false.
//
//	go run ./truetime/internal/peersim
//	go run ./truetime/internal/peersim -wrong
//	go run ./truetime/internal/peersim -pairs
//
// The last one is about one machine: whether two exchanges in quick succession are worth more than two that are a poll apart.
//
// Equal seeds make equal tables. It is here and not in bench because it drives the discipline that clocks run, which only
// truetime may import. What one machine makes of what another one tells is in carry.go, with the proof.
//
// # How to read the tables
//
// Each cell is the mean of ε in microseconds and the ε under which 95 % of the reads are; then by how many times the mean
// is narrower than without peers, on the same exchanges. "floor" is what ε would be without queues and without drift: no
// number of machines gets below it. "n × as often" shares nothing: each machine asks the servers as often as the whole site would. It is what
// neighbours could give at most, if what they know came at once, at no cost, and without a new assumption. "Four that serve NTP" is what there is already: four
// machines of the site ask the servers every second and serve what they know (design, 13), and the others ask these four, of which one may be wrong.
//
// # What this does not promise
//
// It is no part of the library: nothing imports it, so it prints and exits.
//
// Every machine of a site has the same route to a server, and queues of its own on it but where the table says "common". The machines' counters keep to
// a constant rate within 30 ppm. Stamps are ideal.
package main

import (
	"flag"
	"fmt"
	"io"
	"os"
	"runtime"
	"sync"
	"time"
)

func main() {
	if err := run(os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "peersim:", err)
		os.Exit(1)
	}
}

func run(args []string, out io.Writer) error {
	flags := flag.NewFlagSet("peersim", flag.ContinueOnError)
	seed := flags.Uint64("seed", 1, "the seed of all sites")
	span := flags.Int("polls", 20, "for how many polls of a server each site is watched")
	wrong := flags.Bool("wrong", false, "one machine of each site tells something false")
	pairs := flags.Bool("pairs", false, "two exchanges in quick succession every other poll, beside one each poll")
	largest := flags.Int("machines", 100, "leave out larger sites than this")
	switch err := flags.Parse(args); {
	case err == flag.ErrHelp:
		return nil
	case err != nil:
		return err
	case *largest < sizes[0]:
		return fmt.Errorf("-machines %d: the smallest site has %d", *largest, sizes[0])
	case *pairs && *wrong:
		return fmt.Errorf("-pairs is about one machine, and -wrong about what it does to others: give one of them")
	case *span < 2:
		return fmt.Errorf("-polls %d: give it at least 2", *span)
	}
	if *pairs {
		return writePairs(out, runEach(forPairs(*seed, *span), experiment.runPairs))
	}
	all := honest(*seed, *span, *largest)
	if *wrong {
		all = withLies(*seed, *span, *largest)
	}
	results := runEach(all, experiment.run)
	if *wrong {
		return writeLies(out, results)
	}
	return writeTable(out, results)
}

var sizes = []int{3, 10, 100}

// honest is every site without a lie: all jitters where queues are exponential, and all kinds of queues where the jitter
// is 1 ms and no less than the round trip.
func honest(seed uint64, polls, largest int) (all []experiment) {
	for _, base := range []time.Duration{time.Millisecond, 20 * time.Millisecond} {
		for _, poll := range []time.Duration{time.Second, 16 * time.Second} {
			add := func(jitter time.Duration, q queue) {
				for _, n := range sizes {
					if n <= largest {
						all = append(all, experiment{machines: n, base: base, jitter: jitter, queue: q, poll: poll, polls: polls, seed: seed})
					}
				}
			}
			for _, tenths := range []time.Duration{1, 3, 10, 30, 100} {
				add(tenths*100*time.Microsecond, exponential)
			}
			for q := uniform; q < queues && base == time.Millisecond; q++ {
				add(time.Millisecond, q)
			}
		}
	}
	return all
}

// withLies is sites in which one machine tells something false.
func withLies(seed uint64, polls, largest int) (all []experiment) {
	for _, n := range sizes {
		for l := truthful; l < lies && n <= largest; l++ {
			all = append(all, experiment{machines: n, base: time.Millisecond, jitter: time.Millisecond, poll: time.Second, polls: polls, seed: seed, lie: l})
		}
	}
	return all
}

// runEach runs experiments on all processors. The results are in the order of the experiments.
func runEach[R any](all []experiment, run func(experiment) R) []R {
	results := make([]R, len(all))
	var work sync.WaitGroup
	next := make(chan int)
	for range runtime.GOMAXPROCS(0) {
		work.Go(func() {
			for i := range next {
				results[i] = run(all[i])
			}
		})
	}
	for i := range all {
		next <- i
	}
	close(next)
	work.Wait()
	return results
}
