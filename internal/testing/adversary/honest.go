package adversary

import (
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/epsilontime/epsilon/ntpsrc/ntptest"
)

// precision is what every server says of its clock: 2⁻²⁰ s.
const precision = -20

// honest is a server that is never wrong by more than it claims.
type honest struct {
	*ntptest.Server
	name     string
	truth    Truth
	offset   time.Duration
	claim    time.Duration // root dispersion; the offset is no larger
	rootTrip time.Duration // root delay
	stratum  uint8
	said     atomic.Pointer[[]byte] // the last reply
}

// newHonest starts a server. One in three is wrong by all that it claims, so that true time is at
// an edge of what it says.
func newHonest(i int, truth Truth, rng *rand.Rand) (*honest, error) {
	claim := between(rng, 20*time.Microsecond, 2*time.Millisecond)
	h := &honest{
		name:     fmt.Sprintf("h%d", i),
		truth:    truth,
		claim:    claim,
		offset:   []time.Duration{-claim, claim, time.Duration((2*rng.Float64() - 1) * float64(claim))}[rng.IntN(3)],
		rootTrip: between(rng, time.Microsecond, time.Millisecond),
		stratum:  uint8(1 + rng.IntN(3)),
	}
	var err error
	h.Server, err = ntptest.Listen("127.0.0.1:0", h.behavior(false))
	return h, err
}

func (h *honest) behavior(silent bool) ntptest.Behavior {
	return ntptest.Behavior{
		Offset:     h.offset,
		Dispersion: h.claim,
		RootDelay:  h.rootTrip,
		Stratum:    h.stratum,
		Precision:  precision,
		Silent:     silent,
		Clock:      h.truth.Now,
		Identity:   identity(h.name, h.truth),
		Edit: func(_, reply []byte) [][]byte {
			h.said.Store(&reply)
			return [][]byte{reply}
		},
	}
}

// identity is what a server shows of itself that was corrected a little while ago.
func identity(name string, truth Truth) ntptest.Identity {
	return ntptest.Identity{ReferenceID: name, Reference: truth.Now().Add(-1234 * time.Millisecond)}
}

// edges returns the least and the most by which true time can be off what the server says, by its
// claim.
func (h *honest) edges() (lo, hi time.Duration) {
	e := h.claim + h.rootTrip/2
	return h.offset - e, h.offset + e
}
