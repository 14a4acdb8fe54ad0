package testbed

import (
	"container/heap"
	"sync"
	"time"

	"github.com/epsilontime/epsilon/internal/alarm"
)

// spin is for how long a departure is waited for on the processor: longer than it usually takes to
// wake a goroutine, so that a path is as long as it is named.
const spin = 150 * time.Microsecond

// departures has datagrams leave when they are due: one after the other, as they would through one
// cable, by one goroutine that does nothing else. Several that wait for the same moment, each for
// its own datagram, would keep each other from the processor.
type departures struct {
	alarm   alarm.Alarm
	running sync.WaitGroup

	mu    sync.Mutex
	queue departureQueue
	added int // departures ever
	users int // relays that are not closed
}

// departure is one of them.
type departure struct {
	due    time.Time
	number int // of two that are due at the same moment the one that was added first leaves first
	leave  func()
}

// startDepartures starts the goroutine. It ends when all users have gone.
func startDepartures(users int) *departures {
	d := &departures{alarm: alarm.Open(false), users: users}
	d.running.Go(d.run)
	return d
}

// add has leave called at the given time.
func (d *departures) add(due time.Time, leave func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.added++
	added := departure{due, d.added, leave}
	heap.Push(&d.queue, added)
	if d.queue[0].number == added.number {
		d.alarm.Set(time.Until(due) - spin)
	}
}

// release is called once by each user. The last one waits for the goroutine to end.
func (d *departures) release() {
	d.mu.Lock()
	d.users--
	last := d.users == 0
	d.mu.Unlock()
	if last {
		d.alarm.Close()
		d.running.Wait()
	}
}

func (d *departures) run() {
	for {
		for d.next() {
		}
		if !d.alarm.Wait() {
			return
		}
	}
}

// next calls what is due, if anything, and returns true if something is due so soon that it is not
// worth while to wait for the alarm. Otherwise it has set the alarm, or that is about to be closed.
func (d *departures) next() bool {
	d.mu.Lock()
	if d.users == 0 {
		d.mu.Unlock()
		return false
	}
	if len(d.queue) == 0 {
		d.alarm.Set(time.Hour) // until something is added
		d.mu.Unlock()
		return false
	}
	left := time.Until(d.queue[0].due)
	if left > 0 {
		if left > spin {
			d.alarm.Set(left - spin)
		}
		d.mu.Unlock()
		return left <= spin
	}
	due := heap.Pop(&d.queue).(departure)
	d.mu.Unlock()
	due.leave()
	return true
}

// departureQueue is a heap, the next departure first.
type departureQueue []departure

func (q departureQueue) Len() int      { return len(q) }
func (q departureQueue) Swap(i, j int) { q[i], q[j] = q[j], q[i] }
func (q *departureQueue) Push(x any)   { *q = append(*q, x.(departure)) }

func (q departureQueue) Less(i, j int) bool {
	if !q[i].due.Equal(q[j].due) {
		return q[i].due.Before(q[j].due)
	}
	return q[i].number < q[j].number
}

func (q *departureQueue) Pop() any {
	last := len(*q) - 1
	x := (*q)[last]
	(*q)[last] = departure{}
	*q = (*q)[:last]
	return x
}
