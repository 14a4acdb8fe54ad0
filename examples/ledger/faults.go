package main

import (
	"context"
	"math/rand/v2"
	"time"
)

// mark is a fault and when it began.
type mark struct {
	At   time.Duration
	Text string
}

// tour makes every kind of trouble once, at fixed parts of the time that the clients work.
func tour(ctx context.Context, c *demoCluster, w *work, o demoOptions) {
	at := func(part float64) {
		select {
		case <-ctx.Done():
		case <-time.After(time.Until(w.begun.Add(time.Duration(part * float64(o.length))))):
		}
	}
	at(0.10)
	w.mark("stopped between the check of its lease and a write (SIGSTOP)", 0)
	c.post(0, "/debug/stop?id="+w.clientPrefix(patientClient))
	at(0.35)
	w.mark("goes on (SIGCONT)", 0)
	if err := resume(c.nodes[0].Process); err != nil {
		w.mark("… which this system cannot do: "+err.Error(), -1)
	}
	at(0.40)
	w.mark("killed (SIGKILL)", 1)
	c.kill(1)
	at(0.50)
	w.mark("starts again", 1)
	if err := c.startNode(ctx, 1); err != nil {
		w.mark("… and cannot: "+err.Error(), -1)
	}
	at(0.60)
	w.mark("cut off from its time servers", 2)
	c.cut(2, true)
	at(0.80)
	w.mark("has its time servers back", 2)
	c.cut(2, false)
	if o.engine == "pebble" {
		at(0.85)
		w.mark("the store is killed (SIGKILL) and starts again", -1)
		if err := c.restartStore(ctx); err != nil {
			w.mark("… and cannot: "+err.Error(), -1)
		}
	}
	at(1)
}

// random makes trouble as the seed has it: nodes and the store are killed, stopped and cut off at any
// moment.
func random(ctx context.Context, c *demoCluster, w *work, o demoOptions) {
	draw := rand.New(rand.NewPCG(o.seed, 7))
	for end := w.begun.Add(o.length); time.Now().Before(end) && ctx.Err() == nil; {
		time.Sleep(time.Duration(100+draw.IntN(700)) * time.Millisecond)
		i, pause := draw.IntN(demoNodes), time.Duration(draw.IntN(3000))*time.Millisecond
		var err error
		switch kind := draw.IntN(4); {
		case kind == 0:
			w.mark("killed and starts again", i)
			c.kill(i)
			time.Sleep(pause)
			err = c.startNode(ctx, i)
		case kind == 1:
			w.mark("stopped before a commit, and goes on after "+pause.String(), i)
			c.post(i, "/debug/stop")
			time.Sleep(pause)
			err = resume(c.nodes[i].Process)
		case kind == 2:
			w.mark("without time servers for "+pause.String(), i)
			c.cut(i, true)
			time.Sleep(pause)
			c.cut(i, false)
		case o.engine == "pebble":
			w.mark("the store is killed and starts again", -1)
			err = c.restartStore(ctx)
		}
		if err != nil {
			w.mark("… and that failed: "+err.Error(), i)
		}
	}
	for _, n := range c.nodes { // one that stopped after it was told to go on
		_ = resume(n.Process)
	}
	time.Sleep(100 * time.Millisecond)
	for _, n := range c.nodes {
		_ = resume(n.Process)
	}
}
