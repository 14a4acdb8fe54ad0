package daemon

import (
	"sync"

	"github.com/epsilontime/epsilon/truetime"
)

// hub hands each event to everybody who has subscribed. The zero value has no subscribers.
type hub struct {
	mu          sync.Mutex
	subscribers map[chan truetime.Event]struct{}
}

// Limits of the hub: a subscriber that falls behind by more events is dropped.
const maxBehind = 256

func (h *hub) publish(e truetime.Event) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for s := range h.subscribers {
		select {
		case s <- e:
		default:
			delete(h.subscribers, s)
			close(s)
		}
	}
}

func (h *hub) subscribe() (events <-chan truetime.Event, cancel func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.subscribers == nil {
		h.subscribers = map[chan truetime.Event]struct{}{}
	}
	s := make(chan truetime.Event, maxBehind)
	h.subscribers[s] = struct{}{}
	return s, func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		if _, subscribed := h.subscribers[s]; subscribed {
			delete(h.subscribers, s)
			close(s)
		}
	}
}
