package statuspage

import (
	"slices"
	"sync"
	"time"

	"github.com/epsilontime/epsilon/truetime"
)

// Event is one of a clock, and when it happened by the host's wall clock: as a log has it, and as wrong as that clock.
type Event struct {
	At    time.Time
	Event truetime.Event
}

// Events keeps the last events, and hands each to everybody who has subscribed. The zero value has none.
type Events struct {
	mu          sync.Mutex
	recent      []Event
	subscribers map[chan Event]struct{}
}

const (
	maxBehind = 256 // a subscriber that falls behind by more events is dropped
	maxRecent = 200
)

// Publish adds an event of now. A poll that failed is handed on and not kept: a server that is away makes so many of them that nothing else would
// be left, and that it is away is an event of its own.
func (h *Events) Publish(event truetime.Event) {
	h.mu.Lock()
	defer h.mu.Unlock()
	e := Event{time.Now(), event}
	if event.Kind != truetime.EventPollFailed {
		if len(h.recent) == maxRecent {
			h.recent = slices.Delete(h.recent, 0, 1)
		}
		h.recent = append(h.recent, e)
	}
	for s := range h.subscribers {
		select {
		case s <- e:
		default:
			delete(h.subscribers, s)
			close(s)
		}
	}
}

// Subscribe returns the last events, the newest last, and a channel of those from now on. The channel is closed when the subscriber has
// fallen too far behind, and by cancel.
func (h *Events) Subscribe() (recent []Event, events <-chan Event, cancel func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.subscribers == nil {
		h.subscribers = map[chan Event]struct{}{}
	}
	s := make(chan Event, maxBehind)
	h.subscribers[s] = struct{}{}
	return slices.Clone(h.recent), s, func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		if _, subscribed := h.subscribers[s]; subscribed {
			delete(h.subscribers, s)
			close(s)
		}
	}
}
