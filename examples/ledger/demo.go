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

// demo starts a cluster on loopback, has clients transfer money while things go wrong, and has the
// judge look at what the clients saw.
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
	flags.IntVar(&o.schedules, "schedules", 0, "run so many schedules of random faults, one after the other, with this seed and the next")
	flags.BoolVar(&o.noWait, "unsafe-no-commit-wait", false, "acknowledge without waiting")
	flags.BoolVar(&o.noFence, "unsafe-no-fence", false, "write without the fencing token")
	flags.BoolVar(&o.wall, "unsafe-wall-clock", false, "trust wall clocks that are off by up to 20 ms")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if o.schedules > 0 {
		return schedules(ctx, o)
	}
	w, verdict, summary, err := perform(ctx, o)
	if err != nil {
		return err
	}
	fmt.Print(summary)
	if err := writePage(filepath.Join(o.out, "ledger.html"), w, verdict, summary); err != nil {
		return err
	}
	if len(verdict.Violations) != 0 {
		return fmt.Errorf("%d promises were broken", len(verdict.Violations))
	}
	return nil
}

// perform has clients work on a new cluster while things go wrong, and the judge look at what they
// saw.
func perform(ctx context.Context, o demoOptions) (w *work, verdict judge.Verdict, summary string, err error) {
	folder, err := os.MkdirTemp("", "ledger-demo-")
	if err != nil {
		return nil, verdict, "", err
	}
	defer os.RemoveAll(folder)
	c, err := startDemo(ctx, o, folder)
	if err != nil {
		return nil, verdict, "", err
	}
	defer c.stop()
	w = startWork(ctx, c, o)
	w.print("3 nodes on %s, each with 3 time servers of its own and a counter %+v ppm off; seed %d\n", o.engine, demoSkews, o.seed)
	if err := w.load(ctx); err != nil {
		return w, verdict, "", err
	}
	if o.faults == "random" {
		random(ctx, c, w, o)
	} else {
		tour(ctx, c, w, o)
	}
	if err := w.end(ctx); err != nil {
		return w, verdict, "", err
	}
	verdict = judge.Judge(w.recorder.Events())
	summary = report(w, verdict)
	if !o.wall && o.faults == "tour" {
		summary += outOfBound(ctx, c, o)
	}
	return w, verdict, summary, nil
}

type demoOptions struct {
	engine, etcd, out     string
	faults                string
	schedules             int
	length                time.Duration
	workers               int
	seed                  uint64
	noWait, noFence, wall bool
}

// outOfBound breaks the one thing on which everything rests: the counter of node 0 runs 20 times
// faster than its clock was told it may. Nothing is promised then; what happened is told apart.
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
