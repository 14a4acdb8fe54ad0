package main

import (
	"fmt"
	"time"
)

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
const settling, reading = time.Minute, 35 * time.Second

// lessDrift is what ClockBound's manual says of a machine where nothing better is known, and a quarter of what this library takes.
const lessDrift = 50 // ppm

func on(p path, extra string) *bed {
	return &bed{name: p.String() + extra, path: p, poll: time.Second, drift: driftPPM}
}

// with has further clocks tried on the bed.
func (b *bed) with(extra ...variant) *bed {
	b.extra = extra
	return b
}

// assuming has everybody on the bed assume another drift.
func assuming(drift float64, p path) *bed {
	b := on(p, fmt.Sprintf(", %g ppm", drift))
	b.drift = drift
	return b
}

// onEveryBed are the clocks of the tables. An option that is to be tried on all beds is one line more here, with a name of its own.
var onEveryBed = []variant{plain, still}

// usual is all that is tried unless the user asks for the experiments.
func usual() []*phase {
	far := on(distant, ", 1000 km")
	far.kilometres = distance
	own, others := on(shortest, ", our server").with(finer, finerStill), on(shortest, ", chronyd's").with(finer, finerStill)
	own.ours = true
	own.poll, others.poll = time.Second/4, time.Second/4
	return []*phase{
		{what: "quiet beds", beds: []*bed{
			on(flat, "").with(finer, finerStill), assuming(lessDrift, flat).with(finer, finerStill), on(narrow, ""),
			on(wide, "").with(finer, finerStill), assuming(lessDrift, wide).with(finer, finerStill), on(distant, ""), far,
		}, variants: onEveryBed, settle: settling, span: reading},
		{what: "our client and our server", beds: []*bed{own}, variants: onEveryBed, awake: true, settle: settling / 4, span: reading},
		{what: "our client and chronyd's servers", beds: []*bed{others}, variants: onEveryBed, awake: true, settle: settling / 4, span: reading},
		{what: "busy beds", beds: []*bed{on(flat, ", busy").with(finer, finerStill), on(wide, ", busy").with(finer, finerStill)},
			variants: onEveryBed, busy: true, settle: settling, span: reading},
	}
}
