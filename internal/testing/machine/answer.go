//go:build linux

package machine

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/epsilontime/epsilon/truetime"
)

// Answer is what the clock in a machine said, and when.
type Answer struct {
	Before, After truetime.Time // the host's clock, before the question and after the answer
	Epoch         uint64        // the answer is of this epoch or of a later one
	Counter       time.Duration // a reading of the guest's counter just after the answer
	Polls         []int         // of each server, how many have ended
	Interval      truetime.Interval
	Refused       string // why there is no interval
}

// Wrong is by how much the interval misses every moment between question and answer: 0 if it does
// not, or if there is none.
func (a Answer) Wrong() time.Duration {
	if a.Refused != "" {
		return 0
	}
	return max(0, a.Before.Sub(a.Interval.Latest), a.Interval.Earliest.Sub(a.After))
}

// String shows an answer for a failure's message.
func (a Answer) String() string {
	if a.Refused != "" {
		return fmt.Sprintf("epoch %d, polls %v, refused: %s", a.Epoch, a.Polls, a.Refused)
	}
	return fmt.Sprintf("epoch %d, polls %v, %v while it was %v to %v: wrong by %v", a.Epoch, a.Polls, a.Interval, a.Before, a.After, a.Wrong())
}

// errAnswer: the guest answered what no guest should.
var errAnswer = errors.New("not an answer of a clock")

// Now asks the machine's clock.
func (m *Machine) Now(ctx context.Context) (Answer, error) {
	r, err := m.channel.ask(ctx, "now")
	if err != nil {
		return Answer{}, err
	}
	return parseAnswer(r)
}

func parseAnswer(r reply) (a Answer, err error) {
	a.Before, a.After = r.before, r.after
	fields := strings.SplitN(r.text, " ", 5)
	if len(fields) != 5 {
		return a, fmt.Errorf("%w: %q", errAnswer, r.text)
	}
	var counter int64
	if _, err := fmt.Sscan(fields[0]+" "+fields[1], &a.Epoch, &counter); err != nil {
		return a, fmt.Errorf("%w: %q: %w", errAnswer, r.text, err)
	}
	a.Counter = time.Duration(counter)
	for _, polls := range strings.Split(fields[2], ",") {
		n, err := strconv.Atoi(polls)
		if err != nil {
			return a, fmt.Errorf("%w: %q: %w", errAnswer, r.text, err)
		}
		a.Polls = append(a.Polls, n)
	}
	if fields[3] == "refused" {
		a.Refused = fields[4]
		return a, nil
	}
	if _, err := fmt.Sscan(fields[4], (*int64)(&a.Interval.Earliest), (*int64)(&a.Interval.Latest)); err != nil {
		return a, fmt.Errorf("%w: %q: %w", errAnswer, r.text, err)
	}
	return a, nil
}
