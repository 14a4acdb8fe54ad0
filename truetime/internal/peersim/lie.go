package main

import (
	"time"

	"github.com/epsilontime/epsilon/truetime/internal/agreement"
)

// lie is what is wrong with the last machine of a site.
type lie uint8

const (
	truthful lie = iota
	within       // it says of every server that true time is at least 0.4 ms earlier than it is, which no exchange of 1 ms contradicts
	far          // it says of every server that it is a second later
	fast         // its counter runs fast by 1000 ppm, and it does not know
	pause        // its counter stands still for 1 ms every 20 s, as when a virtual machine is stopped, and it does not know
	longer       // for 10 ms
	lies
)

var lieNames = [lies]string{"none", "0.4 ms off", "1 s off", "1000 ppm", "pauses of 1 ms", "pauses of 10 ms"}

// corrupt makes a machine such.
func (l lie) corrupt(m *machine) {
	m.lie = l
	switch l {
	case fast:
		m.rate = 1000e-6
	case pause:
		m.stall = after(time.Millisecond)
	case longer:
		m.stall = after(10 * time.Millisecond)
	}
}

// tells is what the machine says instead of what it should, at a moment.
func (l lie) tells(t told, at instant) told {
	truth := int64(at / nanosecond)
	switch l {
	case within:
		return told{agreement.Interval{Lo: truth - int64(10*time.Millisecond), Hi: truth - int64(400*time.Microsecond)}, true}
	case far:
		return told{agreement.Interval{Lo: truth + int64(time.Second), Hi: truth + int64(time.Second)}, true}
	}
	return t
}
