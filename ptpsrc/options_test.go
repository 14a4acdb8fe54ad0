package ptpsrc

import (
	"math"
	"net/netip"
	"reflect"
	"testing"
	"time"

	"github.com/facebook/time/ptp/protocol"
	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/truetime"
)

func TestMistakesAreReportedAllAtOnce(t *testing.T) {
	_, err := truetime.New([]truetime.Source{
		Unicast("gm.example.net:319", WithDomain(256), nil, WithMessageRate(8)),
		PTP4L("ptp4l", WithMaxDelay(0)),
	})
	for _, want := range []string{
		"neither a host name nor an IP address", "domain 256", "an option is nil", "2^8 a second",
		"not an absolute path", "maximum delay of 0s",
	} {
		require.ErrorContains(t, err, want)
	}
}

// What a constructor takes is what its sources have a use for: the compiler refuses the rest.
func TestOptionsFitTheirConstructors(t *testing.T) {
	takes := map[string]reflect.Type{
		"PHC":     reflect.TypeFor[Option](),
		"PTP4L":   reflect.TypeFor[PTP4LOption](), // and PHCWithPTP4L
		"Unicast": reflect.TypeFor[UnicastOption](),
	}
	every, follower, unicast := []string{"PHC", "PTP4L", "Unicast"}, []string{"PTP4L", "Unicast"}, []string{"Unicast"}
	for _, c := range []struct {
		option any
		fits   []string
	}{
		{WithAccuracy, every}, {WithTAI, every}, {WithUTCOffset, every},
		{WithExtraError, every}, {WithMaxDelay, every}, {WithMaxError, every},
		{WithDomain, follower}, {WithBoundaryClocks, follower}, {WithLocalReference, follower},
		{WithServerPorts, unicast}, {WithMessageRate, unicast}, {WithTransparentClocks, unicast},
		{WithDistance, unicast}, {WithMinDelay, unicast}, {WithoutKernelStamps, unicast},
	} {
		var fits []string
		for name, option := range takes {
			if reflect.TypeOf(c.option).Out(0).Implements(option) {
				fits = append(fits, name)
			}
		}
		require.ElementsMatch(t, c.fits, fits, "%T", c.option)
	}
}

func TestOptionsHaveLimits(t *testing.T) {
	type options = []UnicastOption
	for name, c := range map[string]struct{ good, bad options }{
		"domain":      {options{WithDomain(0), WithDomain(255)}, options{WithDomain(-1), WithDomain(256)}},
		"accuracy":    {options{WithAccuracy(1), WithAccuracy(16 * time.Second)}, options{WithAccuracy(0), WithAccuracy(17 * time.Second)}},
		"UTC":         {options{WithUTCOffset(0), WithUTCOffset(-time.Second)}, options{WithUTCOffset(time.Millisecond), WithUTCOffset(time.Hour)}},
		"TAI":         {options{WithTAI()}, nil},
		"boundary":    {options{WithBoundaryClocks(1)}, options{WithBoundaryClocks(0), WithBoundaryClocks(2 * time.Second)}},
		"extra":       {options{WithExtraError(0)}, options{WithExtraError(-1), WithExtraError(time.Minute)}},
		"delay":       {options{WithMaxDelay(1)}, options{WithMaxDelay(0)}},
		"error":       {options{WithMaxError(1)}, options{WithMaxError(0)}},
		"ports":       {options{WithServerPorts(1, 65535)}, options{WithServerPorts(0, 1), WithServerPorts(5, 5), WithServerPorts(1, 65536)}},
		"rate":        {options{WithMessageRate(1), WithMessageRate(7)}, options{WithMessageRate(-4), WithMessageRate(0), WithMessageRate(8)}},
		"transparent": {options{WithTransparentClocks()}, nil},
		"stamps":      {options{WithoutKernelStamps()}, nil},
		"distance":    {options{WithDistance(0.001), WithDistance(20_038)}, options{WithDistance(0), WithDistance(-1), WithDistance(20_039), WithDistance(math.NaN()), WithDistance(math.Inf(1))}},
		"way":         {options{WithMinDelay(1), WithMinDelay(500 * time.Millisecond)}, options{WithMinDelay(0), WithMinDelay(-1), WithMinDelay(2 * time.Second)}},
		"nil":         {nil, options{nil}},
	} {
		for _, o := range c.good {
			require.NoError(t, configure(options{o}).Err(), name)
		}
		for _, o := range c.bad {
			require.Error(t, configure(options{o}).Err(), name)
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
			Unicast("gm", both[0], both[1]), PTP4L(PTP4LSocket, both[0], both[1]), PHC("eth0", both...),
		} {
			err := s.Info().Err
			require.ErrorContains(t, err, "WithTAI and WithUTCOffset exclude each other", s.Info().Name)
		}
	}
}

func TestScaleIsTAIUnlessAUTCOffsetIsGiven(t *testing.T) {
	for _, from := range []func(...Option) truetime.Source{
		func(o ...Option) truetime.Source { return Unicast("gm", as[UnicastOption](o)...) },
		func(o ...Option) truetime.Source { return PTP4L(PTP4LSocket, as[PTP4LOption](o)...) },
		func(o ...Option) truetime.Source { return PHCWithPTP4L("eth0", PTP4LSocket, as[PTP4LOption](o)...) },
	} {
		require.Equal(t, trueTAI, trueIn(from()))
		require.Equal(t, trueTAI, trueIn(from(WithTAI())))
		require.Equal(t, fakeUTC, trueIn(from(WithUTCOffset(0))))
		require.Equal(t, fakeUTC, trueIn(from(WithUTCOffset(37*time.Second))))
	}
}

// as returns options of one type as options of another, which they are.
func as[To, From any](options []From) (all []To) {
	for _, o := range options {
		all = append(all, any(o).(To))
	}
	return all
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
