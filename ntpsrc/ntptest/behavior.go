package ntptest

import (
	"encoding/binary"
	"math"
	"time"
)

// Behavior is what a server says. The zero value serves the host's clock at stratum 1 and claims no
// error of its own, and shows a machine that no other server of this package shows.
type Behavior struct {
	Offset     time.Duration // added to both time stamps
	Drift      float64       // ppm by which the offset grows from when it was set: a lie that begins small
	Held       time.Duration // added to the transmit stamp alone: overstates the time in the server
	RootDelay  time.Duration // claimed, rounded up to 2⁻¹⁶ s
	Dispersion time.Duration // claimed, rounded up to 2⁻¹⁶ s
	Stratum    uint8         // 0 stands for 1, unless there is a Kiss
	Leap       uint8         // leap indicator, 0 to 3
	Precision  int8          // log₂ s; 0 stands for −20
	Identity   Identity      // which machine it shows; the zero value stands for one of its own
	Kiss       string        // if not empty, reply with this kiss-o'-death code
	Silent     bool          // do not reply
	Astray     bool          // reply from another port than the one that was asked

	// How long the request and the reply take, besides what loopback does, as on a path that is slow, or slower one way than
	// the other. Jitter is added to each of them, drawn at random by Seed from 0 to all of it. The delays are Go's timers: they
	// may be longer, and are never shorter.
	DelayThere, DelayBack, Jitter time.Duration
	Seed                          uint64

	// Clock is what the server serves; nil stands for the host's wall clock.
	Clock func() time.Time

	// Edit, if not nil, may change the reply in place or return others to send: each in turn, none
	// for silence.
	Edit func(request, reply []byte) [][]byte
}

// Identity is what replies show of which machine it is that answers, besides root delay, stratum
// and precision. Two servers that are given the same one look like two addresses of one machine.
type Identity struct {
	ReferenceID string    // up to 4 bytes
	Reference   time.Time // when the machine's clock was last corrected, by the clock that is served; Offset is added
}

// defaultReferenceID is a code of our own: those that begin with X are for experiments (RFC 5905
// section 7.3). The code LOCL would say that the server follows nobody.
const defaultReferenceID = "XEPS"

// or fills what is missing from another identity.
func (i Identity) or(other Identity) Identity {
	if i.ReferenceID == "" {
		i.ReferenceID = other.ReferenceID
	}
	if i.Reference.IsZero() {
		i.Reference = other.Reference
	}
	return i
}

const (
	messageSize = 48
	modeClient  = 3
	modeServer  = 4
)

// Reply builds the datagrams that answer a request received at the given time (RFC 5905 figure 8), for a test that carries
// them itself. Drift and the delays are not in it: a [Server] has them.
func (b Behavior) Reply(request []byte, received time.Time) [][]byte {
	if b.Precision == 0 {
		b.Precision = -20
	}
	if b.Stratum == 0 {
		b.Stratum = 1
	}
	b.Identity = b.Identity.or(Identity{defaultReferenceID, received.Add(-time.Second)})
	var reference [4]byte
	copy(reference[:], b.Identity.ReferenceID)
	if b.Kiss != "" {
		b.Stratum = 0
		reference = [4]byte{}
		copy(reference[:], b.Kiss)
	}
	m := make([]byte, messageSize)
	m[0] = b.Leap<<6 | request[0]&(7<<3) | modeServer
	m[1] = b.Stratum
	m[2] = request[2]
	m[3] = byte(b.Precision)
	binary.BigEndian.PutUint32(m[4:], short(b.RootDelay))
	binary.BigEndian.PutUint32(m[8:], short(b.Dispersion))
	copy(m[12:16], reference[:])
	binary.BigEndian.PutUint64(m[16:], Stamp(b.Identity.Reference.Add(b.Offset)))
	copy(m[24:32], request[40:48])
	binary.BigEndian.PutUint64(m[32:], Stamp(received.Add(b.Offset)))
	binary.BigEndian.PutUint64(m[40:], Stamp(b.now().Add(b.Offset+b.Held)))
	if b.Edit != nil {
		return b.Edit(request, m)
	}
	return [][]byte{m}
}

func (b Behavior) now() time.Time {
	if b.Clock != nil {
		return b.Clock()
	}
	return time.Now() // a server serves its host's wall clock: what is asked is not the library's counter
}

// short is a duration in units of 2⁻¹⁶ s, rounded up.
func short(d time.Duration) uint32 { return uint32(math.Ceil(d.Seconds() * (1 << 16))) }

// Stamp is a time as NTP writes it, for an Edit: in units of 2⁻³² s since 1900, modulo 2³² s, rounded down.
func Stamp(t time.Time) uint64 {
	const from1900To1970 = 2_208_988_800
	seconds := uint64(t.Unix()) + from1900To1970
	return seconds<<32 | uint64(t.Nanosecond())<<32/1_000_000_000
}
