package commitwait

import (
	"time"

	"github.com/epsilontime/epsilon/internal/invariants"
	"github.com/epsilontime/epsilon/truetime"
)

// wait is one goroutine that waits.
type wait struct {
	done  chan error // has room for errLead and for the one answer
	index int        // in the queue; absent when it is not there

	// The clock refused when the wait began, so the limit has not been applied.
	unjudged bool

	begun time.Duration // see stats.begin
}

const absent = -1

// queue is a binary heap of waits, the earliest timestamp first. All share one Earliest, so the
// order of their timestamps is the order in which they end, whatever the clock does. The timestamps
// lie in the heap itself: comparing them there and not behind the pointers keeps 100 000 of them in
// the cache.
type queue []entry

type entry struct {
	timestamp truetime.Time
	*wait
}

func (q *queue) push(e entry) {
	*q = append(*q, e)
	q.up(len(*q)-1, e)
	q.check(e.index)
}

// remove takes out the entry at index i.
func (q *queue) remove(i int) entry {
	old := *q
	removed, last := old[i], old[len(old)-1]
	old[len(old)-1] = entry{}
	*q = old[:len(old)-1]
	if i < len(*q) {
		q.up(i, last)
		q.down(last.index, last)
		q.check(last.index)
	}
	removed.index = absent
	q.shrink()
	return removed
}

// check asserts that the entry at i is in order with its neighbours and knows its place.
func (q *queue) check(i int) {
	if !invariants.Enabled {
		return
	}
	s := *q
	invariants.Check(s[i].index == i, "commitwait: the entry at %d takes itself for that at %d", i, s[i].index)
	if i > 0 {
		invariants.Check(s[(i-1)/2].timestamp <= s[i].timestamp, "commitwait: the entry at %d is before its parent", i)
	}
	for child := 2*i + 1; child <= min(2*i+2, len(s)-1); child++ {
		invariants.Check(s[i].timestamp <= s[child].timestamp, "commitwait: the entry at %d is after its child", i)
	}
}

// up puts e at i or above.
func (q *queue) up(i int, e entry) {
	s := *q
	for i > 0 {
		parent := (i - 1) / 2
		if s[parent].timestamp <= e.timestamp {
			break
		}
		s[i] = s[parent]
		s[i].index = i
		i = parent
	}
	s[i] = e
	e.index = i
}

// down puts e at i or below.
func (q *queue) down(i int, e entry) {
	s := *q
	for {
		child := 2*i + 1
		if child >= len(s) {
			break
		}
		if child+1 < len(s) && s[child+1].timestamp < s[child].timestamp {
			child++
		}
		if e.timestamp <= s[child].timestamp {
			break
		}
		s[i] = s[child]
		s[i].index = i
		i = child
	}
	s[i] = e
	e.index = i
}

// shrink gives memory back after a crowd has gone.
func (q *queue) shrink() {
	const small = 1024
	if cap(*q) > small && len(*q) < cap(*q)/4 {
		*q = append(make(queue, 0, cap(*q)/2), *q...)
	}
}
