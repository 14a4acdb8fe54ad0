package main

import "time"

// A thread of real-time priority that never sleeps is made to: Linux gives the others 50 ms of each second (sched_rt_runtime_us, and since 6.12
// the fair server), in one piece, in which nothing leaves the network. If it sleeps for more than that by itself, in short pieces while nothing is
// under way, there is no need to. A datagram wakes it, and may be late by what that takes: it meets a piece in one case of twelve at most.
const (
	restShare = 12 // it sleeps a twelfth of the time
	restPiece = time.Millisecond
)

// rest is what a thread that spins owes to the others.
type rest struct {
	since time.Time
	had   time.Duration
}

// due is how long it should sleep now: a piece, if it owes one and is idle.
func (r *rest) due(idle bool) time.Duration {
	if !idle || time.Since(r.since)/restShare-r.had < restPiece {
		return 0
	}
	return restPiece
}

func (r *rest) took(from, to time.Time) { r.had += to.Sub(from) }
