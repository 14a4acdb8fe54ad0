package ptpsrc

import (
	"time"

	"github.com/epsilontime/epsilon/internal/distance"
	"github.com/epsilontime/epsilon/monotonic"
	"github.com/epsilontime/epsilon/truetime"
)

// What follows for a Sync and a Delay_Req if the server is known to be far away: each took m at
// least. Why that is so, and what disproves it, is in package distance. What differs from NTP is the
// order of the two messages and that transparent clocks correct them.
//
// # Corrections
//
// A believed correction above 0 says that a message spent that time on its way, and so does m. They
// must not be added up, since they may be the same time. An end-to-end transparent clock counts only
// what a message was kept for in a switch, and that is no part of m. But a peer-to-peer one adds what
// the link before it takes (IEEE 1588-2008 section 11.5), and a network that presents itself as one
// transparent clock, as 5G does (3GPP TS 23.501 section 5.27.1), counts the whole way through it.
// Nothing in a message tells these apart. The larger of the two is true whatever the correction
// counts.
//
// A correction below 0 is a stamp of the server's that was too late. It says nothing of the way, and
// m counts beside it.
//
// # Disproof
//
// The sample shows at most how long the two messages took together, corrections included: by how
// much its two facts are apart. That holds 2E. And the Delay_Resp went the same way back as the Sync,
// so from the departure of the Delay_Req to its answer it is a round trip by our counter alone.

// narrow returns the sample of the exchange by the counter with what follows for it from a claim. The
// Delay_Resp had come when the counter read answered.
func (x exchange) narrow(s truetime.Sample, counter monotonic.Counter, answered monotonic.Instant, c distance.Claim, r *distance.Record) (truetime.Sample, error) {
	m := c.MinDelay()
	if m == 0 {
		return s, nil
	}
	apart := s.Latest.Sub(s.Earliest) + x.syncOnTheWay + x.delayReqOnTheWay
	waited := answered.Sub(x.sent)
	if err := r.Check(c, counter, min(apart, waited+x.ruler.slack(waited))+x.ruler.poll.UnseenPause); err != nil {
		return truetime.Sample{}, err
	}
	beyond := func(correction time.Duration) time.Duration { return max(m-correction, 0) }
	s.Latest = s.Latest.Add(-beyond(x.delayReqOnTheWay))
	s.Earliest = s.Earliest.Add(beyond(x.syncOnTheWay))
	if s.Latest < s.Earliest {
		return truetime.Sample{}, unusable("the corrections of transparent clocks, %v for the Sync and %v for the Delay_Req, and %v exclude each other", x.syncOnTheWay, x.delayReqOnTheWay, c)
	}
	s.MinDelay = m
	return s, nil
}

// WithDistance declares that the server which is asked is at least so many kilometres away: above 0,
// and at most 20 038, which is half of the Earth's circumference. Nothing is assumed without it.
//
// No signal is faster than light, so each message takes m = distance / 299 792.458 km/s at least.
// That makes ε smaller by m: it is δ/2 − m + E, below half the sum of both ways.
//
// It is your word, and nothing in PTP confirms it. If it is false the interval can be wrong by up to
// m. A round trip shorter than 2m disproves it: all that the source has said is dropped, and it is
// unusable, with the reason, until 16 round trips in a row have fitted. If more sources than may be wrong have been
// disproved, the epoch ends. A server that is nearer than declared and always takes longer than 2m to answer
// does not show.
//
// So declare it only if you know in which building the server stands, and this host. It has to be
// true of every address behind the name, also after a failover to another site. Never declare it for
// an anycast address: the nearest instance answers, and the interval is wrong by up to m. Nor for a
// host that moves. If a boundary clock answers, the distance is that of the boundary clock and not of
// its grandmaster.
//
// The distance is that between the two places along the ground, and not the length of a cable. A
// formula for a sphere may give 0.6 % too much, so take 1 % off. The path no longer makes up for a
// server whose stamps are worse than it claims: see [WithExtraError].
//
// With [WithTransparentClocks] the larger of m and the correction counts for each message. Given
// twice, the last one counts. If [WithMinDelay] is given too, the larger m counts.
func WithDistance(kilometres float64) UnicastOption {
	return option(func(c *config) { c.Add(c.distance.SetDistance(kilometres)) })
}

// WithMinDelay declares that each message, to the server and from it, takes at least so long: above
// 0, and at most 1 s. It is [WithDistance] for those who know the path: glass fibre takes 4.8 µs for
// a kilometre. All that is said there holds for it.
//
// It has to be true of either way by itself, and of every route that a packet may take. Half of a
// round trip, or a mean path delay, is not such a number, however often it was measured: the two ways
// may differ, and the shorter one may be much below the half.
func WithMinDelay(oneWay time.Duration) UnicastOption {
	return option(func(c *config) { c.Add(c.distance.SetMinDelay(oneWay)) })
}
