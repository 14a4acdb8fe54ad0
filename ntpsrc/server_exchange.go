package ntpsrc

import (
	"time"

	"github.com/epsilontime/epsilon/monotonic"
	"github.com/epsilontime/epsilon/truetime"
)

// exchange is one request and its reply: two readings of our counter around two of the server's
// clock.
type exchange struct {
	c1 monotonic.Instant // read before the request was sent
	t2 truetime.Time     // the server's clock when it received the request
	t3 truetime.Time     // the server's clock when it sent the reply
	c4 monotonic.Instant // read after the reply was received

	resolution time.Duration // by how much a reading of the counter may be behind it
	driftPPM   float64       // by how much it may be slow
}

// slack is by how much more than c4 − c1 the exchange may have lasted in true time. A counter that
// runs ρ slow shows 1 − ρ of it, less its resolution.
func (x exchange) slack() time.Duration {
	unseen := x.resolution + time.Nanosecond // and a rounding
	rho := x.driftPPM / 1e6
	return unseen + time.Duration(float64(x.c4.Sub(x.c1)+unseen)*(rho/(1-rho)))
}

// delay is the round-trip delay δ: the time of the whole exchange, less the time that the request
// spent in the server by its own account. It may come out negative.
func (x exchange) delay() time.Duration { return x.c4.Sub(x.c1) - x.t3.Sub(x.t2) }

// facts turns the exchange into what it proves if the server is within e of true time. It refuses
// what no server can say that is within e, and nothing else: within e of its stamps there have to
// be two moments, of which the second is not before the first, nor after it by more than the
// exchange lasted.
//
// So T3 may be before T2 by 2e. That is what a server says that stamps requests by its network card
// and replies by its system clock, which are some microseconds apart, and one that is corrected
// meanwhile.
//
// A negative delay means that the server says it kept the request longer than the exchange took. If
// both its stamps are within e, it can overstate that by at most 2e, and by what our counter may be
// slow. Beyond that one of them is wrong, and there is no saying which: the exchange is rejected.
// To set the delay to 0 instead, as is often done, would claim a bound of e from a reply that has
// just been shown to be off by more.
func (x exchange) facts(e time.Duration) (truetime.Sample, error) {
	switch {
	case x.t2.Sub(x.t3) > 2*e:
		return truetime.Sample{}, unusable("the reply was sent %v before the request was received, more than twice the claimed error of %v; if the server's claim leaves something out, WithExtraError adds it", x.t2.Sub(x.t3), e)
	case x.c4 < x.c1:
		return truetime.Sample{}, unusable("the local counter went back by %v", x.c1.Sub(x.c4))
	case x.delay() < -(2*e + x.slack()):
		return truetime.Sample{}, unusable("the server says it kept the request for %v, but the exchange took %v and it claims an error of %v; if its claim leaves something out, WithExtraError adds it", x.t3.Sub(x.t2), x.c4.Sub(x.c1), e)
	}
	return truetime.Sample{
		Sent:     x.c1,
		Latest:   x.t2.Add(e),
		Received: x.c4,
		Earliest: x.t3.Add(-e),
		Delay:    x.delay(),
		Claim:    e,
	}, nil
}
