package ptpsrc

import (
	"net/netip"
	"testing"
	"time"

	"github.com/facebook/time/ptp/protocol"
	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/truetime"
)

func TestMistakesAreReportedAllAtOnce(t *testing.T) {
	_, err := truetime.New([]truetime.Source{
		Unicast("gm.example.net:319", WithDomain(256), nil, WithMessageRate(8)),
		PTP4L("ptp4l", WithServerPorts(1, 2), WithDrift(0)),
	})
	for _, want := range []string{
		"neither a host name nor an IP address", "domain 256", "an option is nil", "2^8 a second",
		"not an absolute path", "WithServerPorts is for Unicast, not for PTP4L", "drift of 0 ppm",
	} {
		require.ErrorContains(t, err, want)
	}
}

func TestOptionsHaveLimits(t *testing.T) {
	for name, c := range map[string]struct {
		kind      kind
		good, bad []Option
	}{
		"domain":   {unicastKind, []Option{WithDomain(0), WithDomain(255)}, []Option{WithDomain(-1), WithDomain(256)}},
		"accuracy": {unicastKind, []Option{WithAccuracy(1), WithAccuracy(16 * time.Second)}, []Option{WithAccuracy(0), WithAccuracy(17 * time.Second)}},
		"UTC":      {unicastKind, []Option{WithUTCOffset(0), WithUTCOffset(-time.Second)}, []Option{WithUTCOffset(time.Millisecond), WithUTCOffset(time.Hour)}},
		"TAI":      {ptp4lKind, []Option{WithTAI()}, nil},
		"boundary": {unicastKind, []Option{WithBoundaryClocks(1)}, []Option{WithBoundaryClocks(0), WithBoundaryClocks(2 * time.Second)}},
		"extra":    {ptp4lKind, []Option{WithExtraError(0)}, []Option{WithExtraError(-1), WithExtraError(time.Minute)}},
		"delay":    {ptp4lKind, []Option{WithMaxDelay(1)}, []Option{WithMaxDelay(0)}},
		"error":    {ptp4lKind, []Option{WithMaxError(1)}, []Option{WithMaxError(0)}},
		"ports":    {unicastKind, []Option{WithServerPorts(1, 65535)}, []Option{WithServerPorts(0, 1), WithServerPorts(5, 5), WithServerPorts(1, 65536)}},
		"rate":     {unicastKind, []Option{WithMessageRate(-4), WithMessageRate(7)}, []Option{WithMessageRate(-5), WithMessageRate(8)}},
		"drift":    {ptp4lKind, []Option{WithDrift(1), WithDrift(100_000)}, []Option{WithDrift(0.5), WithDrift(100_001)}},
		"other":    {ptp4lKind, nil, []Option{WithTransparentClocks(), WithMessageRate(0), nil}},
		"other2":   {unicastKind, []Option{WithTransparentClocks()}, []Option{WithDrift(100)}},
	} {
		for _, o := range c.good {
			s := defaultSettings(c.kind)
			require.NoError(t, s.configure([]Option{o}), name)
		}
		for _, o := range c.bad {
			s := defaultSettings(c.kind)
			require.Error(t, s.configure([]Option{o}), name)
		}
	}
	for _, o := range []PortOption{nil, WithLocalPorts(0, 1), WithLocalAddress(netip.Addr{}), WithLocalAddress(netip.MustParseAddr("224.0.1.129"))} {
		_, err := NewPort(o)
		require.Error(t, err)
	}
}

func TestTAIAndAUTCOffsetExcludeEachOther(t *testing.T) {
	for _, both := range [][]Option{{WithTAI(), WithUTCOffset(0)}, {WithUTCOffset(37 * time.Second), WithTAI()}} {
		for _, s := range []truetime.Source{
			Unicast("gm", both...), PTP4L(PTP4LSocket, both...), PHC("eth0", both...),
		} {
			err := s.Info().Err
			require.ErrorContains(t, err, "WithTAI and WithUTCOffset exclude each other", s.Info().Name)
		}
	}
}

func TestScaleIsTAIUnlessAUTCOffsetIsGiven(t *testing.T) {
	for _, make := range []func(...Option) truetime.Source{
		func(o ...Option) truetime.Source { return Unicast("gm", o...) },
		func(o ...Option) truetime.Source { return PTP4L(PTP4LSocket, o...) },
		func(o ...Option) truetime.Source { return PHC("eth0", append(o, WithErrorFromPTP4L(PTP4LSocket))...) },
	} {
		require.Equal(t, trueTAI, trueIn(make()))
		require.Equal(t, trueTAI, trueIn(make(WithTAI())))
		require.Equal(t, fakeUTC, trueIn(make(WithUTCOffset(0))))
		require.Equal(t, fakeUTC, trueIn(make(WithUTCOffset(37*time.Second))))
	}
}

func TestNamesTellSourcesApart(t *testing.T) {
	require.Equal(t, "ptp 2001:db8::7", Unicast("2001:0db8::7").Info().Name)
	require.Equal(t, "ptp gm.example.net port 1319 domain 3", Unicast("GM.example.net.", WithServerPorts(1319, 1320), WithDomain(3)).Info().Name)
	require.Equal(t, "ptp4l /var/run/ptp4l domain 3", PTP4L(PTP4LSocket, WithDomain(3)).Info().Name)
	for _, bad := range []string{"", "0.0.0.0", "224.0.1.129", "host:319", "[::1]:319", "ptp://host", "a b"} {
		require.Error(t, Unicast(bad).Info().Err, "%q", bad)
	}
}

// IEEE 1588-2019 table 5.
func TestAccuraciesAreThoseOfTheStandard(t *testing.T) {
	for code, want := range map[uint8]time.Duration{
		0x17: 1, 0x1D: 1, 0x1E: 3, 0x1F: 10, 0x20: 25, 0x21: 100, 0x22: 250, 0x23: time.Microsecond, 0x24: 2500, 0x25: 10 * time.Microsecond,
		0x27: 100 * time.Microsecond, 0x28: 250 * time.Microsecond, 0x29: time.Millisecond, 0x2A: 2500 * time.Microsecond, 0x2E: 250 * time.Millisecond, 0x2F: time.Second, 0x30: 10 * time.Second,
	} {
		e, err := grandmaster{class: classLocked, accuracy: code}.claim(trust{})
		require.NoError(t, err)
		require.Equal(t, want+stampResolution, e, "0x%02X", code)
	}
	for code := range 256 {
		if code < 0x17 || code > 0x30 {
			_, err := grandmaster{class: classLocked, accuracy: uint8(code)}.claim(trust{})
			require.ErrorIs(t, err, truetime.ErrUnusable, "0x%02X", code)
		}
	}
}

func TestGrandmasterThatDoesNotKnowUTCSaysNothingOfLeapSeconds(t *testing.T) {
	const valid = protocol.FlagCurrentUtcOffsetValid
	for flags, want := range map[uint16]truetime.Leap{
		0: truetime.LeapUnknown, protocol.FlagLeap61: truetime.LeapUnknown, protocol.FlagLeap59: truetime.LeapUnknown,
		valid: truetime.LeapNone, valid | protocol.FlagLeap61: truetime.LeapInsert, valid | protocol.FlagLeap59: truetime.LeapDelete,
	} {
		require.Equal(t, want, grandmaster{flags: flags}.leap(), "flags 0x%X", flags)
	}
}
