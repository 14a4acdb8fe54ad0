//go:build !linux

package testbed

import (
	"sync"
	"time"
)

// alarm is a timer, for one goroutine to wait on.
type alarm struct {
	timer  *time.Timer
	closed chan struct{}
	once   sync.Once
}

func newAlarm() (*alarm, error) {
	a := &alarm{timer: time.NewTimer(time.Hour), closed: make(chan struct{})}
	a.timer.Stop()
	return a, nil
}

// set has the alarm go off in d, and at no other time.
func (a *alarm) set(d time.Duration) { a.timer.Reset(d) }

// wait returns true when the alarm goes off, and false when it is closed.
func (a *alarm) wait() bool {
	select {
	case <-a.timer.C:
		return true
	case <-a.closed:
		return false
	}
}

func (a *alarm) close() {
	a.timer.Stop()
	a.once.Do(func() { close(a.closed) })
}
