package ntpsrc

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/truetime"
)

func TestClaimRoundsEveryTermUp(t *testing.T) {
	// 2⁻¹⁶ s is 15 258.79 ns.
	for _, c := range []struct {
		h    header
		want time.Duration
	}{
		{header{precision: -30}, 7_630 + 15_259 + 1 + 1},
		{header{precision: -20}, 7_630 + 15_259 + 954 + 1},
		{header{precision: -128}, 7_630 + 15_259 + 1 + 1},
		{header{precision: 0}, 7_630 + 15_259 + time.Second + 1},
		{header{rootDelay: 1, rootDispersion: 1, precision: -30}, 15_259 + 30_518 + 1 + 1},
		{header{rootDelay: 1 << 16, rootDispersion: 2 << 16, precision: -30}, 500_007_630 + 2_000_015_259 + 1 + 1},
		{header{rootDelay: math.MaxUint32, rootDispersion: math.MaxUint32, precision: -30}, 32768*time.Second + 65536*time.Second + 2},
	} {
		require.Equal(t, c.want, c.h.claim(), "%+v", c.h)
	}
}

func TestKissCodes(t *testing.T) {
	for code, want := range map[string]error{
		"RATE": truetime.ErrSlowDown, "DENY": truetime.ErrDenied, "RSTR": truetime.ErrDenied,
		"INIT": truetime.ErrUnusable, "\x00\xff\x00\xff": truetime.ErrUnusable,
	} {
		err := header{kiss: [4]byte([]byte(code))}.kissError()
		require.ErrorIs(t, err, want, "%q", code)
		require.ErrorContains(t, err, "kiss-o'-death")
	}
}

func TestRootDistanceIsHalfTheDelayAndTheError(t *testing.T) {
	l := defaultLimits()
	l.maxRootDistance = 10 * time.Millisecond
	require.NoError(t, l.check(12*time.Millisecond, 4*time.Millisecond))
	require.ErrorContains(t, l.check(13*time.Millisecond, 4*time.Millisecond), "a root distance of 10.5ms")
}

func TestHeaderThatCannotBoundTimeIsRefused(t *testing.T) {
	good := header{version: 4, stratum: 2, precision: -20, received: 1, transmitted: 1}
	require.NoError(t, good.check(15))
	for want, spoil := range map[string]func(*header){
		"version 2":                     func(h *header) { h.version = 2 },
		"version 7":                     func(h *header) { h.version = 7 },
		"not synchronized":              func(h *header) { h.leap = 3 },
		"stratum 16 is above the limit": func(h *header) { h.stratum = 16 },
		"precision of 2^64 s":           func(h *header) { h.precision = 64 },
		"time stamp is missing":         func(h *header) { h.received = 0 },
		"stamp is missing":              func(h *header) { h.transmitted = 0 },
	} {
		h := good
		spoil(&h)
		err := h.check(15)
		require.ErrorIs(t, err, truetime.ErrUnusable)
		require.ErrorContains(t, err, want)
	}
}
