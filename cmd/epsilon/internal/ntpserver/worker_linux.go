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
	counters counters
}

func newWorker(s *Server, k *socket) *worker {
	w := &worker{server: s, socket: k, batch: newBatch()}
	if !s.config.ProgramStamps {
		w.arrivals = newArrivals(s.config.Counter, s.config.DriftPPM)
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

// prepare makes the replies to the requests of one batch. The order is what makes them sound: all
// requests have been received before the wall clock is read, and that before the clock that is
// served; and no reply has left yet.
func (w *worker) prepare(n int) (t tally) {
	now := w.look()
	interval, err := w.server.config.Reader.Now()
	shown := *w.server.reference.Load()
	claim, ok := newClaim(interval)
	t.synchronized = err == nil && ok && shown.stratum != 0
	header := unsynchronizedHeader
	if t.synchronized {
		header = newHeader(shown, claim.dispersion)
	}
	for i := range n {
		q, reason := parse(w.batch.received(i))
		client := w.batch.client(i)
		w.batch.put(i, t.replies, messageSize)
		switch {
		case reason != answered:
		case !client.IsValid() || w.socket.wild && !w.batch.replyFromAsked(i, t.replies):
			reason = NoReplyAddress
		default:
			b := (*[messageSize]byte)(w.batch.slots[i].reply[:])
			switch ruling := w.server.limiter.rule(client, now); {
			case ruling == drop:
				reason = RateLimited
			case ruling == kiss:
				q.poll = w.server.limiter.slower(q.poll)
				rateHeader.kiss(b, q)
				t.kissed++
			case !t.synchronized:
				header.kiss(b, q)
			default:
				passed, known := w.passed(i)
				if known {
					t.stamped++
				}
				header.reply(b, q, claim.received(passed), claim.transmitted)
				if q.bounds {
					w.batch.extend(i, claim.bounds(passed))
				}
			}
		}
		w.batch.in[i].prepare()
		if reason != answered {
			add(&w.counters.dropped[reason], 1)
			continue
		}
		t.replies++
	}
	return t
}

// look reads the system's clocks and returns the counter.
func (w *worker) look() monotonic.Instant {
	if w.arrivals != nil {
		w.arrivals.look()
		if w.arrivals.steady {
			return w.arrivals.bracket.Last.After
		}
	}
	return w.server.config.Counter.Now()
}

// passed is how long ago a request has arrived at least.
func (w *worker) passed(i int) (time.Duration, bool) {
	if w.arrivals == nil {
		return 0, false
	}
	return w.arrivals.passed(w.batch.stamp(i))
}
