package adversary

import (
	"encoding/binary"
	"time"

	"github.com/epsilontime/epsilon/ntpsrc/ntptest"
)

// lie is what a liar does for a turn. The zero value is a server that is right and claims next to
// no error.
type lie struct {
	kind   kind
	offset time.Duration // of both stamps
	drift  float64       // added to the offset for each second of the turn, as a ratio
	claim  time.Duration // root dispersion
	held   time.Duration // of the transmit stamp alone; below 0 the reply leaves before the request comes in
	leap   uint8
	every  int // only each reply of that number is a lie; 0 stands for all
	rate   bool
	astray bool
	edit   func(l *liar, request, reply []byte) [][]byte // nil for none

	began time.Duration // since the world began
}

// at is by how much the stamps are off now.
func (b lie) at(elapsed time.Duration) time.Duration {
	return b.offset + time.Duration(b.drift*float64(elapsed-b.began))
}

// behavior is that of a server that tells this lie once.
func (b lie) behavior(t Truth) ntptest.Behavior {
	return ntptest.Behavior{
		Offset:     b.at(t.Elapsed()),
		Held:       b.held,
		Dispersion: b.claim,
		Leap:       b.leap,
		Precision:  precision,
		Clock:      t.Now,
	}
}

// The parts of a reply that lies change (RFC 5905 figure 8).
const (
	stratumAt   = 1
	rootDelayAt = 4
	correctedAt = 16
	originAt    = 24
	receivedAt  = 32
	sentAt      = 40
	messageSize = 48
)

// negativeRootDelay is what the field says where it is taken for a signed number, as RFC 1305 has
// it.
func negativeRootDelay(by int32) func(*liar, []byte, []byte) [][]byte {
	return func(_ *liar, _, reply []byte) [][]byte {
		binary.BigEndian.PutUint32(reply[rootDelayAt:], uint32(-by))
		return [][]byte{reply}
	}
}

func stratum(s uint8) func(*liar, []byte, []byte) [][]byte {
	return func(_ *liar, _, reply []byte) [][]byte {
		reply[stratumAt] = s
		return [][]byte{reply}
	}
}

// copied is everything by which a machine could be known that an honest server said last, with
// other stamps.
func copied(of *honest) func(*liar, []byte, []byte) [][]byte {
	return func(_ *liar, _, reply []byte) [][]byte {
		if said := of.said.Load(); said != nil {
			reply[stratumAt] = (*said)[stratumAt]
			copy(reply[rootDelayAt:originAt], (*said)[rootDelayAt:originAt])
		}
		return [][]byte{reply}
	}
}

// twice sends two replies that say different times.
func twice(apart time.Duration) func(*liar, []byte, []byte) [][]byte {
	return func(l *liar, request, reply []byte) [][]byte {
		other := (*l.lie.Load())
		other.offset += apart
		again := other.behavior(l.truth)
		again.Identity = l.identity
		return append([][]byte{reply}, again.Reply(request, l.truth.Now())...)
	}
}

// stale answers the request before this one, or that one first.
func stale(first bool) func(*liar, []byte, []byte) [][]byte {
	return func(l *liar, _, reply []byte) [][]byte {
		old := append([]byte(nil), reply...)
		copy(old[originAt:receivedAt], l.before)
		if first {
			return [][]byte{old, reply}
		}
		return [][]byte{old}
	}
}

// replayed sends the stamps of one reply for as long as the turn lasts.
func replayed(l *liar, _, reply []byte) [][]byte {
	if l.kept == nil {
		l.kept = append([]byte(nil), reply...)
	}
	copy(reply[correctedAt:originAt], l.kept[correctedAt:originAt])
	copy(reply[receivedAt:messageSize], l.kept[receivedAt:messageSize])
	return [][]byte{reply}
}
