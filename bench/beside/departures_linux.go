package main

import "golang.org/x/sys/unix"

// departure is a datagram that waits for its time.
type departure struct {
	due      int64 // CLOCK_REALTIME, in nanoseconds
	number   int   // of those that are due together the first to come leaves first
	bed      int
	socket   int
	to       unix.Sockaddr // nil if the socket is connected
	datagram []byte
}

// departureQueue is a heap, the next departure first.
type departureQueue []departure

func (q departureQueue) Len() int      { return len(q) }
func (q departureQueue) Swap(i, j int) { q[i], q[j] = q[j], q[i] }
func (q *departureQueue) Push(x any)   { *q = append(*q, x.(departure)) }

func (q departureQueue) Less(i, j int) bool {
	if q[i].due != q[j].due {
		return q[i].due < q[j].due
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
