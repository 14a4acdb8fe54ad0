package ntptest

import (
	"fmt"
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// Server is a running server. Its methods may be called by several goroutines.
type Server struct {
	conn     net.PacketConn
	identity Identity // unless the behavior has another
	requests atomic.Int64
	closed   chan struct{}
	running  sync.WaitGroup

	mu       sync.Mutex
	behavior Behavior
	since    time.Time  // when Drift began
	rng      *rand.Rand // of Jitter
}

// NewServer serves at a free port of 127.0.0.1 until Close. It panics if there is none, as httptest's NewServer does.
func NewServer(b Behavior) *Server {
	s, err := Listen("127.0.0.1:0", b)
	if err != nil {
		panic(err)
	}
	return s
}

// Listen serves at a UDP address such as "[::1]:0" until Close.
func Listen(address string, b Behavior) (*Server, error) {
	conn, err := net.ListenPacket("udp", address)
	if err != nil {
		return nil, fmt.Errorf("ntptest: %w", err)
	}
	// The wall clock is what it serves, so that is when its clock was last corrected by.
	s := &Server{conn: conn, identity: Identity{defaultReferenceID, time.Now().Add(-time.Second)}, closed: make(chan struct{})}
	s.Set(b)
	s.running.Go(s.serve)
	return s, nil
}

// Address is where the server listens, as host:port.
func (s *Server) Address() string { return s.conn.LocalAddr().String() }

// Set changes what the server does from the next request on.
func (s *Server) Set(b Behavior) { s.Change(func(to *Behavior) { *to = b }) }

// Change changes parts of what the server does from the next request on. A lie that drifts begins anew
// if change gives it another Drift, and so do the delays if it gives them another Seed.
func (s *Server) Change(change func(*Behavior)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	before := s.behavior
	change(&s.behavior)
	if s.since.IsZero() || s.behavior.Drift != before.Drift {
		s.since = s.behavior.now()
	}
	if s.rng == nil || s.behavior.Seed != before.Seed {
		s.rng = rand.New(rand.NewPCG(s.behavior.Seed, 0))
	}
}

// Identity is which machine the server shows unless its behavior says otherwise. No two servers
// have the same: they were started at different times.
func (s *Server) Identity() Identity { return s.identity }

// Requests is how many datagrams have come in, whether or not they were answered.
func (s *Server) Requests() int { return int(s.requests.Load()) }

// Close stops the server and waits for its goroutines. Replies that are on their way are lost.
func (s *Server) Close() error {
	s.mu.Lock()
	select {
	case <-s.closed:
		s.mu.Unlock()
		return nil
	default:
		close(s.closed)
	}
	s.mu.Unlock()
	err := s.conn.Close()
	s.running.Wait()
	return err
}

// present is the behavior of this moment, and by how much the next exchange is delayed either way.
func (s *Server) present() (b Behavior, there, back time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	b = s.behavior
	b.Identity = b.Identity.or(s.identity)
	if b.Drift != 0 {
		b.Offset += time.Duration(b.Drift * 1e-6 * float64(b.now().Sub(s.since)))
	}
	there, back = b.DelayThere, b.DelayBack
	if b.Jitter > 0 {
		there += time.Duration(s.rng.Int64N(int64(b.Jitter) + 1))
		back += time.Duration(s.rng.Int64N(int64(b.Jitter) + 1))
	}
	return b, there, back
}

func (s *Server) serve() {
	buffer := make([]byte, 2048)
	var astray net.PacketConn // the other port, once it is wanted
	for {
		n, client, err := s.conn.ReadFrom(buffer)
		b, there, back := s.present()
		received := b.now()
		if err != nil {
			return // closed
		}
		s.requests.Add(1)
		if n < messageSize || buffer[0]&7 != modeClient || b.Silent {
			continue
		}
		from := s.conn
		if b.Astray {
			if astray == nil {
				if astray, err = net.ListenPacket("udp", net.JoinHostPort(s.conn.LocalAddr().(*net.UDPAddr).IP.String(), "0")); err != nil {
					continue // no other port: silence
				}
				defer astray.Close()
			}
			from = astray
		}
		if there <= 0 && back <= 0 {
			send(from, client, b.Reply(buffer[:n], received))
			continue
		}
		request := append([]byte(nil), buffer[:n]...)
		s.running.Go(func() {
			if s.wait(there) {
				replies := b.Reply(request, b.now())
				if s.wait(back) {
					send(from, client, replies)
				}
			}
		})
	}
}

func send(from net.PacketConn, client net.Addr, replies [][]byte) {
	for _, reply := range replies {
		_, _ = from.WriteTo(reply, client) // an unreachable client is no concern of a server
	}
}

// wait is false if the server is closed meanwhile.
func (s *Server) wait(d time.Duration) bool {
	if d <= 0 {
		return true
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-s.closed:
		return false
	}
}
