package testbed

import (
	"fmt"
	"time"
)

// waitReady asks the server at address until the daemon is ready by its reply, or has died, or it
// is too late. A reply that takes longer than exchangeLimit is not waited for, but asked for again.
func waitReady(run *process, address string, ready func(exchange) error, deadline time.Time) error {
	for {
		reply, err := ask(address, exchangeLimit)
		if err == nil {
			err = ready(reply)
		}
		// Asked last, so that a reply counts only if it can be this daemon's.
		if run.exited() {
			return errDied
		}
		if err == nil {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("not ready after %v: %w", startLimit, err)
		}
		time.Sleep(retryPause)
	}
}
