package daemon

import (
	"log/slog"
	"sync"

	"github.com/epsilontime/epsilon/internal/statuspage"
	"github.com/epsilontime/epsilon/truetime"
)

// place is what a clock is to the daemon, as the log has it.
type place string

const (
	inUse            place = ""
	newConfiguration place = "new configuration" // it is to be in use
	oldConfiguration place = "old configuration" // it was in use
)

// feed is where the events of a clock go: to the log, and as long as the clock is in use to all who have subscribed. Of a clock that waits beside it or was
// replaced nobody else is told, or "clock is closed" would be the last that is heard of a daemon that answers.
type feed struct {
	log    *slog.Logger
	events *statuspage.Events

	mu sync.Mutex
	is place
}

func (f *feed) take(e truetime.Event) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.is != inUse {
		logEvent(f.log.With("clock", string(f.is)), e)
		return
	}
	logEvent(f.log, e)
	f.events.Publish(e)
}

func (f *feed) retire() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.is = oldConfiguration
}

// use begins with the state of the clock, since who has subscribed knows the one before alone. What has happened since it was read comes after it.
func (f *feed) use(clock *truetime.Clock) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.is = inUse
	s := clock.Status()
	f.events.Publish(truetime.Event{Kind: truetime.EventState, State: s.State, Epoch: s.Epoch})
}
