package truetimetest

import (
	"fmt"
	"time"

	"github.com/epsilontime/epsilon/truetime"
)

// TB is what a world needs of the test that it is in: a *testing.T has it.
type TB interface {
	Helper()
	Cleanup(func())
	Failed() bool
	Logf(format string, values ...any)
}

// NewWorldInBubble returns a world whose time is that of the bubble of testing/synctest that it is called in: it passes whenever
// everybody in the bubble waits, and true time is time.Now. So a service with all of its goroutines, timers and waits runs on
// the clocks of machines whose counters drift, which are suspended, and whose servers lie, and an hour takes milliseconds:
//
//	synctest.Test(t, func(t *testing.T) {
//		world := truetimetest.NewWorldInBubble(t, 42)
//		server := world.NewServer("ntp", truetimetest.Honest(time.Millisecond))
//		a := world.NewMachine("a", …)
//		b := world.NewMachine("b", …)
//		go serve(a) // a truetime.Reader
//		time.Sleep(time.Minute)
//		a.Suspend(time.Hour)
//		…
//
// Clocks are read by as many goroutines as like to. What happens to clocks, networks and servers follows from the seed and from what
// the test does when; in which order goroutines run at one moment is Go's, and may differ. If the test fails, it logs the seed, and
// what [World.Trace] has kept.
//
// A machine's faults are its clock's and its network's. The goroutines that the test runs in its name go on: of a machine that is
// suspended they get no answer, and of one that is paused a right one. A test that is to stop them has to do so itself.
//
// The world ends with the test, and goes on until then, so the bubble always has something to wait for: if all of the service
// waits for ever that shows as the panic of a world that is 100 days old, and not as that of testing/synctest.
func NewWorldInBubble(t TB, seed uint64) *World {
	t.Helper()
	begun := time.Now() // in a bubble that is true time
	if begun.UTC().Year() != 2000 {
		panic("truetimetest: NewWorldInBubble is for a bubble of testing/synctest: call it in synctest.Test, within a year")
	}
	w := NewWorld(seed)
	w.start, w.taiAtStart = truetime.FromStd(begun), 32*time.Second // since 1999, until 2006
	w.bubble = &bubble{begun: begun, plans: make(chan struct{}, 1)}
	end, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		w.keep(end)
	}()
	t.Cleanup(func() {
		close(end)
		<-ended
		if t.Failed() {
			t.Logf("truetimetest: the seed of the world is %d\n%s", seed, w.TraceText())
		}
	})
	return w
}

// bubble is what a world knows of the bubble that it is in.
type bubble struct {
	begun   time.Time     // when the world did
	plans   chan struct{} // has something in it if the next event may be another than it was
	passing bool          // somebody lets time pass; the world's lock guards it
}

// planned tells whoever waits for the next event that there is another.
func (b *bubble) planned(next bool) {
	if b == nil || !next {
		return
	}
	select {
	case b.plans <- struct{}{}:
	default: // it has not heard of the one before either
	}
}

// lock locks the world, in which it is time.Now then if it is in a bubble. What was to happen until now, has.
func (w *World) lock() {
	w.mu.Lock()
	if w.bubble != nil {
		w.catchUp()
	}
}

func (w *World) catchUp() {
	b := w.bubble
	now := time.Since(b.begun)
	if b.passing { // by a function that something of the world calls, or another goroutine while such a function runs
		if late := now - w.elapsed(); late > time.Nanosecond {
			w.mu.Unlock()
			panic(fmt.Sprintf("truetimetest: what a world calls, as by World.In, must not wait, and has for %v: let a goroutine do that", late))
		}
		return
	}
	if now > lifetime {
		w.mu.Unlock()
		panic(errTooOld)
	}
	b.passing = true
	w.pass(after(now))
	b.passing = false
}

// keep lets what is planned happen when it is due, until end is closed.
func (w *World) keep(end <-chan struct{}) {
	for {
		w.lock()
		left := lifetime
		if len(w.events) > 0 {
			left = time.Duration((w.events[0].at-w.now-1)/nanosecond) + 1 // rounded up; it is above 0, as what is due has happened
		}
		w.mu.Unlock()
		timer := time.NewTimer(left)
		select {
		case <-timer.C:
		case <-w.bubble.plans:
		case <-end:
			timer.Stop()
			return
		}
		timer.Stop()
	}
}
