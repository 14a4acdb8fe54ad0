package ntpserver

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/epsilontime/epsilon/internal/mistakes"
	"github.com/epsilontime/epsilon/monotonic"
)

// Server is an NTP server whose sockets are open.
type Server struct {
	config    Config
	limiter   *limiter
	workers   []*worker
	addresses []netip.AddrPort
	reference atomic.Pointer[reference] // what all workers show
	steered   atomic.Pointer[steered]   // for their stamps
	asked     struct {                  // by clients, as keep knows it
		received uint64
		last     monotonic.Instant
	}
	renewing sync.Mutex

	serving atomic.Bool
	closed  sync.Once
}

// New opens the sockets, so that a program may give up the right to do so before it calls Serve. It
// reports all mistakes in the configuration at once, and then why sockets cannot be opened.
func New(config Config) (*Server, error) {
	if err := config.check(); err != nil {
		return nil, fmt.Errorf("ntpserver: %w", err)
	}
	s := &Server{config: config, limiter: newLimiter(config.Limit)}
	s.reference.Store(&reference{})
	s.Renew()
	var failed mistakes.List
	for _, a := range config.Listen {
		sockets, bound, err := listen(a, config.Workers, !config.ProgramStamps)
		if err != nil {
			failed.Add(err)
			continue
		}
		s.addresses = append(s.addresses, bound)
		for _, socket := range sockets {
			s.workers = append(s.workers, newWorker(s, socket))
		}
	}
	if err := failed.Err(); err != nil {
		s.Close()
		return nil, fmt.Errorf("ntpserver: %w", err)
	}
	return s, nil
}

// Addr returns where the server listens, in the order of Config.Listen, with the ports that were
// free.
func (s *Server) Addr() []netip.AddrPort { return append([]netip.AddrPort(nil), s.addresses...) }

// Counters returns what the server has done since New.
func (s *Server) Counters() (sum Counters) {
	for _, w := range s.workers {
		w.counters.addTo(&sum)
	}
	return sum
}

// Serve answers requests until ctx ends, and then closes the sockets and returns nil. An error says
// which socket has failed; the others are then closed too. It can be called once.
func (s *Server) Serve(ctx context.Context) error {
	if s.serving.Swap(true) {
		return errors.New("ntpserver: Serve was called before, or the server is closed: make a new one")
	}
	defer s.Close()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	failed := make(chan error, len(s.workers))
	var running sync.WaitGroup
	for _, w := range s.workers {
		running.Go(func() {
			if err := w.run(); err != nil {
				failed <- err
				cancel()
			}
		})
	}
	running.Go(func() { s.keep(ctx) })
	<-ctx.Done()
	for _, w := range s.workers {
		w.socket.interrupt()
	}
	running.Wait()
	select {
	case err := <-failed:
		return fmt.Errorf("ntpserver: %w", err)
	default:
		return nil
	}
}

// Close closes the sockets of a server that does not serve. One that does is ended by its context.
// It may be called more than once.
func (s *Server) Close() {
	s.serving.Store(true)
	s.closed.Do(func() {
		for _, w := range s.workers {
			w.socket.close()
		}
	})
}

// turnOfSecond is how long after a second has begun the kernel is asked: mostly it has noticed by then.
const turnOfSecond = 2 * time.Millisecond

// keep asks Upstream once in a second, and the kernel how it is steered: at its beginning, for what is known of that holds until its end.
func (s *Server) keep(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		s.askKernel(ctx)
		s.Renew()
		timer.Reset(time.Second - time.Duration(time.Now().Nanosecond()) + turnOfSecond)
	}
}

// Renew asks Upstream now, so that whoever knows that the clock has its first answer need not wait for the next
// second. What is shown stays as it is while the clock has no answer: replies do not show it then.
func (s *Server) Renew() {
	s.renewing.Lock()
	defer s.renewing.Unlock()
	i, err := s.config.Reader.Now()
	if err != nil {
		return
	}
	shown := s.reference.Load()
	if next := shown.next(s.config.Upstream(), i); next != *shown {
		s.reference.Store(&next)
	}
}
