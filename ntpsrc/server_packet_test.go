package ntpsrc

import (
	"math"
	"net/netip"
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
		err := header{referenceID: [4]byte([]byte(code))}.kissError()
		require.ErrorIs(t, err, want, "%q", code)
		require.ErrorContains(t, err, "kiss-o'-death")
	}
}

func TestRootDistanceIsHalfTheDelayAndTheError(t *testing.T) {
	c := defaults()
	c.maxRootDistance = 10 * time.Millisecond
	require.NoError(t, c.check(12*time.Millisecond, 4*time.Millisecond))
	require.ErrorContains(t, c.check(13*time.Millisecond, 4*time.Millisecond), "a root distance of 10.5ms")
}

func TestHeaderThatCannotBoundTimeIsRefused(t *testing.T) {
	good := header{version: 4, mode: modeServer, stratum: 2, precision: -20, received: 1, transmitted: 1}
	require.NoError(t, good.check(defaults()))
	for want, spoil := range map[string]func(*header){
		"mode 3 in the reply":           func(h *header) { h.mode = 3 },
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
		err := h.check(defaults())
		require.ErrorIs(t, err, truetime.ErrUnusable)
		require.ErrorContains(t, err, want)
	}
}

// 2036-02-07 06:28:16 UTC is second 0 of era 1.
func TestTimeStampsPassIntoTheNextEra(t *testing.T) {
	rollover := truetime.FromStd(time.Date(2036, 2, 7, 6, 28, 16, 0, time.UTC))
	last, first := timestamp(math.MaxUint64), timestamp(1<<32)
	require.Equal(t, rollover-1, last.time())
	require.Equal(t, rollover.Add(time.Second), first.time())
	require.Equal(t, time.Second, first.since(last), "and 2⁻³² s")
	require.Equal(t, -time.Second-1, last.since(first), "rounded down")
	require.Equal(t, truetime.FromStd(time.Date(1968, 1, 20, 3, 14, 8, 0, time.UTC)), timestamp(1<<63).time())
	require.Equal(t, truetime.FromStd(time.Date(2104, 2, 26, 9, 42, 23, 0, time.UTC)), timestamp(1<<63-1<<32).time())

	// An exchange across the rollover: received in one era, sent in the next.
	c := &conn{sent: 0, received: counterAt(2_000_000), reply: header{
		version: 4, mode: modeServer, stratum: 1, precision: -20, referenceID: [4]byte{'G', 'P', 'S'},
		reference: math.MaxUint32 << 32, received: math.MaxUint32 << 32, transmitted: 1 << 31,
	}}
	s, err := Server("192.0.2.1").(*server).evaluate(c, netip.MustParseAddrPort("192.0.2.1:123"))
	require.NoError(t, err)
	require.Equal(t, rollover.Add(-time.Second+s.Claim), s.Latest)
	require.Equal(t, rollover.Add(time.Second/2-s.Claim), s.Earliest)
}

func TestServerWhoseClockWasCorrectedTooLongAgoIsRefused(t *testing.T) {
	h := header{version: 4, mode: modeServer, stratum: 2, precision: -20, received: 1 << 62, transmitted: 1 << 62}
	c := configure([]ServerOption{WithMaxReferenceAge(time.Hour)})
	for age, want := range map[int64]string{
		0: "", 3600: "", 3601: "above the limit of 1h0m0s", -1: "corrected 1s after it sent the reply",
	} {
		h.reference = h.transmitted - timestamp(age<<32)
		if want == "" {
			require.NoError(t, h.check(c))
			continue
		}
		require.ErrorIs(t, h.check(c), truetime.ErrUnusable)
		require.ErrorContains(t, h.check(c), want)
	}
	h.rootDispersion, h.reference = 1<<15, h.transmitted+1<<32 // claims 0.5 s, and was set back by 1 s
	require.NoError(t, h.check(c), "within twice its claim")
	h.reference += 1 << 20
	require.Error(t, h.check(c))
	h.reference = 0
	require.NoError(t, h.check(c), "it does not say")
	require.Error(t, configure([]ServerOption{WithMaxReferenceAge(0)}).Err())
}
