package truetime

import (
	"errors"
	"time"

	"github.com/epsilontime/epsilon/monotonic"
)

// errBubble is why the machine's own counter is refused inside a bubble of testing/synctest. All
// the timers of a clock stand still there while the counter goes on, so its polls would seem to be
// lost and its epochs to end at once.
var errBubble = errors.New("inside a testing/synctest bubble time stands still while the machine's counter goes on: " +
	"use WithCounter with a counter that the test drives, such as one that reads time.Since")

// inBubble reports whether time.Now is that of a bubble: it is of the year 2000, in which bubbles
// begin, and stands still while the counter goes on. A machine whose battery is empty may be in
// that year too, and its time goes on.
func inBubble(now func() time.Time, counter monotonic.Counter) bool {
	const coarsest = 20 * time.Millisecond // longer than the tick of any system's clock
	begun, from := now(), counter.Now()
	if begun.UTC().Year() != 2000 {
		return false
	}
	for counter.Now().Sub(from) < coarsest {
		if !now().Equal(begun) {
			return false
		}
	}
	return true
}
