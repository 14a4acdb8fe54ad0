package truetimetest

import (
	"math/rand/v2"
	"time"

	"github.com/epsilontime/epsilon/monotonic"
	"github.com/epsilontime/epsilon/truetime"
)

// Server is a time server of a world.
type Server struct {
	name     string
	world    *World
	behavior Behavior
	process  time.Duration // the longest time between receiving and sending
	minPoll  time.Duration
	scale    truetime.Scale
	news     time.Duration // how long into the last day it learns of a leap second
	lag      time.Duration // after a leap second it changes the TAI−UTC that it announces
	peer     string        // who it says it is
	shows    []*Server     // whose identity it shows; its own if empty
}

// lastNews is when in the day of a leap second every server that is right announces it: an hour after noon.
const lastNews = 13 * time.Hour

// NewServer adds a server. It takes up to 20 µs to answer. Without a behavior it panics. Servers of one name look like one
// machine, and have one vote: [Server.Shows].
func (w *World) NewServer(name string, b Behavior) *Server {
	mustBehave(name, b)
	w.lock()
	defer w.mu.Unlock()
	w.servers++
	news := rand.New(rand.NewPCG(w.seed, ^w.servers)).Int64N(int64(lastNews))
	return &Server{name: name, world: w, behavior: b, process: 20 * time.Microsecond, news: time.Duration(news)}
}

// Name returns the server's name.
func (s *Server) Name() string { return s.name }

// WishPoll makes the server wish to be asked no more often than every d: see [truetime.Sample].MinPoll.
func (s *Server) WishPoll(d time.Duration) {
	s.world.lock()
	defer s.world.mu.Unlock()
	s.minPoll = d
}

// Shows makes the server show the identity of one of these machines in each reply, drawn at random: see
// [truetime.Sample].Identity. By default it shows its own. A machine with two addresses is two servers of which one
// shows the other; a liar may copy whom it likes.
func (s *Server) Shows(machines ...*Server) {
	s.world.lock()
	defer s.world.mu.Unlock()
	s.shows = machines
}

// identity is what a reply shows of the machine.
func (s *Server) identity() string {
	if len(s.shows) == 0 {
		return s.name
	}
	return s.shows[s.world.rng.IntN(len(s.shows))].name
}

// Serve makes the server count in a scale, which is UTC with steps otherwise. It must be called before
// anybody asks.
func (s *Server) Serve(scale truetime.Scale) {
	s.world.lock()
	defer s.world.mu.Unlock()
	s.scale = scale
}

// Become changes the server's behaviour from now on.
func (s *Server) Become(b Behavior) {
	mustBehave(s.name, b)
	s.world.lock()
	defer s.world.mu.Unlock()
	s.behavior = b
}

func mustBehave(name string, b Behavior) {
	if b == nil {
		panic("truetimetest: server " + name + " has no behavior")
	}
}

// Honest reports whether the server's present behaviour is an honest one.
func (s *Server) Honest() bool {
	s.world.lock()
	defer s.world.mu.Unlock()
	return s.honest()
}

func (s *Server) honest() bool { return isHonest(s.behavior) }

// Behavior is how a server answers. A lying one is given everything that could help it. It is called by
// [World.Run], and may call any method but that.
type Behavior interface {
	// Answer returns the reply to a query, and false if there is none.
	Answer(q Query) (Reply, bool)
}

// Query is a request as its server sees it, with all that a liar could wish to know.
type Query struct {
	World   *World
	Machine *Machine // who asks

	// True time when the request came and when the reply leaves, rounded down, in the server's scale, and
	// what a server that is right announces.
	Received, Sent truetime.Time
	Leap           truetime.Leap

	// Answer and Honest are in the server's scale, too. Answer is what the machine's clock answers at this moment; Answered says whether it does.
	Answer   truetime.Interval
	Answered bool

	// Honest is what follows at this moment from each of the machine's honest servers alone, for
	// those that have been heard. Only a liar is told.
	Honest []truetime.Interval
}

// Reply is what a server says.
type Reply struct {
	Received, Sent truetime.Time // its stamps
	Claim          time.Duration // the most by which it claims to be wrong
	Leap           truetime.Leap
	Kiss           error // truetime.ErrSlowDown, ErrDenied or ErrUnusable instead of time
}

// sample is what a client makes of the reply.
func (r Reply) sample(sent, received monotonic.Instant) truetime.Sample {
	return truetime.Sample{
		Sent: sent, Latest: r.Received.Add(r.Claim),
		Received: received, Earliest: r.Sent.Add(-r.Claim),
		Delay: received.Sub(sent) - r.Sent.Sub(r.Received),
		Claim: r.Claim,
		Leap:  r.Leap,
	}
}
