package truetime_test

import (
	"crypto/tls"
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/clockbound"
	"github.com/epsilontime/epsilon/ntpsrc"
	"github.com/epsilontime/epsilon/ptpsrc"
	"github.com/epsilontime/epsilon/truetime"
	"github.com/epsilontime/epsilon/vmsrc"
)

// wrapper is what a user writes who wants to add something to a source.
type wrapper struct{ truetime.Source }

// allSources is every kind of source of this module, configured well and badly. Nobody answers any of them here.
func allSources(t *testing.T) map[string]truetime.Source {
	port, err := ptpsrc.NewPort(ptpsrc.WithLocalPorts(23519, 23520), ptpsrc.WithLocalAddress(netip.MustParseAddr("127.0.0.1")))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, port.Close()) })
	return map[string]truetime.Source{
		"Server":               ntpsrc.Server("127.0.0.1:1"),
		"Server, smeared":      ntpsrc.Server("127.0.0.1:1", ntpsrc.WithScale(truetime.ScaleUTCSmeared)),
		"Server, no scale":     ntpsrc.Server("127.0.0.1:1", ntpsrc.WithScale(truetime.ScaleTAI+1)),
		"Server, mistake":      ntpsrc.Server("", ntpsrc.WithMaxStratum(99)),
		"Pool":                 ntpsrc.Pool("localhost", 1, ntpsrc.WithScale(truetime.ScaleUTCSmeared))[0],
		"Pool, mistake":        ntpsrc.Pool("127.0.0.1", 1)[0],
		"NTS":                  ntpsrc.NTS("127.0.0.1:1"),
		"NTS, mistake":         ntpsrc.NTS("127.0.0.1:1", ntpsrc.WithTLSConfig(&tls.Config{InsecureSkipVerify: true})),
		"Chrony":               ntpsrc.Chrony("127.0.0.1:1"),
		"Chrony, mistake":      ntpsrc.Chrony("192.0.2.1"),
		"Kernel":               ntpsrc.Kernel(ntpsrc.WithScale(truetime.ScaleUTCSmeared)),
		"Kernel, mistake":      ntpsrc.Kernel(nil),
		"Unicast":              ptpsrc.Unicast("127.0.0.1"),
		"Unicast of a Port":    port.Unicast("127.0.0.1", ptpsrc.WithUTCOffset(0)),
		"Unicast, mistake":     ptpsrc.Unicast("127.0.0.1", ptpsrc.WithMaxDelay(0)),
		"PTP4L":                ptpsrc.PTP4L("/nobody"),
		"PTP4L, mistake":       ptpsrc.PTP4L("nobody"),
		"PHC":                  ptpsrc.PHC("/dev/ptp_none", ptpsrc.WithTAI()),
		"PHC, with ptp4l":      ptpsrc.PHCWithPTP4L("/dev/ptp_none", "/nobody"),
		"PHC, mistake":         ptpsrc.PHC("/dev/ptp_none"),
		"VMClock":              vmsrc.VMClock("/nobody"),
		"VMClock, mistake":     vmsrc.VMClock(""),
		"ClockBound":           clockbound.Source("/nobody", clockbound.WithScale(truetime.ScaleUTCSmeared)),
		"ClockBound, mistake":  clockbound.Source(""),
		"a wrapper, a mistake": wrapper{ptpsrc.PHC("")},
	}
}

// configured is what a clock has made of its sources: the error, or what Status says of them.
func configured(t *testing.T, sources []truetime.Source, options ...truetime.Option) string {
	t.Helper()
	clock, err := truetime.New(sources, append(options, truetime.WithPoll(time.Hour, time.Hour))...)
	if err != nil {
		return err.Error()
	}
	defer clock.Close()
	s := clock.Status()
	text := fmt.Sprintf("%d voters, %d faulty", s.Voters, s.Faulty)
	for _, source := range s.Sources {
		text += fmt.Sprintf("; %q of group %q in %v, authenticated %v, no vote %v", source.Name, source.Group, source.Scale, source.Authenticated, source.NoVote)
	}
	return text
}

// A wrapper that embeds a Source has its scale, its authentication, its group and its mistakes, or answers would be wrong
// without anybody noticing. That holds around a Group and inside it, and for wrappers of wrappers.
func TestWrapperLosesNothingOfAnySource(t *testing.T) {
	other := ntpsrc.Server("127.0.0.1:2")
	for name, source := range allSources(t) {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, source.Info(), wrapper{source}.Info())
			grouped := truetime.Group("g", source, other)
			wrapped := []truetime.Source{wrapper{grouped[0]}, wrapper{wrapper{grouped[1]}}}
			for _, options := range [][]truetime.Option{nil, {truetime.WithRequireAuthenticated()}} {
				require.Equal(t, configured(t, []truetime.Source{source}, options...), configured(t, []truetime.Source{wrapper{source}}, options...))
				want := configured(t, grouped, options...)
				require.Equal(t, want, configured(t, wrapped, options...), "around a group")
				require.Equal(t, want, configured(t, truetime.Group("g", wrapper{source}, other), options...), "inside a group")
				require.Equal(t, want, configured(t, truetime.Group("g", wrapped...), options...), "inside and around")
			}
		})
	}
}

// changing says something else of itself each time.
type changing struct {
	truetime.Source
	times *int
}

func (c changing) Info() truetime.SourceInfo {
	*c.times++
	return truetime.SourceInfo{Name: fmt.Sprint("name ", *c.times), Authenticated: *c.times == 1}
}

func TestASourceIsAskedOnceWhatItIs(t *testing.T) {
	n := 0
	text := configured(t, []truetime.Source{changing{ntpsrc.Server("127.0.0.1:1"), &n}}, truetime.WithRequireAuthenticated())
	require.Equal(t, 1, n)
	require.Contains(t, text, `"name 1"`)
	require.Contains(t, text, "authenticated true")
}

// The same source under two names is found out by who answers, and with one name by that.
func TestASourceGivenTwiceIsRefused(t *testing.T) {
	s := ntpsrc.Server("127.0.0.1:1")
	require.Contains(t, configured(t, []truetime.Source{s, wrapper{s}}), "is given more than once")
}
