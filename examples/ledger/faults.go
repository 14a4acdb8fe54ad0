package main

import (
	"context"
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
	if c.members != nil {
		at(0.82)
		w.mark("etcd loses its quorum: two of three members are killed (SIGKILL)", -1)
		c.killMember(0)
		c.killMember(1)
		at(0.88)
		w.mark("a client is told: "+c.told(ctx), -1)
		w.mark("etcd's members start again", -1)
		for i := range 2 {
			if err := c.startMember(i); err != nil {
				w.mark("… and cannot: "+err.Error(), -1)
			}
		}
	}
	at(1)
}
