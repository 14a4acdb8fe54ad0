//go:build !linux

package monotonic

import "errors"

// Outside Linux the system says nothing about its clocksource, and its own counter goes on during a
// suspend.
const sysfsClocksource = ""

var errClocksource = errors.New("the kernel changed its clocksource")

func (chooser) clocksource() (string, error) {
	return "", errors.New("this system does not say what it keeps time by")
}

type machine struct{}

func newMachine(string) machine { return machine{} }
func (*machine) begin()         {}
func (*machine) check() error   { return nil }
