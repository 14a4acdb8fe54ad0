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

func (w *worker) run() error {
	failed := 0
	for {
		n, errno := w.batch.receive(w.socket.fd)
		switch {
		case w.socket.stopped.Load():
			return nil
		case errno == 0:
			failed = 0
			w.answer(n)
		case errno == unix.EINTR:
		default: // such as ENOMEM
			if failed++; failed > maxErrors {
				return fmt.Errorf("receive at %v: %w", w.socket.where, errno)
			}
			time.Sleep(10 * time.Millisecond)
		}
	}
}

// answer answers the requests of one batch. The order is what makes it sound: all requests have been
// received before the wall clock is read, and that before the clock that is served; and no reply
// leaves before.
func (w *worker) answer(n int) {
	now := w.look()
	shown := *w.server.reference.Load()
	interval, err := w.server.config.Reader.Now()
	claim, ok := newClaim(interval)
	synchronized := err == nil && ok && shown.stratum != 0
	header := unsynchronizedHeader
	if synchronized {
		header = newHeader(shown, claim.dispersion)
	}
	replies, kissed, stamped := 0, 0, 0
	for i := range n {
		q, reason := parse(w.batch.received(i))
		client := w.batch.client(i)
		w.batch.put(i, replies)
		switch {
		case reason != answered:
		case !client.IsValid() || w.socket.wild && !w.batch.replyFromAsked(i, replies):
			reason = NoReplyAddress
		default:
			b := &w.batch.slots[i].reply
			switch ruling := w.server.limiter.rule(client, now); {
			case ruling == drop:
				reason = RateLimited
			case ruling == kiss:
				rateHeader.kiss(b, q)
				kissed++
			case !synchronized:
				header.kiss(b, q)
			default:
				passed, known := w.passed(i)
				if known {
					stamped++
				}
				header.reply(b, q, claim.received(passed), claim.transmitted)
			}
		}
		w.batch.in[i].prepare()
		if reason != answered {
			add(&w.counters.dropped[reason], 1)
			continue
		}
		replies++
	}
	lost := w.batch.send(w.socket.fd, replies)
	w.count(n, replies, kissed, stamped, lost, synchronized)
}

// count counts a batch. A reply that was not sent is counted as that and not as what it was.
func (w *worker) count(n, replies, kissed, stamped, lost int, synchronized bool) {
	c := &w.counters
	add(&c.received, uint64(n))
	add(&c.kissed, uint64(kissed))
	add(&c.kernelStamps, uint64(stamped))
	add(&c.dropped[NotSent], uint64(lost))
	others := uint64(max(replies-kissed-lost, 0))
	if synchronized {
		add(&c.answered, others)
	} else {
		add(&c.unsynchronized, others)
	}
}

var (
	unsynchronizedHeader = newKiss("INIT")
	rateHeader           = newKiss("RATE")
)

// look reads the system's clocks and returns the counter.
func (w *worker) look() monotonic.Instant {
	if w.arrivals == nil {
		return w.server.config.Counter.Now()
	}
	w.arrivals.look()
	return w.arrivals.bracket.Last.After
}

// passed is how long ago a request has arrived at least.
func (w *worker) passed(i int) (time.Duration, bool) {
	if w.arrivals == nil {
		return 0, false
	}
	return w.arrivals.passed(w.batch.stamp(i))
}
