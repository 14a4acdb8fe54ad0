package ntpsrc

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"net"
	"strings"
	"time"

	"github.com/facebook/time/ntp/chrony"

	"github.com/epsilontime/epsilon/monotonic"
	"github.com/epsilontime/epsilon/truetime"
)

// bracket is one reading of the system clock between two of the counter.
type bracket struct {
	first, last monotonic.Instant
	wall        truetime.Time
}

func readBracket(counter monotonic.Counter, wall func() truetime.Time) bracket {
	var b bracket
	b.first = counter.Now()
	b.wall = wall()
	b.last = counter.Now()
	return b
}

func (b bracket) gap() time.Duration { return b.last.Sub(b.first) }

// trackingExchange is one question to chronyd and its answer. The system clock was read before the
// request was sent and after the reply was received.
type trackingExchange struct {
	before, after bracket
	reply         chrony.Tracking
	counter       monotonic.Counter
	resolution    time.Duration // by how much a reading of the counter may be behind it
	driftPPM      float64       // by how much the oscillator may be off
}

// slowestSlew and fastestSlew are the least and the largest rate of the system clock against the
// counter, in thousandths: Linux lets a daemon change the length of a tick by 10 % and the
// frequency by 500 ppm (kernel/time/ntp.c, ntp_validate_timex and MAXFREQ), and the counter, which
// counts the same oscillator, is scaled to within 1000 ppm of what the kernel makes of it.
const (
	slowestSlew = 898
	fastestSlew = 1102
)

// slack returns what the exchange leaves open about the system clock at the moment for which
// chronyd has stated the correction, which lies between the two readings. It refuses an exchange
// during which the system clock was stepped.
//
// Let the exchange last d by the counter, d₁ of it before that moment and d₂ after it, and g be
// what the two brackets took. The readings differ by at least 0.898 (d − g) and at most 1.102 d,
// whether the system clock was slewed or a step goes unseen in that. In d₁ it has gone on by 0.898
// d₁ to 1.102 d₁, or in d₂ likewise, as a step is in one of them. So in the other, say d₂, it has
// gone on by 0.898 d₂ − 0.204 d₁ − 0.898 g to 1.102 d₂ + 0.204 d₁. True time has gone on by 0.900
// d₂ to 1.112 d₂, with a drift of 100 000 ppm, the most that truetime.WithDrift admits. They differ
// by at most 0.214 d + 0.898 g.
func (x trackingExchange) slack() (time.Duration, error) {
	inner := x.after.first.Sub(x.before.last)
	outer := x.after.last.Sub(x.before.first)
	if inner < 0 || x.before.gap() < 0 || x.after.gap() < 0 {
		return 0, unusable("the local counter went back during the exchange")
	}
	inner, outer = max(inner-x.resolution, 0), outer+x.resolution
	const rounding = 3 * time.Nanosecond
	moved := x.after.wall.Sub(x.before.wall)
	if moved < inner/1000*slowestSlew-rounding || moved > (outer/1000+1)*fastestSlew+rounding {
		return 0, unusable("the system clock was stepped during the exchange: it moved by %v in %v", moved, outer)
	}
	return outer/3 + x.before.gap() + x.after.gap() + 2*x.resolution + rounding + time.Microsecond, nil
}

// Of chrony's command protocol, candm.h: where the fields of a header are that tell whether a reply
// answers a request.
const (
	commandHeader        = 28 // length of a reply's header
	commandVersion       = 6
	commandReply         = 2
	requestCommandAt     = 4
	requestSequenceAt    = 8
	replyCommandAt       = 4
	replySequenceAt      = 16
	requestHeaderMinimum = 12
)

// trackingConn lets through only the datagram that answers the request, which chrony.Client does
// not check, and reads the clocks before the request and after the reply.
type trackingConn struct {
	net.Conn
	read          func() bracket
	request       []byte
	before, after bracket
	junk          int
}

func (c *trackingConn) Write(b []byte) (int, error) {
	if len(b) < requestHeaderMinimum {
		return 0, errors.New("a request without a header")
	}
	c.request = append(c.request[:0], b[:requestHeaderMinimum]...)
	c.before = c.read()
	return c.Conn.Write(b)
}

func (c *trackingConn) Read(b []byte) (int, error) {
	for range maxJunk {
		n, err := c.Conn.Read(b)
		c.after = c.read()
		if err != nil {
			return 0, err
		}
		if c.answers(b[:n]) {
			return n, nil
		}
		c.junk++
	}
	return 0, errFlooded
}

func (c *trackingConn) answers(reply []byte) bool {
	same := func(at, length, requestAt int) bool {
		return string(reply[at:at+length]) == string(c.request[requestAt:requestAt+length])
	}
	return len(reply) >= commandHeader && reply[0] == commandVersion && reply[1] == commandReply &&
		same(replyCommandAt, 2, requestCommandAt) && same(replySequenceAt, 4, requestSequenceAt)
}

