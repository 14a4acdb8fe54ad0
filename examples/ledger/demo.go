package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/epsilontime/epsilon/examples/ledger/judge"
)

const demoNodes = 3

// demo starts a cluster on loopback, has clients transfer money while things go wrong, and has the judge
// look at what the clients saw.
func demo(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("demo", flag.ContinueOnError)
	var o demoOptions
	flags.StringVar(&o.engine, "engine", "pebble", "pebble or etcd")
	flags.StringVar(&o.etcd, "etcd", "", "etcd: endpoints of a cluster that is there, host:port,…; else three members are started")
	flags.DurationVar(&o.length, "length", 20*time.Second, "how long the clients work")
	flags.IntVar(&o.workers, "clients", 8, "how many clients there are")
	flags.Uint64Var(&o.seed, "seed", 1, "of the transfers and of random faults")
	flags.StringVar(&o.out, "out", ".", "the folder for the report")
	flags.StringVar(&o.faults, "faults", "tour", "tour (every kind once) or random (as the seed has it)")
	flags.BoolVar(&o.noWait, "unsafe-no-commit-wait", false, "acknowledge without waiting")
	flags.BoolVar(&o.noFence, "unsafe-no-fence", false, "write without the fencing token")
	flags.BoolVar(&o.wall, "unsafe-wall-clock", false, "trust wall clocks that are off by up to 20 ms")
	if err := flags.Parse(args); err != nil {
		return err
	}
	folder, err := os.MkdirTemp("", "ledger-demo-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	c, err := startDemo(ctx, o, folder)
	if err != nil {
		return err
	}
	defer c.stop()
	fmt.Printf("3 nodes on %s, each with 3 time servers of its own and a counter %+v ppm off; seed %d\n", o.engine, demoSkews, o.seed)

	work := startWork(ctx, c, o)
	if err := work.load(ctx); err != nil {
		return err
	}
	if o.faults == "random" {
		random(ctx, c, work, o)
	} else {
		tour(ctx, c, work, o)
	}
	if err := work.end(ctx); err != nil {
		return err
	}
	verdict := judge.Judge(work.recorder.Events())
	summary := report(work, verdict)
	if !o.wall && o.faults == "tour" {
		summary += outOfBound(ctx, c, o)
	}
	fmt.Print(summary)
	if err := writePage(filepath.Join(o.out, "ledger.html"), work, verdict, summary); err != nil {
		return err
	}
	if len(verdict.Violations) != 0 {
		return fmt.Errorf("%d promises were broken", len(verdict.Violations))
	}
	return nil
}

type demoOptions struct {
	engine, etcd, out     string
	faults                string
	length                time.Duration
	workers               int
	seed                  uint64
	noWait, noFence, wall bool
}

// outOfBound breaks the one thing on which everything rests: the counter of node 0 runs 20 times faster
// than its clock was told it may. Nothing is promised then; what happened is told apart.
func outOfBound(ctx context.Context, c *demoCluster, o demoOptions) string {
	o.length = 4 * time.Second
	w := startWork(ctx, c, o)
	if err := w.load(ctx); err != nil {
		return "a clock out of bound: " + err.Error() + "\n"
	}
	broken := time.Now()
	c.post(0, "/debug/skew?ppm=4000")
	noticed := "was not noticed"
	for time.Since(broken) < o.length {
		if s, err := c.status(ctx, 0); err == nil && s.Epsilon < 0 {
			noticed = fmt.Sprintf("was noticed after %v (%s): the node refuses, and others lead", time.Since(broken).Round(time.Millisecond), s.State)
			break
		}
		time.Sleep(20 * time.Millisecond)
	}
	time.Sleep(time.Until(broken.Add(o.length)))
	if err := w.end(ctx); err != nil {
		return "a clock out of bound: " + err.Error() + "\n"
	}
	v := judge.Judge(w.recorder.Events())
	return fmt.Sprintf("then the counter of node 0 ran 4000 ppm fast, and 200 are assumed: nothing is promised. It %s.\n"+
		"  %d writes, %d broken promises, of which %d of order\n", noticed, v.Writes, len(v.Violations), v.Count(judge.OrderPromise))
}
