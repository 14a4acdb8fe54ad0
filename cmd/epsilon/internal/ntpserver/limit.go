package ntpserver

import (
	"encoding/binary"
	"hash/maphash"
	"math/bits"
	"math/rand/v2"
	"net/netip"
	"sync"
	"time"

	"github.com/epsilontime/epsilon/internal/mistakes"
	"github.com/epsilontime/epsilon/monotonic"
)

// Limit is how often clients may ask. A prefix of addresses may ask Burst times at once and
// PerSecond times a second in the long run.
//
// Of what comes beyond that one request in 8 is answered, one in 8 gets kiss-o'-death RATE, which
// tells an honest client to slow down, and the others are dropped. Without the first, whoever sends
// requests in a client's name could keep it from ever getting the time. A client ignores a kiss that
// does not carry the random number of its own request.
//
// Up to 16 384 prefixes are remembered, in 400 KB. If more ask at the same time those are forgotten
// that have asked least.
type Limit struct {
	PerSecond float64 // 0.001 to 1e6
	Burst     int     // 1 to 1e6
	IPv4Bits  int     // of an IPv4 address that count, 8 to 32
	IPv6Bits  int     // of an IPv6 address that count, 16 to 128
}

// DefaultLimit lets 64 clients behind one address ask every 4 s. A single client that asks more than
// 16 times a second gains nothing by it.
func DefaultLimit() *Limit { return &Limit{PerSecond: 16, Burst: 128, IPv4Bits: 32, IPv6Bits: 64} }

// Check says what is wrong with a limit.
func (l *Limit) Check() error {
	if l == nil {
		return nil
	}
	var m mistakes.List
	if !(l.PerSecond >= 0.001 && l.PerSecond <= 1e6) {
		m.Addf("limit of %v requests per second: it must be 0.001 to 1000000", l.PerSecond)
	}
	if l.Burst < 1 || l.Burst > 1e6 {
		m.Addf("limit with a burst of %d requests: it must be 1 to 1000000", l.Burst)
	}
	if l.IPv4Bits < 8 || l.IPv4Bits > 32 {
		m.Addf("limit by the first %d bits of an IPv4 address: they must be 8 to 32", l.IPv4Bits)
	}
	if l.IPv6Bits < 16 || l.IPv6Bits > 128 {
		m.Addf("limit by the first %d bits of an IPv6 address: they must be 16 to 128", l.IPv6Bits)
	}
	return m.Err()
}

// limiter keeps a Limit, by the generic cell rate algorithm (ITU-T I.371): of each prefix it knows
// the moment at which all its requests so far would have been due at the allowed rate.
type limiter struct {
	interval, tolerance int64 // nanoseconds
	v4, v6              [16]byte
	seed                maphash.Seed // nobody outside can make prefixes collide
	random              func() uint32
	sets                [limitSets]limitSet
}

const (
	limitSets = 4096
	limitWays = 4
)

type limitSet struct {
	mu      sync.Mutex
	entries [limitWays]limitEntry
}

type limitEntry struct {
	prefix uint64 // its hash
	due    int64  // by the counter
}

// newLimiter returns nil, which limits nothing, for nil.
func newLimiter(l *Limit) *limiter {
	if l == nil {
		return nil
	}
	interval := int64(float64(time.Second) / l.PerSecond)
	return &limiter{
		interval:  interval,
		tolerance: interval * int64(l.Burst-1),
		v4:        prefixMask(96 + l.IPv4Bits),
		v6:        prefixMask(l.IPv6Bits),
		seed:      maphash.MakeSeed(),
		random:    rand.Uint32,
	}
}

func prefixMask(bits int) (mask [16]byte) {
	for i := range bits {
		mask[i/8] |= 0x80 >> (i % 8)
	}
	return mask
}

// ruling is what becomes of a request.
type ruling uint8

const (
	admit ruling = iota
	kiss
	drop
)

// rule decides on a request from an address.
func (l *limiter) rule(from netip.Addr, now monotonic.Instant) ruling {
	if l == nil || l.within(l.hash(from), int64(now)) {
		return admit
	}
	switch l.random() & 7 {
	case 0:
		return admit
	case 1:
		return kiss
	}
	return drop
}

// slower is the poll interval, log₂ s, that a client is told to keep to: its own, but no shorter than
// what the limit allows in the long run.
func (l *limiter) slower(poll uint8) uint8 {
	allowed := uint8(bits.Len64(uint64((time.Duration(l.interval) - 1) / time.Second)))
	if int8(poll) < int8(allowed) {
		return allowed
	}
	return poll
}

// hash identifies a prefix. 0 stands for none.
func (l *limiter) hash(from netip.Addr) uint64 {
	a, mask := from.As16(), &l.v6
	if from.Is4() || from.Is4In6() {
		mask = &l.v4
	}
	for i := range 2 {
		masked := binary.NativeEndian.Uint64(a[8*i:]) & binary.NativeEndian.Uint64(mask[8*i:])
		binary.NativeEndian.PutUint64(a[8*i:], masked)
	}
	return max(maphash.Bytes(l.seed, a[:]), 1)
}

// within counts a request, unless it is beyond the limit.
func (l *limiter) within(prefix uint64, now int64) bool {
	set := &l.sets[prefix%limitSets]
	set.mu.Lock()
	defer set.mu.Unlock()
	e := &set.entries[0]
	for i := range set.entries {
		if set.entries[i].prefix == prefix {
			e = &set.entries[i]
			break
		}
		if set.entries[i].due < e.due {
			e = &set.entries[i]
		}
	}
	if e.prefix != prefix {
		*e = limitEntry{prefix, now}
	}
	due := max(e.due, now)
	if due-now > l.tolerance {
		return false
	}
	e.due = due + l.interval
	return true
}
