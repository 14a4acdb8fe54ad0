package ptpsrc

import (
	"fmt"
	"testing"
	"time"

	"github.com/facebook/time/ptp/protocol"
	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/truetime"
)

func TestGrandmasterThatFollowsNobodyIsRefusedUnlessTheUserAllowsIt(t *testing.T) {
	const gnss, ntp, byHand, oscillator = protocol.TimeSourceGNSS, protocol.TimeSourceNTP, protocol.TimeSourceHandSet, protocol.TimeSourceInternalOscillator
	for _, c := range []struct {
		class  uint8
		source protocol.TimeSource
		local  bool
	}{
		{248, oscillator, true}, // ptp4l as it comes
		{187, oscillator, true},
		{52, oscillator, true},
		{6, oscillator, true}, // a class that was set by hand
		{13, oscillator, true},
		{6, byHand, true},
		{7, byHand, true},
		{255, gnss, true},
		{7, oscillator, false}, // in holdover
		{14, oscillator, false},
		{6, gnss, false},
		{248, ntp, false}, // somebody has told it
		{248, 0, false},
		{6, 0, false},
	} {
		g := grandmaster{identity: 1, class: c.class, source: c.source, accuracy: 0x21}
		// Vouched for as usual.
		_, err := g.claim(trust{accuracy: time.Microsecond})
		if c.local {
			require.ErrorIs(t, err, truetime.ErrUnusable, "%+v", c)
			require.ErrorContains(t, err, fmt.Sprintf("(clock class %d, time source 0x%02X); ptpsrc.WithLocalReference allows it", c.class, uint8(c.source)))
		} else {
			require.NoError(t, err, "%+v", c)
		}
		e, err := g.claim(trust{accuracy: time.Microsecond, local: true})
		require.NoError(t, err, "%+v", c)
		require.Equal(t, time.Microsecond+stampResolution, e)
	}
	_, err := grandmaster{class: 248, source: oscillator, accuracy: 0xFE}.claim(trust{local: true})
	require.ErrorContains(t, err, "WithAccuracy", "to be allowed is not to be accurate")
}

// What ptp4l announces that nobody has configured.
func TestGrandmasterAsItComesIsRefusedByUnicast(t *testing.T) {
	b := newBed(t, func(g *fakeGM) {
		g.onAnnounce = func(a *protocol.Announce) bool {
			a.GrandmasterClockQuality.ClockClass, a.GrandmasterClockQuality.ClockAccuracy, a.TimeSource = 248, 0xFE, 0xA0
			return true
		}
	})
	for _, options := range [][]UnicastOption{nil, {WithAccuracy(time.Microsecond)}} {
		_, err := ask(t, b, options...)
		require.ErrorIs(t, err, truetime.ErrUnusable)
		require.ErrorContains(t, err, "follows nobody: it says that it serves its internal oscillator (clock class 248, time source 0xA0); ptpsrc.WithLocalReference allows it")
	}
	s, err := ask(t, b, WithAccuracy(time.Microsecond), WithLocalReference())
	require.NoError(t, err)
	requireTrue(t, s)
}

func TestSamplesShowWhichGrandmasterHasAnswered(t *testing.T) {
	b := newBed(t, func(g *fakeGM) {
		g.onAnnounce = func(a *protocol.Announce) bool { a.GrandmasterIdentity = 0x0011_22ff_fe33_4455; return true }
	})
	s, err := ask(t, b)
	require.NoError(t, err)
	require.Equal(t, "PTP grandmaster 001122.fffe.334455", s.Identity)
	require.Empty(t, grandmaster{}.shown(), "one that shows nothing")

	_, _, poll := withPTP4L(t, nil)
	_, _ = poll()
	_, _ = poll()
	s, err = poll()
	require.NoError(t, err)
	require.Equal(t, "PTP grandmaster 000000.0000.000002", s.Identity)
}
