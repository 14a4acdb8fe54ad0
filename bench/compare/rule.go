package main

import (
	"github.com/epsilontime/epsilon/monotonic"
	"github.com/epsilontime/epsilon/truetime"
)

// rule makes an interval out of samples.
type rule interface {
	// take is given each sample as it is received, in order.
	take(source int, s truetime.Sample)

	// at returns the interval when the counter reads c, which is not before the last sample.
	at(c monotonic.Instant) (truetime.Interval, bool)
}

// contender is one line of the table.
type contender struct {
	name   string
	source string // where the rule comes from, and what it assumes
	stroke stroke // in the picture, if it is drawn

	fed    func(sources int) rule // for the rules that are written here
	drift  float64                // for ours, in ppm; 0 is 200
	wander float64                // and in ppb per second; 0 is not assumed
	far    bool                   // it is told how far away the servers are
}

// contenders in the order of the table. The first is what the others are compared with.
var contenders = [...]contender{
	{name: "sawtooth", stroke: stroke{"#f1948a", 5}, fed: newSawtooth(majority),
		source: "TrueTime (OSDI 2012): M_f of the newest samples, then 200 ppm"},
	{name: "sawtooth, overlap", fed: newSawtooth(overlap),
		source: "the same with the greatest overlap in place of M_f (Marzullo 1984)"},
	{name: "ClockBound", stroke: stroke{"#8e6bbf", 1.5}, fed: newClockBound,
		source: "ClockBound 2 over chrony: the best source alone, then 50 ppm"},
	{name: "chrony", fed: newChrony,
		source: "chrony 4: root dispersion and half the root delay, as its tracking reports them"},
	{name: "ntpd-rs", fed: newNTPDRS,
		source: "ntpd-rs 1: the same of its Kalman filters; the dispersion is a standard deviation"},
	{name: "IM", fed: newIM,
		source: "Marzullo and Owicki (PODC 1983): intersection with every consistent reply, 200 ppm"},
	{name: "running M_f", stroke: stroke{"#f5b041", 3}, fed: newRunning,
		source: "running intersection of M_f of the newest samples, 200 ppm"},
	{name: "ours", stroke: stroke{"#1c2833", 1},
		source: "this library, assuming 200 ppm"},
	// At 50 ppm a liar's sample can contradict itself that at 200 ppm cannot be told from a true one. Then
	// the sawtooth has one more sample to go by, and for a moment may be the narrower.
	{name: "ours, 50 ppm", drift: 50,
		source: "assuming 50 ppm, as ClockBound does"},
	{name: "ours, 0.1 ppm/s", stroke: stroke{"#2e86c1", 1.8}, wander: 100,
		source: "assuming 200 ppm, and that the rate changes by at most 0.1 ppm per second"},
	{name: "ours, 10 ppb/s", stroke: stroke{"#1e8449", 1.8}, wander: 10,
		source: "assuming 200 ppm, and that it changes by at most 10 ppb per second"},
	{name: "ours, distance", far: true,
		source: "assuming 200 ppm, and told how far away the honest servers are"},
	{name: "10 ppb/s, distance", wander: 10, far: true,
		source: "assuming both"},
}

// Where the contenders stand.
const (
	theSawtooth = 0
	theChrony   = 3
	ours        = 7
	oursTenth   = 9  // of a ppm per second
	oursTen     = 10 // ppb per second
	oursFar     = 11
	oursTenFar  = 12
)
