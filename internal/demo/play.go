package demo

import (
	"context"
	"time"
)

// Play has the servers do what the script says, until ctx ends, and the hypervisor, which may be nil if the script does not
// disrupt. It tells what happens, when it does.
func (s Servers) Play(ctx context.Context, script Script, h *Hypervisor, tell func(what string)) {
	begun := time.Now()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for _, change := range script.changes() {
		timer.Reset(change.at - time.Since(begun))
		select {
		case <-timer.C:
		case <-ctx.Done():
			return
		}
		for i, b := range script.at(change.at) {
			s[i].Set(b)
		}
		tell(change.what)
		if change.disrupts {
			if err := h.Disrupt(); err != nil {
				tell(err.Error())
			}
		}
	}
}
