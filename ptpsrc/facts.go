package ptpsrc

import (
	"time"

	"github.com/epsilontime/epsilon/monotonic"
	"github.com/epsilontime/epsilon/truetime"
)

// exchange is a Sync and the Delay_Req that was sent upon it: two messages in opposite directions, each
// stamped at both ends.
type exchange struct {
	received   monotonic.Instant // a reading that the counter had not passed before the Sync came
	origin     truetime.Time     // the server's clock when it sent the Sync
	sent       monotonic.Instant // one that it had reached when the Delay_Req left
	arrival    truetime.Time     // the server's clock when it received the Delay_Req
	resolution time.Duration     // of the counter
}

// slowestCounter is the reciprocal of 1000 ppm, the most that truetime.WithDrift allows. Which drift is
// assumed only the clock knows.
const slowestCounter = 1000

// gap is how long after the Sync had come the Delay_Req was sent.
func (x exchange) gap() time.Duration { return x.sent.Sub(x.received) }

// slack is by how much the counter may be wrong about the gap.
func (x exchange) slack() time.Duration { return x.gap()/slowestCounter + 1 + x.resolution }

// delay is the sum of what the two messages took on their ways. It may come out negative.
func (x exchange) delay() time.Duration { return x.arrival.Sub(x.origin) - x.gap() }

// facts turns the exchange into what it proves if the server is within e of true time: neither message
// can arrive before it was sent.
//
//	at received  true time was at least origin − e
//	at sent      true time was at most  arrival + e
//
// The upper fact is the narrower the later sent is, and wrong if it is later than the Delay_Req left; the lower one is
// the narrower the earlier received is, and wrong if it is earlier than the Sync came.
//
// A sample has its upper fact first, and this exchange has it last. So the lower one is carried over the
// gap, some 50 µs, with the slowest rate that any clock may assume, which costs a thousandth of that. The
// other order would make it wait for the next Sync.
func (x exchange) facts(e time.Duration) (truetime.Sample, error) {
	switch {
	case x.sent < x.received:
		return truetime.Sample{}, unusable("the local counter went back by %v", x.received.Sub(x.sent))
	case x.delay() < -(2*e + x.slack()):
		return truetime.Sample{}, unusable("the server's two time stamps exclude each other: the messages would have taken %v, and it claims an error of %v", x.delay(), e)
	}
	return truetime.Sample{
		Sent:     x.sent,
		Latest:   x.arrival.Add(e),
		Received: x.sent,
		Earliest: x.origin.Add(-e).Add(x.gap() - x.slack()),
		Delay:    x.delay(),
		Error:    e,
	}, nil
}
