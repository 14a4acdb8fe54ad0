package main

import "time"

// The beds: how long a datagram takes on either way.
var (
	flat     = path{500 * time.Microsecond, 500 * time.Microsecond}
	narrow   = path{400 * time.Microsecond, 600 * time.Microsecond}
	wide     = path{250 * time.Microsecond, 750 * time.Microsecond}
	distant  = path{9 * time.Millisecond, 11 * time.Millisecond}
	shortest = path{50 * time.Microsecond, 50 * time.Microsecond}
)

// distance is declared on one bed. Light takes 3.3 ms for it, and the path takes 9 ms or more.
const distance = 1000 // km

// settling lets chronyd learn the frequency, and our clocks the rate. The phase with polls of 0.25 s takes as many polls in less time.
const settling, reading = time.Minute, 30 * time.Second

func on(p path, extra string) *bed { return &bed{name: p.String() + extra, path: p, poll: time.Second} }

// onEveryBed are the clocks of the tables. An option that is to be tried on all beds is one line more here, with a name of its own.
var onEveryBed = []variant{plain, still}

// usual is all that is tried unless the user asks for the experiments.
func usual() []*phase {
	far := on(distant, ", 1000 km")
	far.kilometres = distance
	own, others := on(shortest, ", our server"), on(shortest, ", chronyd's")
	own.ours = true
	own.poll, others.poll = time.Second/4, time.Second/4
	return []*phase{
		{what: "quiet beds", beds: []*bed{on(flat, ""), on(narrow, ""), on(wide, ""), on(distant, ""), far},
			variants: onEveryBed, settle: settling, span: reading},
		{what: "our client and our server, and chronyd's", beds: []*bed{own, others},
			variants: onEveryBed, awake: true, settle: settling / 4, span: reading / 2},
		{what: "busy beds", beds: []*bed{on(flat, ", busy"), on(wide, ", busy")},
			variants: onEveryBed, busy: true, settle: settling, span: reading},
	}
}
