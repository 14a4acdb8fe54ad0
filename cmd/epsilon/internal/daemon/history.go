package daemon

import (
	"sync"
	"time"

	"github.com/epsilontime/epsilon/cmd/epsilon/internal/api"
)

// How much of the past is kept: enough for a screen of a terminal, and for whoever comes to look after
// something has happened.
const (
	historyEvery = time.Second
	historySize  = 600
)

// history keeps ε of every second. The zero value is empty.
type history struct {
	mu          sync.Mutex
	uncertainty [historySize]time.Duration
	count       int
}

// add adds the ε of now, 0 where there is no answer.
func (h *history) add(uncertainty time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.uncertainty[h.count%historySize] = uncertainty
	h.count++
}

func (h *history) report() api.History {
	h.mu.Lock()
	defer h.mu.Unlock()
	r := api.History{Every: historyEvery, Uncertainty: []time.Duration{}}
	for i := max(0, h.count-historySize); i < h.count; i++ {
		r.Uncertainty = append(r.Uncertainty, h.uncertainty[i%historySize])
	}
	return r
}
