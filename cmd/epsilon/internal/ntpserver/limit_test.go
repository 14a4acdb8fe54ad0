package ntpserver

import (
	"encoding/binary"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/monotonic"
)

// strict never answers what is beyond the limit.
func strict(perSecond float64, burst int) *limiter {
	l := newLimiter(&Limit{PerSecond: perSecond, Burst: burst, IPv4Bits: 24, IPv6Bits: 64})
	l.random = func() uint32 { return 7 }
	return l
}

func TestAPrefixGetsItsBurstAndThenItsRate(t *testing.T) {
	l := strict(10, 5)
	admitted := func(from string, now time.Duration, asked int) (n int) {
		for range asked {
			if l.rule(netip.MustParseAddr(from), monotonic.Instant(now)) == admit {
				n++
			}
		}
		return n
	}
	const later = time.Hour // of a counter that did not start now
	require.Equal(t, 5, admitted("192.0.2.1", later, 100))
	require.Zero(t, admitted("192.0.2.200", later, 100), "of the same 24 bits")
	require.Zero(t, admitted("::ffff:192.0.2.3", later, 100), "the same in another form")
	require.Equal(t, 5, admitted("192.0.3.1", later, 100), "of others")
	require.Equal(t, 5, admitted("2001:db8::1", later, 100))
	require.Zero(t, admitted("2001:db8::ffff:1:2", later, 100), "of the same 64 bits")
	require.Equal(t, 5, admitted("2001:db8:0:1::1", later, 100))
	require.Equal(t, 1, admitted("192.0.2.1", later+100*time.Millisecond, 100))
	require.Equal(t, 2, admitted("192.0.2.1", later+300*time.Millisecond, 100))
	require.Equal(t, 5, admitted("192.0.2.1", later+time.Hour, 100), "what was not used is not saved")
}

func TestOneInEightBeyondTheLimitIsAnsweredAndOneIsKissed(t *testing.T) {
	l := newLimiter(&Limit{PerSecond: 0.001, Burst: 1, IPv4Bits: 32, IPv6Bits: 64})
	next := uint32(0)
	l.random = func() uint32 { next++; return next }
	from := netip.MustParseAddr("192.0.2.1")
	require.Equal(t, admit, l.rule(from, 0))
	count := map[ruling]int{}
	for range 800 {
		count[l.rule(from, 0)]++
	}
	require.Equal(t, map[ruling]int{admit: 100, kiss: 100, drop: 600}, count)
	require.EqualValues(t, 10, l.slower(6), "1000 s, as a power of 2 that is no less")
	require.EqualValues(t, 12, l.slower(12))
	require.EqualValues(t, 10, l.slower(0x80), "2⁻¹²⁸ s")
}

// Whoever sends requests in many names does not make the server forget who asks most, nor take more
// memory.
func TestManyPrefixesDoNotHideTheOneThatAsksMost(t *testing.T) {
	l := strict(1, 1000)
	heavy := netip.MustParseAddr("192.0.2.1")
	for range 1000 {
		require.Equal(t, admit, l.rule(heavy, 0))
	}
	var a [16]byte
	a[0] = 0x20
	for i := range uint64(200_000) {
		binary.BigEndian.PutUint64(a[:], 0x2001_0db8<<32|i)
		require.Equal(t, admit, l.rule(netip.AddrFrom16(a), 0))
	}
	require.Equal(t, drop, l.rule(heavy, 0))
}

func TestNoLimitLimitsNothing(t *testing.T) {
	var none *limiter
	for range 10_000 {
		require.Equal(t, admit, none.rule(netip.MustParseAddr("::1"), 0))
	}
	require.Nil(t, newLimiter(nil))
}
