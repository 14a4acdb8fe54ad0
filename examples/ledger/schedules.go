package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"
)

// schedules runs one schedule of random faults after the other, and tells of each in one line.
func schedules(ctx context.Context, o demoOptions) error {
	o.faults = "random"
	broken, writes := 0, 0
	for last := o.seed + uint64(o.schedules); o.seed < last; o.seed++ {
		w, v, _, err := perform(ctx, o)
		if err != nil {
			return fmt.Errorf("seed %d: %w", o.seed, err)
		}
		fmt.Printf("%s, seed %d: %d faults, %d transactions, %d reads, %d violations\n",
			o.engine, o.seed, len(w.marks), v.Writes, v.Reads+v.Snapshots, len(v.Violations))
		writes += v.Writes
		if len(v.Violations) != 0 {
			broken++
			for _, m := range w.marks {
				fmt.Printf("  %4.1f s: %s\n", m.At.Seconds(), m.Text)
			}
			for _, violation := range v.Violations[:min(3, len(v.Violations))] {
				fmt.Printf("  such as %s\n", violation)
			}
		}
	}
	if broken != 0 {
		return fmt.Errorf("promises were broken in %d of %d schedules", broken, o.schedules)
	}
	fmt.Printf("%d schedules, %d transactions acknowledged, 0 lost, 0 applied twice, 0 out of order\n", o.schedules, writes)
	return nil
}

// random makes trouble as the seed has it: processes are killed at any moment or between two steps
// of a transaction, stopped, and cut off from their time servers; single goroutines of them are
// held up.
func random(ctx context.Context, c *demoCluster, w *work, o demoOptions) {
	draw := rand.New(rand.NewPCG(o.seed, 7))
	for end := w.begun.Add(o.length); time.Now().Before(end) && ctx.Err() == nil; {
		time.Sleep(time.Duration(100+draw.IntN(500)) * time.Millisecond)
		i, pause, steps := draw.IntN(demoNodes), time.Duration(draw.IntN(2000))*time.Millisecond, 1+draw.IntN(40)
		var err error
		switch draw.IntN(7) {
		case 0:
			w.mark("killed (SIGKILL) and starts again after "+pause.String(), i)
			c.kill(i)
			time.Sleep(pause)
			err = c.startNode(ctx, i)
		case 1:
			w.mark(fmt.Sprintf("kills itself after %d steps, and starts again after %v", steps, pause), i)
			c.post(i, fmt.Sprint("/debug/kill?steps=", steps))
			time.Sleep(pause)
			c.kill(i)
			err = c.startNode(ctx, i)
		case 2:
			w.mark("stopped before a commit, and goes on after "+pause.String(), i)
			c.post(i, "/debug/stop")
			time.Sleep(pause)
			c.goOn(i)
		case 3:
			w.mark("without time servers for "+pause.String(), i)
			c.cut(i, true)
			time.Sleep(pause)
			c.cut(i, false)
		case 4:
			err = c.breakEngine(ctx, w, i, i+1, pause)
		case 5:
			err = c.breakEngine(ctx, w, 0, 2, pause)
		case 6:
			w.mark(fmt.Sprintf("one goroutine is held up for %v at step %d, without time servers meanwhile", pause, steps), i)
			c.post(i, fmt.Sprintf("/debug/hold?steps=%d&for=%v", steps, pause))
			c.cut(i, true)
			time.Sleep(pause)
			c.cut(i, false)
		}
		if err != nil {
			w.mark("… and that failed: "+err.Error(), i)
		}
	}
	for i := range c.nodes {
		c.goOn(i)
	}
}

// goOn lets a node go on that has stopped, or is about to.
func (c *demoCluster) goOn(i int) {
	_ = resume(c.nodes[i].Process) // it may be gone
	c.post(i, "/debug/stop?id=nobody")
	time.Sleep(50 * time.Millisecond)
	_ = resume(c.nodes[i].Process) // if it stopped in between
}

// breakEngine kills the store, or some members of etcd: two of them take the quorum with them.
func (c *demoCluster) breakEngine(ctx context.Context, w *work, from, to int, pause time.Duration) error {
	if c.members == nil {
		w.mark("the store is killed (SIGKILL) and starts again after "+pause.String(), -1)
		end(c.store)
		time.Sleep(pause)
		return c.restartStore(ctx)
	}
	w.mark(fmt.Sprintf("%d of %d members of etcd are killed (SIGKILL) and start again after %v", to-from, demoMembers, pause), -1)
	for i := from; i < to; i++ {
		c.killMember(i)
	}
	time.Sleep(pause)
	for i := from; i < to; i++ {
		if err := c.startMember(i); err != nil {
			return err
		}
	}
	return nil
}
