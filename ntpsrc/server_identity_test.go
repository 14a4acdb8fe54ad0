package ntpsrc

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/epsilontime/epsilon/ntpsrc/internal/ntstest"
	"github.com/epsilontime/epsilon/ntpsrc/ntptest"
)

// identityOf is what a server with the given behavior shows.
func identityOf(t *testing.T, b ntptest.Behavior) string {
	t.Helper()
	sample, err := ask(t, b)
	require.NoError(t, err)
	return sample.Identity
}

func TestOneMachineHasOneIdentityWhereverItIsAsked(t *testing.T) {
	machine := ntptest.Identity{ReferenceID: "GPS", Reference: time.Now().Add(-time.Minute)}
	first := identityOf(t, ntptest.Behavior{Identity: machine})
	require.NotEmpty(t, first)
	require.Equal(t, first, identityOf(t, ntptest.Behavior{Identity: machine}), "at another port")
	require.Equal(t, first, identityOf(t, ntptest.Behavior{Identity: machine, Dispersion: time.Millisecond}), "root dispersion grows between replies")
	require.Equal(t, first, identityOf(t, ntptest.Behavior{Identity: machine, Leap: 1}), "and a leap second is announced by and by")

	w := newWorld(t, ntstest.Behavior{NTP: ntptest.Behavior{Identity: machine}})
	sample, err := w.ask()
	require.NoError(t, err)
	require.Equal(t, first, sample.Identity, "under NTS")

	s := startServer(t, ntptest.Behavior{})
	one, err := Server(s.Address()).Sample(t.Context(), system(t))
	require.NoError(t, err)
	two, err := Server(s.Address()).Sample(t.Context(), system(t))
	require.NoError(t, err)
	require.Equal(t, one.Identity, two.Identity, "until its clock is corrected")
}

func TestMachinesThatDifferInAnythingHaveTwoIdentities(t *testing.T) {
	machine := ntptest.Identity{ReferenceID: "GPS", Reference: time.Now().Add(-time.Minute)}
	first := identityOf(t, ntptest.Behavior{Identity: machine})
	for name, b := range map[string]ntptest.Behavior{
		"reference ID":   {Identity: ntptest.Identity{ReferenceID: "GPS2", Reference: machine.Reference}},
		"reference time": {Identity: ntptest.Identity{ReferenceID: "GPS", Reference: machine.Reference.Add(time.Microsecond)}},
		"root delay":     {Identity: machine, RootDelay: time.Millisecond},
		"stratum":        {Identity: machine, Stratum: 2},
		"precision":      {Identity: machine, Precision: -21},
	} {
		require.NotEqual(t, first, identityOf(t, b), name)
	}
	require.NotEqual(t, identityOf(t, ntptest.Behavior{}), identityOf(t, ntptest.Behavior{}), "two test servers are two machines")
}

// Receivers of one make, all corrected by the pulse at the full second, would be taken for one
// machine.
func TestReplyThatShowsNoMachineHasNoIdentity(t *testing.T) {
	require.Empty(t, identityOf(t, ntptest.Behavior{Edit: set(16, make([]byte, 8)...)}), "no reference time")
	require.Empty(t, identityOf(t, ntptest.Behavior{Identity: ntptest.Identity{ReferenceID: "PPS", Reference: time.Now().Truncate(time.Second)}}), "whole seconds")
}
