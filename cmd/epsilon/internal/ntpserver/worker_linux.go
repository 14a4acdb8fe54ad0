package ntpserver

import (
	"fmt"
	"time"

	"golang.org/x/sys/unix"

	"github.com/epsilontime/epsilon/monotonic"
)

// worker answers what comes in at one socket.
type worker struct {
	server   *Server
	socket   *socket
	batch    *batch
	arrivals *arrivals
	last     monotonic.Instant // when the batch before was answered
	counters counters
}

func newWorker(s *Server, k *socket) *worker {
	w := &worker{server: s, socket: k, batch: newBatch()}
	if !s.config.ProgramStamps {
		w.arrivals = newArrivals(s.config.Counter, s.config.DriftPPM, &s.steered)
	}
	return w
}

// maxErrors is how many errors in a row, 10 ms apart, a socket may return.
const maxErrors = 100

// run answers requests until the socket is interrupted.
//
// The runtime's poller wakes it when a datagram comes. System calls that never wait are made without
// a word to the scheduler: on a machine that is otherwise idle that word wakes a thread of the
// runtime, which costs more than the request.
func (w *worker) run() error {
	failed := 0
	var errno unix.Errno
	answerAll := func(fd uintptr) (done bool) {
		for {
			var n int
			if n, errno = w.batch.receive(fd); errno != 0 {
				return errno != unix.EAGAIN
			}
			failed = 0
			w.answer(n)
			if n < batchSize || w.socket.interrupted.Load() {
				return false // there were no more, and what comes from now on wakes it
			}
		}
	}
	for {
		if err := w.socket.raw.Read(answerAll); err != nil {
			return nil // interrupted
		}
		if errno == unix.EINTR {
			continue
		}
		if failed++; failed > maxErrors { // such as ENOMEM
			return fmt.Errorf("receive at %v: %w", w.socket.where, errno)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// answer answers the requests of one batch.
func (w *worker) answer(n int) {
	t := w.prepare(n)
	lost := w.batch.send(w.socket.fd, t.replies)
	c := &w.counters
	add(&c.received, uint64(n))
	add(&c.kissed, uint64(t.kissed))
	add(&c.kernelStamps, uint64(t.stamped))
	add(&c.dropped[NotSent], uint64(lost))
	others := uint64(max(t.replies-t.kissed-lost, 0)) // a reply that was not sent is none
	if t.synchronized {
		add(&c.answered, others)
	} else {
		add(&c.unsynchronized, others)
	}
}

// tally is what a batch has become.
type tally struct {
	replies      int // to be sent
	kissed       int // of these, without a time because of the limit
	stamped      int // of these, with the kernel's stamp put to use
	synchronized bool
}

// coldAfter is the time after which a processor has turned to something else: then the first reading of the clocks takes several microseconds
// longer than the next one, and the round trips of these requests with it, unless it is done before its turn.
const coldAfter = time.Millisecond

// prepare makes the replies to the requests of one batch. The order is what makes them sound: all
// requests have been received before the wall clock is read, and that before the clock that is
// served; and no reply has left yet. What can be done before or after is, as it makes round trips longer.
func (w *worker) prepare(n int) (t tally) {
	now := w.server.config.Counter.Now()
	t.replies, t.kissed = w.sort(n, now)
	if w.arrivals != nil {
		if now.Sub(w.last) > coldAfter {
			w.arrivals.read()
			_, _ = w.server.config.Reader.Now()
		}
		w.last = now
		w.arrivals.read()
	}
	onArrival, err := w.server.config.Reader.Now()
	if w.arrivals != nil {
		w.arrivals.look(n < batchSize) // where there are more, they have waited for each other
	}
	shown := *w.server.reference.Load()
	onDeparture, err2 := w.server.config.Reader.Now()
	claim, ok := newClaim(onArrival, onDeparture)
	t.synchronized = err == nil && err2 == nil && ok && shown.stratum != 0
	header := unsynchronizedHeader
	if t.synchronized {
		header = newHeader(shown, claim.dispersion)
	}
	for i := range n {
		s := &w.batch.slots[i]
		b := (*[messageSize]byte)(s.reply[:])
		switch {
		case !s.timed:
		case !t.synchronized:
			header.kiss(b, s.parsed)
		default:
			passed, known := w.passed(i)
			if known {
				t.stamped++
			}
			header.reply(b, s.parsed, claim.received(passed), claim.transmitted)
			if s.parsed.bounds {
				w.batch.extend(i, claim.bounds(passed))
			}
		}
	}
	for i := range n {
		w.batch.in[i].prepare()
	}
	return t
}

// sort finds out who of a batch gets a reply, makes those that have no time in them, and marks the others.
func (w *worker) sort(n int, now monotonic.Instant) (replies, kissed int) {
	for i := range n {
		q, reason := parse(w.batch.received(i))
		client := w.batch.client(i)
		s := &w.batch.slots[i]
		s.parsed, s.timed = q, false
		w.batch.put(i, replies, messageSize)
		switch {
		case reason != answered:
		case !client.IsValid() || w.socket.wild && !w.batch.replyFromAsked(i, replies):
			reason = NoReplyAddress
		default:
			switch w.server.limiter.rule(client, now) {
			case drop:
				reason = RateLimited
			case kiss:
				q.poll = w.server.limiter.slower(q.poll)
				rateHeader.kiss((*[messageSize]byte)(s.reply[:]), q)
				kissed++
			default:
				s.timed = true
			}
		}
		if reason != answered {
			add(&w.counters.dropped[reason], 1)
			continue
		}
		replies++
	}
	return replies, kissed
}

// passed is how long ago a request has arrived at least.
func (w *worker) passed(i int) (time.Duration, bool) {
	if w.arrivals == nil {
		return 0, false
	}
	return w.arrivals.passed(w.batch.stamp(i))
}
