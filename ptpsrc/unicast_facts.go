package ptpsrc

import (
	"context"
	"time"

	"github.com/epsilontime/epsilon/monotonic"
	"github.com/epsilontime/epsilon/truetime"
)

// exchange is a Sync and the Delay_Req that was sent upon it: two messages in opposite directions,
// each stamped at both ends.
type exchange struct {
	received monotonic.Instant // a reading that the counter had not passed before the Sync came
	origin   truetime.Time     // the server's clock when it sent the Sync
	sent     monotonic.Instant // one that it had reached when the Delay_Req left
	arrival  truetime.Time     // the server's clock when it received the Delay_Req
	ruler    ruler

	// What transparent clocks say that each message spent on its way. origin and arrival are
	// corrected by it.
	syncOnTheWay, delayReqOnTheWay time.Duration
}

// ruler is how well the counter measures a time.
type ruler struct {
	resolution time.Duration     // by how much a reading may be behind the counter
	poll       truetime.PollInfo // its drift, as the clock assumes it
}

func rulerOf(ctx context.Context, counter monotonic.Counter) ruler {
	return ruler{monotonic.Resolution(counter), truetime.PollInfoOf(ctx)}
}

// slack is by how much true time may differ from a time that the counter has measured.
func (r ruler) slack(span time.Duration) time.Duration {
	return r.poll.Slack(span+r.resolution) + r.resolution + 1
}

// gap is how long after the Sync had come the Delay_Req was sent.
func (x exchange) gap() time.Duration { return x.sent.Sub(x.received) }

// slack is by how much the counter may be wrong about the gap.
func (x exchange) slack() time.Duration { return x.ruler.slack(x.gap()) }

// delay is the sum of what the two messages took on their ways. It may come out negative.
func (x exchange) delay() time.Duration { return x.arrival.Sub(x.origin) - x.gap() }

// facts turns the exchange into what it proves if the server is within e of true time: neither
// message can arrive before it was sent.
//
//	at received  true time was at least origin − e
//	at sent      true time was at most  arrival + e
//
// The upper fact is the narrower the later sent is, and wrong if it is later than the Delay_Req
// left; the lower one is the narrower the earlier received is, and wrong if it is earlier than the
// Sync came.
//
// A sample has its upper fact first, and this exchange has it last. So the lower one is carried
// over the gap, some 50 µs, with the drift that the clock assumes, which costs 10 ns at 200 ppm.
// The other order would make it wait for the next Sync.
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
		Claim:    e,
	}, nil
}