// askTracking performs one exchange over a fresh socket. An error that is not ErrUnusable is the
// socket's.
func askTracking(socket net.Conn, read func() bracket) (trackingExchange, error) {
	c := &trackingConn{Conn: socket, read: read}
	client := chrony.Client{Connection: c, Sequence: rand.Uint32()}
	reply, err := client.Communicate(chrony.NewTrackingPacket())
	var transport *net.OpError
	switch {
	case err == nil:
	case errors.Is(err, errFlooded), errors.As(err, &transport):
		return trackingExchange{}, fmt.Errorf("%w (%d datagrams did not answer the request)", err, c.junk)
	default:
		return trackingExchange{}, unusable("chronyd's reply: %s", strings.TrimSpace(err.Error()))
	}
	tracking, ok := reply.(*chrony.ReplyTracking)
	if !ok {
		return trackingExchange{}, unusable("chronyd's reply of type %d is not about tracking", reply.GetType())
	}
	return trackingExchange{before: c.before, after: c.after, reply: tracking.Tracking}, nil
}

const (
	// maxTrackingSeconds is the largest number of seconds that is believed; any beyond is damage.
	// It also keeps the sums below from overflowing.
	maxTrackingSeconds = 1e6
	// maxTrackingPPM is the largest frequency that the kernel can be told: 10 % by the tick's
	// length.
	maxTrackingPPM = 1.1e5
)

// checkTracking refuses a chronyd that is not synchronized or whose reply makes no sense.
func checkTracking(t chrony.Tracking, c config) error {
	for _, v := range []struct {
		name           string
		value          float64
		lowest, beyond float64
	}{
		{"current correction", t.CurrentCorrection, -maxTrackingSeconds, maxTrackingSeconds},
		{"last offset", t.LastOffset, -maxTrackingSeconds, maxTrackingSeconds},
		{"root delay", t.RootDelay, 0, maxTrackingSeconds},
		{"root dispersion", t.RootDispersion, 0, maxTrackingSeconds},
		{"frequency", t.FreqPPM, -maxTrackingPPM, maxTrackingPPM},
	} {
		if !(v.value >= v.lowest && v.value <= v.beyond) { // so that NaN fails too
			return unusable("chronyd's %s of %g makes no sense", v.name, v.value)
		}
	}
	switch {
	case t.LeapStatus >= leapUnsynchronized:
		return unusable("chronyd is not synchronized")
	case t.Stratum == 0 || int(t.Stratum) > c.maxStratum:
		return unusable("chronyd's stratum of %d is not 1 to %d (WithMaxStratum)", t.Stratum, c.maxStratum)
	}
	return trackedReference(t.RefID, t.Stratum, t.RootDelay).check(c)
}

// trackingClaim is E, the most by which the system clock with its correction may be off if chronyd
// is right, at a time that is now by the same clock. Each term is rounded up.
//
// Since its reference chronyd runs on its estimate of the oscillator's frequency. The oscillator is
// within the drift of true time, the estimate wherever it is: their difference is at most the sum.
// chronyd counts something for this in root dispersion, but 1 ppm unless maxclockerror says more.
func trackingClaim(t chrony.Tracking, now truetime.Time, driftPPM float64, maxAge time.Duration) (time.Duration, error) {
	// A number of 32 bits has 25 of them for its digits: each is off by up to 2⁻²⁴ of itself.
	const digits = 1.0 / (1 << 23)
	sum := (t.RootDelay/2+t.RootDispersion+math.Abs(t.LastOffset))*(1+digits) + math.Abs(t.CurrentCorrection)*digits
	e := ceilSeconds(sum)
	reference := truetime.FromStd(t.RefTime)
	age := now.Sub(reference)
	if age < -e {
		return 0, unusable("chronyd's reference time %v lies %v in the future", reference, -age)
	}
	if age > maxAge {
		return 0, unusable("chronyd has not heard from its sources for %v, above the limit of %v (WithMaxReferenceAge)", age, maxAge)
	}
	age = max(age, 0) + e
	drift := driftPPM / (1 - driftPPM/1e6) // of true time against the oscillator
	return e + ceilSeconds(age.Seconds()*(drift+math.Abs(t.FreqPPM))/1e6), nil
}

// ceilSeconds converts seconds, at most some million, and rounds up by more than the conversion's
// own error.
func ceilSeconds(s float64) time.Duration {
	return time.Duration(math.Ceil(s*1e9*(1+1e-12))) + time.Nanosecond
}

// seconds converts seconds, to the nearest nanosecond.
func seconds(s float64) time.Duration { return time.Duration(math.Round(s * 1e9)) }
