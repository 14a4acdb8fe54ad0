package ntpserver

import (
	"context"
	"time"

	"github.com/epsilontime/epsilon/internal/wallclock"
)

// steered is a first reading of a bracket from when it was known how the kernel steers its clock, and the watch that this was under.
//
// What is known holds until the second of CLOCK_REALTIME is over (package wallclock, steering.go). So the kernel is asked at the
// beginning of each second, some milliseconds apart, while there are clients whom it may help: that wakes an idle server once more
// in a second. The requests that come before, in one of a hundred, have stamps that are worth less.
type steered struct {
	reading wallclock.Reading
	watch   wallclock.Watch
}

const (
	// steeredFor is more than a second, of a counter that is fast.
	steeredFor = 1200 * time.Millisecond

	// sharpFor is how long after a request the kernel is asked: who asks less often does not notice some microseconds.
	sharpFor = 16 * time.Second
)

// askKernel asks how the kernel is steered, if there have been requests lately.
func (s *Server) askKernel(ctx context.Context) {
	if s.config.ProgramStamps {
		return
	}
	var received uint64
	for _, w := range s.workers {
		received += w.counters.received.Load()
	}
	now := s.config.Counter.Now()
	if received != s.asked.received {
		s.asked.received, s.asked.last = received, now
	}
	if received == 0 || now.Sub(s.asked.last) > sharpFor {
		return
	}
	// Where it does not settle a bracket is not sharp, but of no use if the kernel says that it follows a pulse per second.
	_ = wallclock.Settle(ctx, s.config.Counter, turnOfSecond)
	if reading, watch, err := wallclock.ReadSteered(s.config.Counter); err == nil && reading.Steering.Tick != 0 {
		s.steered.Store(&steered{reading, watch})
	}
}
