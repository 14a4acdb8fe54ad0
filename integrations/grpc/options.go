package epsilongrpc

import (
	"strings"

	"github.com/epsilontime/epsilon/hlc"
	"github.com/epsilontime/epsilon/hlc/hlchttp"
	"github.com/epsilontime/epsilon/internal/unset"
	"github.com/epsilontime/epsilon/truetime"
)

// An Option changes what an interceptor does.
type Option func(*stamper)

// WithInterval sends, beside each timestamp, the interval that the clock had right before it: its
// receiver sees with [PeerInterval] how uncertain the sender was. Give the clock that the hybrid
// logical clock stands on. While it has no answer only the timestamp is sent.
func WithInterval(clock truetime.Reader) Option {
	if unset.Nil(clock) {
		panic("epsilongrpc: WithInterval needs a clock, and it is nil")
	}
	return func(s *stamper) { s.intervals = clock }
}

// stamper is what client and server have in common.
type stamper struct {
	clock     hlchttp.Clock
	intervals truetime.Reader // nil if no intervals are sent
}

func newStamper(of string, clock hlchttp.Clock, options []Option) *stamper {
	if unset.Nil(clock) {
		panic("epsilongrpc: " + of + " needs a clock, and it is nil: give an hlchttp.Relay where there is none")
	}
	s := &stamper{clock: clock}
	for _, option := range options {
		if option == nil {
			panic("epsilongrpc: an option of " + of + " is nil")
		}
		option(s)
	}
	return s
}

// stamp returns a timestamp for a message about to be sent, and the interval to send with it. The
// interval is the older of the two, so its Earliest is at most true time when the timestamp was taken.
func (s *stamper) stamp() (hlc.Timestamp, truetime.Interval, error) {
	interval := truetime.Interval{}
	if s.intervals != nil {
		if now, err := s.intervals.Now(); err == nil {
			interval = now
		}
	}
	timestamp, err := s.clock.Now()
	return timestamp, interval, err
}

// ofGRPC reports whether a method belongs to a service of gRPC itself, that tells of the server and
// does nothing. It has to answer whether or not the clock has: health says which.
func ofGRPC(method string) bool {
	for _, service := range []string{"/grpc.health.", "/grpc.reflection.", "/grpc.channelz."} {
		if strings.HasPrefix(method, service) {
			return true
		}
	}
	return false
}
