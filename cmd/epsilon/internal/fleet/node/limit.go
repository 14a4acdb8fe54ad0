package node

import (
	"hash/maphash"
	"net/netip"
	"sync"
	"time"
)

// An address may ask so often: each request costs a processor some 10 µs, and a machine asks another about once a second at most. Many
// may share an address.
const (
	limitEvery = time.Second / 64
	limitBurst = 256
	limitSets  = 4096
)

// limiter keeps that, by the generic cell rate algorithm (ITU-T I.371): of each address it knows the moment at which all its requests so far would have
// been due. Two addresses may share a place, and then the limit; nobody outside can choose which.
type limiter struct {
	mu   sync.Mutex
	seed maphash.Seed
	due  [limitSets]time.Duration
}

func newLimiter() *limiter { return &limiter{seed: maphash.MakeSeed()} }

// admits counts a request, unless it is beyond the limit.
func (l *limiter) admits(from netip.Addr, now time.Duration) bool {
	if from.Is6() { // a host has 64 bits of it for itself
		prefix, _ := from.Prefix(64)
		from = prefix.Addr()
	}
	bytes := from.As16()
	l.mu.Lock()
	defer l.mu.Unlock()
	due := &l.due[maphash.Bytes(l.seed, bytes[:])%limitSets]
	next := max(*due, now)
	if next-now > limitEvery*(limitBurst-1) {
		return false
	}
	*due = next + limitEvery
	return true
}
